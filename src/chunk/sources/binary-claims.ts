/**
 * Claims of programs that no package owns, by lists that compilers leave in them. Hints: a list says what a program was
 * made of, and nobody vouches for it. What has none, or one that cannot be read, is a file like any other.
 */
import type { ByteString } from '../../bytes/byte-string.ts';
import { contentSize, type Node } from '../../tree/tree.ts';
import type { Claim, ClaimContext, ComponentFacts, ComponentSource, SourceClaims } from '../component.ts';
import { ElfFile } from '../databases/elf-file.ts';
import type { TreeItem } from '../tree-index.ts';

/** Bytes from which a program is looked at: with what their languages bring along, smaller ones are rare. */
const LEAST_BYTES = 65_536;
const EXECUTABLE = 0o111;

/** What a list says of a program. */
export interface BinaryHint {
  readonly key: ByteString;
  /** Day (UTC, since 1970) on which it was changed. */
  readonly day: number | undefined;
}

/** A source that asks `hintOf` for every program that nobody owns. */
export function binarySource(
  name: string,
  hintOf: (elf: ElfFile) => BinaryHint | undefined,
): ComponentSource {
  return {
    name,
    priority: 70,
    strength: 'weak',
    wantedPaths: () => [],
    candidates: (context) => programs(context).map(({ path }) => path),
    claim: (context) => claim(context, hintOf),
  };
}

function programs(context: ClaimContext): TreeItem[] {
  return context.unowned().filter(({ node }) => {
    if (node.type !== 'regular' || contentSize(node.content) < LEAST_BYTES) return false;
    return (node.metadata.mode & EXECUTABLE) !== 0;
  });
}

function claim(context: ClaimContext, hintOf: (elf: ElfFile) => BinaryHint | undefined): SourceClaims {
  const days = new Map<ByteString, number[]>();
  const claims: Claim[] = [];
  const hints = new Map<Node, BinaryHint | undefined>();
  for (const { path, node } of programs(context)) {
    // Names of one file are looked into once, and all claimed.
    if (!hints.has(node)) hints.set(node, readHint(context, path, hintOf));
    const hint = hints.get(node);
    if (hint === undefined) continue;
    claims.push({ path, key: hint.key });
    const known = days.get(hint.key) ?? [];
    days.set(hint.key, hint.day === undefined ? known : [...known, hint.day]);
  }
  const components = new Map<ByteString, ComponentFacts>();
  for (const [key, known] of days)
    components.set(key, { kind: 'package', changeDays: known.length === 0 ? undefined : known });
  return { components, claims };
}

function readHint(
  { reader }: ClaimContext,
  path: ByteString,
  hintOf: (elf: ElfFile) => BinaryHint | undefined,
): BinaryHint | undefined {
  const elf = ElfFile.open((offset, length) => reader.readPart(path, offset, length));
  return elf === undefined ? undefined : hintOf(elf);
}
