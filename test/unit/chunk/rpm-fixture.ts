/** The RPM database among the fixtures, and packages in the words of `rpmdb.query.gz`. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { RpmPackage } from '../../../src/chunk/databases/rpm-package.ts';

const folder = new URL('../../../fixtures/chunk/', import.meta.url);

/** A fresh copy of the database. */
export function readDatabase(): Buffer {
  return gunzipSync(readFileSync(new URL('rpmdb.sqlite.gz', folder)));
}

export function readQuery(): string {
  return gunzipSync(readFileSync(new URL('rpmdb.query.gz', folder))).toString('latin1');
}

/** The format that makes rpm speak as {@link formatPackages} does. */
export const QUERY_FORMAT = [
  '@\\t%{NAME}\\t%{EPOCH}\\t%{VERSION}\\t%{RELEASE}\\t%{ARCH}\\t%{SOURCERPM}\\t%{BUILDTIME}\\n',
  '[C\\t%{CHANGELOGTIME}\\n]',
  '[F\\t%{FILENAMES}\\t%{FILESIZES}\\t%{FILEMODES}\\t%{FILEMTIMES}\\t%{FILEDIGESTS}\\t%{FILEFLAGS}\\t%{FILESTATES}',
  '\\t%{FILELINKTOS}\\n]',
].join('');

export function formatPackages(packages: readonly RpmPackage[]): string {
  return packages.map(formatPackage).join('');
}

function formatPackage(pkg: RpmPackage): string {
  const { name, epoch, version, release, architecture, sourceRpm, buildTime } = pkg;
  const lines = [['@', name, epoch ?? '(none)', version, release, architecture, sourceRpm, buildTime]];
  for (const time of pkg.changelogTimes) lines.push(['C', time]);
  for (const file of pkg.files) {
    const { path, size, mode, mtime, digest, flags, state, linkTarget } = file;
    lines.push(['F', path, size, mode, mtime, digest, flags, state, linkTarget]);
  }
  return lines.map((fields) => `${fields.join('\t')}\n`).join('');
}
