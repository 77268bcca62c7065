/** Components from a dpkg database: one for each source package. */
import { type ByteString, byteString } from '../../bytes/byte-string.ts';
import { isPlanishError } from '../../errors.ts';
import type { Directory, Node } from '../../tree/tree.ts';
import { joinPath, lookup, sortedChildren } from '../../tree/walk.ts';
import { type ChangeHistory, mergeHistories } from '../change-history.ts';
import type { Claim, ClaimContext, ComponentFacts, ComponentSource, SourceClaims } from '../component.ts';
import { parseChangelog, readChangelog } from '../databases/debian-changelog.ts';
import {
  type Diversion,
  parseConffiles,
  parseDiversions,
  parseFileList,
  parseMd5sums,
} from '../databases/dpkg-lists.ts';
import { type DpkgPackage, dpkgKey, parseStatus } from '../databases/dpkg-status.ts';
import { dayOf } from '../rates.ts';
import { resolveDirectory } from '../tree-index.ts';
import { ignoreDatabase, readDatabaseText, regularFiles } from './database-file.ts';

const DATABASE = byteString('/var/lib/dpkg');
const STATUS = byteString(`${DATABASE}/status`);
const STATUS_D = byteString(`${DATABASE}/status.d`);
const INFO = byteString(`${DATABASE}/info`);
const DIVERSIONS = byteString(`${DATABASE}/diversions`);
const DOC = byteString('/usr/share/doc');

const LIST_SUFFIX = /\.(?:list|md5sums|conffiles)$/;
// `changelog.Debian.amd64.gz` holds the entry of a rebuild without changes of source (binNMU).
const CHANGELOG = /^changelog(?:\.Debian(?:\.[a-z0-9-]+)?)?(?:\.gz)?$/;

/** Everything read of one package. */
interface PackageFiles {
  readonly package: DpkgPackage;
  readonly key: ByteString;
  /** Database files that are about this package alone. */
  readonly records: readonly ByteString[];
  /** Paths as the database lists them. */
  readonly listed: readonly ByteString[];
}

/** The dpkg source: `var/lib/dpkg`, with `status` or, as distroless images have it, `status.d`. */
export const dpkgSource: ComponentSource = {
  name: 'dpkg',
  priority: 10,
  strength: 'strong',
  wantedPaths,
  claim,
};

function wantedPaths(root: Directory): ByteString[] {
  if (lookup(root, DATABASE)?.type !== 'directory') return [];
  const wanted = [STATUS, DIVERSIONS].filter((path) => lookup(root, path)?.type === 'regular');
  wanted.push(...regularFiles(root, INFO).filter((path) => LIST_SUFFIX.test(path)));
  wanted.push(...regularFiles(root, STATUS_D));
  const doc = lookup(root, DOC);
  if (doc?.type !== 'directory') return wanted;
  for (const [name, node] of sortedChildren(doc)) {
    if (node.type === 'directory') wanted.push(...changelogs(node, joinPath(DOC, name)));
  }
  return wanted;
}

/** Debian's changelogs in a documentation directory; the one of upstream only where there is no other. */
function changelogs(directory: Directory, path: ByteString): ByteString[] {
  const names = sortedChildren(directory)
    .filter(([name, node]) => node.type === 'regular' && CHANGELOG.test(name))
    .map(([name]) => name);
  const debian = names.filter((name) => name.startsWith('changelog.Debian'));
  return (debian.length > 0 ? debian : names).map((name) => joinPath(path, name));
}

function claim(context: ClaimContext): SourceClaims {
  const packages = [...readStatus(context), ...readStatusD(context)];
  const divert = diverter(context);
  const histories = new Map<ByteString, ChangeHistory>();
  const newest = new Map<ByteString, number[]>();
  const claims: Claim[] = [];
  for (const { package: pkg, key, records, listed } of packages) {
    for (const path of records) claims.push({ path, key });
    for (const path of listed) {
      const canonical = divert(path, pkg.name);
      const item = canonical === undefined ? undefined : context.index.find(canonical);
      if (item === undefined) continue;
      claims.push({ path: item.path, key });
      noteNewest(newest, key, item.node);
    }
    const known = histories.get(key) ?? new Map();
    histories.set(key, mergeHistories([known, ...readHistories(context, pkg.name)]));
  }
  const components = new Map<ByteString, ComponentFacts>();
  for (const [key, history] of histories) {
    const facts =
      history.size === 0 ? { changeDays: newest.get(key) } : { changeDays: [...history.keys()], history };
    components.set(key, { kind: 'package', ...facts });
  }
  return { components, claims };
}

/**
 * Newest day of a package's own files. They keep the time of the last changelog entry, which the records of the
 * database do not: those have the time of installation.
 */
function noteNewest(newest: Map<ByteString, number[]>, key: ByteString, node: Node): void {
  if (node.type !== 'regular') return;
  const day = dayOf(node.metadata.mtime.sec);
  const [known = day] = newest.get(key) ?? [];
  newest.set(key, [Math.max(known, day)]);
}

function parsePackages(context: ClaimContext, path: ByteString): DpkgPackage[] {
  const text = readDatabaseText(context, path);
  if (text === undefined) return [];
  try {
    let bad = 0;
    let first = 0;
    const packages = parseStatus(text, (line) => {
      first = bad++ === 0 ? line : first;
    });
    if (bad > 0) ignoreDatabase(context, path, `${bad} stanzas name no package, the first at line ${first}`);
    return packages;
  } catch (error) {
    // Without a database the files still have other sources; the image is built, only less cleverly.
    if (!isPlanishError(error, 'DPKG_BAD_DATABASE')) throw error;
    ignoreDatabase(context, path, error.message);
    return [];
  }
}

function readStatus(context: ClaimContext): PackageFiles[] {
  const records = new Map<string, ByteString[]>();
  for (const path of regularFiles(context.index.root, INFO)) {
    const base = path.slice(INFO.length + 1, Math.max(path.lastIndexOf('.'), INFO.length + 1));
    const known = records.get(base);
    if (known === undefined) records.set(base, [path]);
    else known.push(path);
  }
  const missing: ByteString[] = [];
  const packages = parsePackages(context, STATUS).map((pkg) => {
    const own = records.get(`${pkg.name}:${pkg.architecture}`) ?? records.get(pkg.name) ?? [];
    const listed = readLists(context, own);
    if (listed === undefined) missing.push(pkg.name);
    return { package: pkg, key: dpkgKey(pkg.source), records: own, listed: listed ?? [] };
  });
  const [first] = missing;
  if (first !== undefined) {
    ignoreDatabase(context, STATUS, `${missing.length} packages have no file list, the first is ${first}`);
  }
  return packages;
}

/** Paths of the `.list` among the records; without one, what checksums and conffiles tell. */
function readLists(context: ClaimContext, records: readonly ByteString[]): ByteString[] | undefined {
  const read = (suffix: string): ByteString | undefined => {
    const path = records.find((record) => record.endsWith(suffix));
    return path === undefined ? undefined : readDatabaseText(context, path);
  };
  const list = read('.list');
  if (list !== undefined) return parseFileList(list);
  const sums = read('.md5sums');
  const conffiles = read('.conffiles');
  if (sums === undefined && conffiles === undefined) return undefined;
  return [...parseMd5sums(sums ?? byteString('')), ...parseConffiles(conffiles ?? byteString(''))];
}

/** Distroless: a file with one stanza for each package, and its checksums beside it as `NAME.md5sums`. */
function readStatusD(context: ClaimContext): PackageFiles[] {
  const { root } = context.index;
  const packages: PackageFiles[] = [];
  for (const path of regularFiles(root, STATUS_D)) {
    if (path.endsWith('.md5sums')) continue;
    const sums = byteString(`${path}.md5sums`);
    const listed = parseMd5sums(readDatabaseText(context, sums) ?? byteString(''));
    const records = lookup(root, sums) === undefined ? [path] : [path, sums];
    for (const pkg of parsePackages(context, path)) {
      packages.push({ package: pkg, key: dpkgKey(pkg.source), records, listed });
    }
  }
  return packages;
}

/** Where a listed path of a package really lies: diversions first, then links in its parents. */
function diverter(context: ClaimContext): (path: ByteString, name: ByteString) => ByteString | undefined {
  const { index } = context;
  const byPath = new Map<ByteString, Diversion>();
  for (const diversion of readDiversions(context)) {
    byPath.set(index.canonicalPath(diversion.from) ?? diversion.from, diversion);
  }
  return (path, name) => {
    const canonical = index.canonicalPath(path);
    const diversion = canonical === undefined ? undefined : byPath.get(canonical);
    if (diversion === undefined || diversion.by === name) return canonical;
    return index.canonicalPath(diversion.to);
  };
}

function readDiversions(context: ClaimContext): Diversion[] {
  const text = readDatabaseText(context, DIVERSIONS);
  if (text === undefined) return [];
  const diversions = parseDiversions(text);
  if (diversions === undefined) ignoreDatabase(context, DIVERSIONS, 'the diversions are malformed');
  return diversions ?? [];
}

/** What a package's changelogs tell; its documentation may be a link to another package's. */
function readHistories(context: ClaimContext, name: ByteString): ChangeHistory[] {
  const doc = resolveDirectory(context.index.root, joinPath(DOC, name));
  if (doc === undefined) return [];
  const histories: ChangeHistory[] = [];
  for (const path of changelogs(doc.directory, doc.path)) {
    const bytes = context.reader.read(path);
    const text = bytes === undefined ? undefined : readChangelog(bytes);
    if (text === undefined) ignoreDatabase(context, path, 'the changelog could not be read');
    else histories.push(parseChangelog(text));
  }
  return histories;
}
