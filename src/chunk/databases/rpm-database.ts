/** Finds the RPM database of a tree and reads its packages, whichever backend wrote it. */
import { type ByteString, byteString } from '../../bytes/byte-string.ts';
import { isPlanishError } from '../../errors.ts';
import { LIMITS } from '../../limits.ts';
import type { Directory } from '../../tree/tree.ts';
import { joinPath, lookup } from '../../tree/walk.ts';
import type { ClaimContext } from '../component.ts';
import { ignoreDatabase, readDatabaseBytes } from '../sources/database-file.ts';
import { resolveDirectory } from '../tree-index.ts';
import { readBdb } from './rpm-bdb.ts';
import { RpmHeader } from './rpm-header.ts';
import { readNdb } from './rpm-ndb.ts';
import { type RpmPackage, readRpmPackage } from './rpm-package.ts';
import { SqliteFile } from './sqlite-file.ts';
import { readTable } from './sqlite-table.ts';

/** Where databases lie, newest place first; some are links to others. */
const PLACES = ['/usr/lib/sysimage/rpm', '/usr/share/rpm', '/var/lib/rpm'].map(byteString);

const SQLITE = byteString('rpmdb.sqlite');
const SQLITE_LOG = byteString('rpmdb.sqlite-wal');
const NDB = byteString('Packages.db');
const BERKELEY = byteString('Packages');

/** Files that {@link readRpmDatabase} may read. */
export function rpmDatabaseFiles(root: Directory): ByteString[] {
  const files = directories(root).flatMap((directory) =>
    [SQLITE, SQLITE_LOG, NDB, BERKELEY].map((name) => joinPath(directory, name)),
  );
  return files.filter((path) => lookup(root, path)?.type === 'regular');
}

function directories(root: Directory): ByteString[] {
  const found = PLACES.map((place) => resolveDirectory(root, place)?.path);
  return [...new Set(found)].filter((path) => path !== undefined);
}

/** Packages of the first database that can be read; one `DATABASE_IGNORED` for each that cannot. */
export function readRpmDatabase(context: ClaimContext): readonly RpmPackage[] {
  for (const directory of directories(context.index.root)) {
    const packages = readDirectory(context, directory);
    if (packages !== undefined) return packages;
  }
  return [];
}

function readDirectory(context: ClaimContext, directory: ByteString): RpmPackage[] | undefined {
  const has = (name: ByteString): boolean =>
    lookup(context.index.root, joinPath(directory, name))?.type === 'regular';
  if (has(SQLITE)) return readFile(context, joinPath(directory, SQLITE), readSqlite);
  if (has(NDB)) return readFile(context, joinPath(directory, NDB), (_, bytes) => readNdb(bytes));
  if (has(BERKELEY)) return readFile(context, joinPath(directory, BERKELEY), (_, bytes) => readBdb(bytes));
  return undefined;
}

type ReadBlobs = (context: ClaimContext, bytes: Uint8Array, path: ByteString) => readonly Uint8Array[];

function readFile(context: ClaimContext, path: ByteString, read: ReadBlobs): RpmPackage[] | undefined {
  const bytes = readDatabaseBytes(context, path, LIMITS.rpmDatabaseBytes);
  if (bytes === undefined) return undefined;
  try {
    return readPackages(context, path, read(context, bytes, path));
  } catch (error) {
    // Without a database the files still have other sources; the image is built, only less cleverly.
    if (!isPlanishError(error, 'RPM_BAD_DATABASE')) throw error;
    ignoreDatabase(context, path, error.message);
    return undefined;
  }
}

function readSqlite(context: ClaimContext, bytes: Uint8Array, path: ByteString): Uint8Array[] {
  const log = readDatabaseBytes(context, byteString(`${path}-wal`), LIMITS.rpmDatabaseBytes);
  return readSqliteHeaders(bytes, log);
}

/**
 * Header blobs of a `rpmdb.sqlite` and of the write-ahead log beside it, by ascending number. Throws
 * `RPM_BAD_DATABASE`.
 */
export function readSqliteHeaders(bytes: Uint8Array, log?: Uint8Array): Uint8Array[] {
  const blobs: Uint8Array[] = [];
  for (const [, blob] of readTable(new SqliteFile(bytes, log), 'Packages', 2)) {
    if (blob instanceof Uint8Array) blobs.push(blob);
  }
  return blobs;
}

/** One bad header does not spoil the others. */
function readPackages(context: ClaimContext, path: ByteString, blobs: readonly Uint8Array[]): RpmPackage[] {
  const packages: RpmPackage[] = [];
  let first = '';
  let bad = 0;
  for (const blob of blobs) {
    try {
      packages.push(readRpmPackage(new RpmHeader(blob)));
    } catch (error) {
      if (!isPlanishError(error, 'RPM_BAD_DATABASE')) throw error;
      first = bad++ === 0 ? error.message : first;
    }
  }
  if (bad > 0)
    ignoreDatabase(context, path, `${bad} of ${blobs.length} package headers are malformed: ${first}`);
  return packages;
}
