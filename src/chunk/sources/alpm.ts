/** Components from the local database of pacman: one for each package base. */
import { type ByteString, byteString, fromBytes } from '../../bytes/byte-string.ts';
import type { Directory } from '../../tree/tree.ts';
import { joinPath, lookup, sortedChildren, walk } from '../../tree/walk.ts';
import type { ClaimContext, ComponentSource, FileReader, SourceClaims } from '../component.ts';
import { parseDatabasePath, parseDesc, parseFiles } from '../databases/alpm-records.ts';
import { dayOf } from '../rates.ts';
import { resolveDirectory } from '../tree-index.ts';
import { ignoreDatabase, readDatabaseText, regularFiles } from './database-file.ts';
import { claimPackages, type PackageRecord } from './package-claims.ts';

const CONFIG = byteString('/etc/pacman.conf');
const DEFAULT_PATH = byteString('/var/lib/pacman');
const LOCAL = byteString('local');
const DESC = byteString('desc');
const FILES = byteString('files');
const VERSION_FILE = byteString('ALPM_DB_VERSION');
/** The form of the database since pacman 4.2. */
const VERSION = '9';

/** The pacman source. The records of a package belong to it: the database is split by nature. */
export const alpmSource: ComponentSource = {
  name: 'alpm',
  priority: 10,
  strength: 'strong',
  wantedPaths,
  claim,
};

/** Which database is used stands in a file that cannot be read yet: the records of all that there are. */
function wantedPaths(root: Directory): ByteString[] {
  const wanted = [CONFIG];
  for (const local of localDirectories(root)) {
    wanted.push(joinPath(local, VERSION_FILE));
    for (const directory of packageDirectories(root, local))
      wanted.push(joinPath(directory, DESC), joinPath(directory, FILES));
  }
  return wanted.filter((path) => lookup(root, path)?.type === 'regular');
}

function localDirectories(root: Directory): Set<ByteString> {
  const usual = localDirectory(root, DEFAULT_PATH);
  const found = new Set<ByteString>(usual === undefined ? [] : [usual]);
  if (lookup(root, CONFIG) === undefined) return found;
  for (const { path, name, node } of walk(root)) {
    if (node.type === 'directory' && name === LOCAL) found.add(path);
  }
  return found;
}

function localDirectory(root: Directory, path: ByteString): ByteString | undefined {
  return resolveDirectory(root, joinPath(path, LOCAL))?.path;
}

function packageDirectories(root: Directory, local: ByteString): ByteString[] {
  const directory = lookup(root, local);
  if (directory?.type !== 'directory') return [];
  return sortedChildren(directory)
    .filter(([, node]) => node.type === 'directory')
    .map(([name]) => joinPath(local, name));
}

function databasePath(root: Directory, reader: FileReader): ByteString {
  const bytes = lookup(root, CONFIG)?.type === 'regular' ? reader.read(CONFIG) : undefined;
  return (bytes === undefined ? undefined : parseDatabasePath(fromBytes(bytes))) ?? DEFAULT_PATH;
}

function claim(context: ClaimContext): SourceClaims {
  const { root } = context.index;
  const local = localDirectory(root, databasePath(root, context.reader));
  if (local === undefined || !isKnownVersion(context, joinPath(local, VERSION_FILE)))
    return { components: new Map(), claims: [] };
  const bad: ByteString[] = [];
  const packages: PackageRecord[] = [];
  for (const directory of packageDirectories(root, local)) {
    const pkg = readPackage(context, directory);
    if (pkg === undefined) bad.push(directory);
    else packages.push(pkg);
  }
  const [first] = bad;
  if (first !== undefined) ignoreDatabase(context, first, `${bad.length} records of pacman name no package`);
  return claimPackages(context, packages);
}

function isKnownVersion(context: ClaimContext, path: ByteString): boolean {
  const version = readDatabaseText(context, path)?.trim();
  if (version === undefined || version === VERSION) return true;
  ignoreDatabase(context, path, 'the database of pacman has an unknown version');
  return false;
}

function readPackage(context: ClaimContext, directory: ByteString): PackageRecord | undefined {
  const desc = readDatabaseText(context, joinPath(directory, DESC));
  const pkg = desc === undefined ? undefined : parseDesc(desc);
  if (pkg === undefined) return undefined;
  const files = readDatabaseText(context, joinPath(directory, FILES));
  const listed = files === undefined ? [] : parseFiles(files);
  return {
    key: alpmKey(pkg.base),
    changeDays: pkg.buildTime === undefined ? [] : [dayOf(pkg.buildTime)],
    paths: [...listed, ...regularFiles(context.index.root, directory)],
  };
}

/** Kernels of some distributions carry their version in the name (`linux612`); it is cut out. */
function alpmKey(base: ByteString): ByteString {
  return byteString(`alpm/${base.replace(/^linux\d+(?=-|$)/, 'linux')}`);
}
