/**
 * `@db`: the files of package managers and the system that change with every update of anything. Together, and in
 * the last layer, they spoil nothing else.
 */
import { type ByteString, byteString } from '../../bytes/byte-string.ts';
import type { Claim, ClaimContext, ComponentSource, SourceClaims } from '../component.ts';
import { ALWAYS_RATE } from '../rates.ts';

/** Key of the component. */
const DATABASE_KEY: ByteString = byteString('@db');

/** Begins as one of these trees; one pattern, for it is asked of every path. */
const beginsAs = (trees: readonly string[]): RegExp => new RegExp(`^(?:${trees.join('|')})`);

/** Whole trees of such files; what a package owns by its own records (`dpkg/info`, `status.d`) is not among them. */
const TREES = beginsAs([
  '/var/lib/dpkg/',
  '/var/lib/apt/',
  '/var/cache/apt/',
  '/var/cache/debconf/',
  '/var/lib/ucf/',
  '/var/cache/ldconfig/',
  '/var/log/',
  '/var/lib/rpm/',
  '/usr/lib/sysimage/rpm/',
  '/usr/share/rpm/',
  '/usr/lib/sysimage/rpm-ostree-base-db/',
  '/var/lib/dnf/',
  '/var/cache/dnf/',
  '/usr/lib/sysimage/libdnf5/',
  '/var/cache/libdnf5/',
  '/var/cache/zypp/',
  '/lib/apk/db/',
  '/usr/lib/apk/db/',
  '/var/cache/apk/',
  '/var/cache/pacman/',
  '/var/lib/pacman/sync/',
]);
const FILES = new Set(['/etc/ld.so.cache', '/var/lib/dpkg/info/format']);
const PACKAGE_RECORDS = beginsAs(['/var/lib/dpkg/info/', '/var/lib/dpkg/status\\.d/']);

/** The source of `@db`. Empty directories are left to the packages that own them. */
export const databaseSource: ComponentSource = {
  name: 'database',
  priority: 0,
  strength: 'strong',
  wantedPaths: () => [],
  claim,
};

function claim({ index }: ClaimContext): SourceClaims {
  const claims: Claim[] = index.items
    .filter(({ path, node }) => node.type !== 'directory' && isDatabase(path))
    .map(({ path }) => ({ path, key: DATABASE_KEY }));
  return { components: new Map([[DATABASE_KEY, { kind: 'database', rate: ALWAYS_RATE }]]), claims };
}

function isDatabase(path: string): boolean {
  if (FILES.has(path)) return true;
  return TREES.test(path) && !PACKAGE_RECORDS.test(path);
}
