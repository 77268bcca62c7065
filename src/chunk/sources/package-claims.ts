/** From the packages of a database to what a source says of them. */
import { type ByteString, byteString } from '../../bytes/byte-string.ts';
import type { Claim, ClaimContext, ComponentFacts, SourceClaims } from '../component.ts';
import type { TreeIndex } from '../tree-index.ts';

/** One package: several may have one key. */
export interface PackageRecord {
  readonly key: ByteString;
  /** Days (UTC, since 1970) on which it changed; none: the newest of its files tells. */
  readonly changeDays: readonly number[];
  /** Absolute paths as the database lists them. */
  readonly paths: readonly ByteString[];
}

/** Claims of all packages, changes joined over those of one key. */
export function claimPackages({ index }: ClaimContext, packages: readonly PackageRecord[]): SourceClaims {
  const days = new Map<ByteString, Set<number>>();
  const claims: Claim[] = [];
  for (const { key, changeDays, paths } of packages) {
    const known = days.get(key) ?? new Set();
    for (const day of changeDays) known.add(day);
    days.set(key, known);
    for (const listed of paths) {
      const path = findListed(index, listed);
      if (path !== undefined) claims.push({ path, key });
    }
  }
  return { components: factsOf(days), claims };
}

function factsOf(days: ReadonlyMap<ByteString, ReadonlySet<number>>): Map<ByteString, ComponentFacts> {
  const facts = new Map<ByteString, ComponentFacts>();
  for (const [key, known] of days)
    facts.set(key, { kind: 'package', changeDays: known.size === 0 ? undefined : [...known] });
  return facts;
}

/** Where images made by rpm-ostree and its kin keep the content of these directories. */
const MOVED = [
  ['/etc/', '/usr/etc/'],
  ['/var/', '/usr/share/factory/var/'],
] as const;

/** Where a listed path really lies: links in its parents are followed (merged /usr and sbin). */
function findListed(index: TreeIndex, path: ByteString): ByteString | undefined {
  const canonical = index.canonicalPath(path);
  const item = canonical === undefined ? undefined : index.find(canonical);
  if (item !== undefined) return item.path;
  for (const [from, to] of MOVED) {
    if (path.startsWith(from)) return index.find(byteString(to + path.slice(from.length)))?.path;
  }
  return undefined;
}
