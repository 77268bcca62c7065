/** Components from an RPM database: one for each source package. */
import type { ClaimContext, ComponentSource, SourceClaims } from '../component.ts';
import { readRpmDatabase, rpmDatabaseFiles } from '../databases/rpm-database.ts';
import { isGhost, isPresent, type RpmFile, type RpmPackage, rpmKey } from '../databases/rpm-package.ts';
import { dayOf } from '../rates.ts';
import { claimPackages, type PackageRecord } from './package-claims.ts';

/** The RPM source: files that packages brought. The database itself belongs to `@db`. */
export const rpmSource: ComponentSource = {
  name: 'rpm',
  priority: 10,
  strength: 'strong',
  wantedPaths: rpmDatabaseFiles,
  claim,
};

/**
 * Files that packages only name (ghosts), where they exist and no rule knows better: `modules.dep` belongs to its
 * kernel either way, but an initramfs to none.
 */
export const rpmGhostSource: ComponentSource = {
  name: 'rpm-ghosts',
  priority: 60,
  strength: 'weak',
  wantedPaths: rpmDatabaseFiles,
  claim: (context) => {
    const { claims } = claimPackages(context, recordsOf(context, isGhost));
    return { components: new Map(), claims };
  },
};

function claim(context: ClaimContext): SourceClaims {
  const brought = (file: RpmFile): boolean => !isGhost(file);
  const builds = packagesOf(context).flatMap(({ buildTime }) => (buildTime === undefined ? [] : [buildTime]));
  const newestDay = builds.length === 0 ? undefined : dayOf(builds.reduce((a, b) => Math.max(a, b)));
  return { ...claimPackages(context, recordsOf(context, brought)), newestDay };
}

/** Both sources need the packages; a database has up to hundreds of megabytes and is read once. */
const readPackages = new WeakMap<ClaimContext, readonly RpmPackage[]>();

function packagesOf(context: ClaimContext): readonly RpmPackage[] {
  const packages = readPackages.get(context) ?? readRpmDatabase(context);
  readPackages.set(context, packages);
  return packages;
}

function recordsOf(context: ClaimContext, wanted: (file: RpmFile) => boolean): PackageRecord[] {
  return packagesOf(context).map((pkg) => ({
    key: rpmKey(pkg),
    changeDays: changeDays(pkg),
    paths: pkg.files.filter((file) => isPresent(file) && wanted(file)).map(({ path }) => path),
  }));
}

/** Days of the changelog; a package that has none changed when it was built. */
function changeDays({ changelogTimes, buildTime }: RpmPackage): number[] {
  if (changelogTimes.length > 0) return changelogTimes.map(dayOf);
  return buildTime === undefined ? [] : [dayOf(buildTime)];
}
