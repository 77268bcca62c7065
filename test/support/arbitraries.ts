/**
 * fast-check arbitraries for trees and layers. All trees are valid: names of 1 to 255 bytes of any value but `/` and
 * NUL, often no UTF-8; metadata in range; hard links of leaves across directories.
 */

import { type ByteString, byteString, fromBytes } from '../../src/bytes/byte-string.ts';
import { type HashAlgorithm, verityDigest } from '../../src/bytes/digest.ts';
import type { Timestamp, Xattrs } from '../../src/bytes/stat.ts';
import type { LayerEntry } from '../../src/tree/entry.ts';
import type { Content, Directory, Leaf, Metadata, Node } from '../../src/tree/tree.ts';
import { walk } from '../../src/tree/walk.ts';
import { fc } from './property.ts';
import { entriesOf, put } from './tree-builder.ts';

/** What the trees may hold; each choice defaults to what a canonical tree may. */
export interface TreeChoices {
  /** Sockets as well. Default false: no tar holds them. */
  readonly sockets?: boolean;
  /** Nanoseconds other than 0. Default false. */
  readonly nanoseconds?: boolean;
  /** Times before 1970. Default false. */
  readonly negativeTimes?: boolean;
  /** The same leaf under several names. Default true. */
  readonly hardLinks?: boolean;
  /** Algorithm of the digests of external content. Default sha512. */
  readonly algorithm?: HashAlgorithm;
  /** At most so many directories below each other. Default 4. */
  readonly depth?: number;
}

const isName = (name: string): boolean => name !== '.' && name !== '..' && !name.startsWith('.wh.');

/** A name: short ASCII from a small alphabet (so that names meet), any bytes, or 255 bytes. Never a whiteout. */
export function arbitraryName(): fc.Arbitrary<ByteString> {
  const nameByte = fc.integer({ min: 1, max: 255 }).filter((byte) => byte !== 0x2f);
  return fc
    .oneof(
      {
        weight: 5,
        arbitrary: fc.string({ unit: fc.constantFrom(...'abcAB.-_'), minLength: 1, maxLength: 3 }),
      },
      { weight: 3, arbitrary: bytesOf(nameByte, 1, 12) },
      {
        weight: 1,
        arbitrary: fc.constantFrom('\xc3\xa9', '\xff', '\xed\xa0\x80', '\xf0\x9f\x98\x80', 'a\nb', ' '),
      },
      { weight: 1, arbitrary: bytesOf(nameByte, 255, 255) },
    )
    .filter(isName)
    .map(byteString);
}

function bytesOf(byte: fc.Arbitrary<number>, min: number, max: number): fc.Arbitrary<string> {
  return fc.array(byte, { minLength: min, maxLength: max }).map((list) => fromBytes(Uint8Array.from(list)));
}

/** A time, by default of whole seconds from 1970 on, as tars and images can hold it. */
function arbitraryTimestamp(choices: TreeChoices = {}): fc.Arbitrary<Timestamp> {
  const min = choices.negativeTimes === true ? -(2 ** 33) : 0;
  const sec = fc.oneof(
    fc.constantFrom(0, 1, 1_700_000_000, 2 ** 31, 2 ** 32),
    fc.integer({ min, max: 2 ** 34 }),
  );
  const nsec = choices.nanoseconds === true ? fc.integer({ min: 0, max: 999_999_999 }) : fc.constant(0);
  return fc.record({ sec, nsec });
}

/** Up to four extended attributes of the kinds hosts treat differently, values of any bytes. */
function arbitraryXattrs(): fc.Arbitrary<Xattrs> {
  const name = fc.oneof(
    fc.constantFrom('security.capability', 'security.selinux', 'user.a', 'user.b', 'trusted.overlay.opaque'),
    fc.string({ unit: fc.constantFrom(...'abc.'), minLength: 1, maxLength: 8 }).map((tail) => `user.${tail}`),
  );
  const value = fc.uint8Array({ maxLength: 80 });
  return fc.array(fc.tuple(name.map(byteString), value), { maxLength: 4 }).map((list) => new Map(list));
}

/** Metadata of any inode. */
function arbitraryMetadata(choices: TreeChoices = {}): fc.Arbitrary<Metadata> {
  const owner = fc.oneof(fc.constantFrom(0, 1000, 65_535, 65_536, 2 ** 32 - 1), fc.nat({ max: 2 ** 32 - 1 }));
  return fc.record({
    mode: fc.oneof(fc.constantFrom(0o644, 0o755, 0o4755), fc.nat({ max: 0o7777 })),
    uid: owner,
    gid: owner,
    mtime: arbitraryTimestamp(choices),
    xattrs: fc.oneof({ weight: 3, arbitrary: fc.constant<Xattrs>(new Map()) }, arbitraryXattrs()),
  });
}

/** Content of a regular file: 0 to 64 bytes inline, or external with a made-up digest. */
function arbitraryContent(algorithm: HashAlgorithm = 'sha512'): fc.Arbitrary<Content> {
  const length = algorithm === 'sha512' ? 64 : 32;
  const inline = fc.uint8Array({ maxLength: 64 }).map((bytes): Content => ({ kind: 'inline', bytes }));
  const size = fc.oneof(fc.constantFrom(65, 4096, 4097, 2 ** 32), fc.integer({ min: 65, max: 2 ** 43 }));
  const digest = fc.uint8Array({ minLength: length, maxLength: length });
  const external = fc.tuple(size, digest).map(
    ([bytes, hash]): Content => ({
      kind: 'external',
      size: bytes,
      verity: verityDigest(Buffer.from(hash).toString('hex')),
      payload: undefined,
      location: undefined,
    }),
  );
  return fc.oneof(inline, external);
}

/** A target of a symbolic link. */
function arbitraryTarget(): fc.Arbitrary<ByteString> {
  const any = bytesOf(fc.integer({ min: 1, max: 255 }), 1, 40);
  return fc.oneof(fc.constantFrom('usr/bin', '/etc', '../x', '.', '\xff'), any).map(byteString);
}

/** A leaf of any type. */
function arbitraryLeaf(choices: TreeChoices = {}): fc.Arbitrary<Leaf> {
  const metadata = arbitraryMetadata(choices);
  const number = { major: fc.nat({ max: 4095 }), minor: fc.nat({ max: 1_048_575 }) };
  const special = fc.constantFrom(
    'fifo' as const,
    ...(choices.sockets === true ? (['socket'] as const) : []),
  );
  const device = fc.constantFrom('character' as const, 'block' as const);
  return fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        type: fc.constant('regular' as const),
        metadata,
        content: arbitraryContent(choices.algorithm),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ type: fc.constant('symlink' as const), metadata, target: arbitraryTarget() }),
    },
    { weight: 1, arbitrary: fc.record({ type: device, metadata, ...number }) },
    { weight: 1, arbitrary: fc.record({ type: special, metadata }) },
  );
}

/** A whole tree. */
export function arbitraryTree(choices: TreeChoices = {}): fc.Arbitrary<Directory> {
  const tree = arbitraryDirectory(choices, choices.depth ?? 4);
  if (choices.hardLinks === false) return tree;
  const links = fc.array(fc.tuple(fc.nat(), fc.nat(), arbitraryName()), { maxLength: 4 });
  return fc.tuple(tree, links).map(([root, wanted]) => addHardLinks(root, wanted));
}

function arbitraryDirectory(choices: TreeChoices, depth: number): fc.Arbitrary<Directory> {
  const leaf: fc.Arbitrary<Node> = arbitraryLeaf(choices);
  const node =
    depth <= 1
      ? leaf
      : fc.oneof(
          { weight: 2, arbitrary: leaf },
          { weight: 1, arbitrary: arbitraryDirectory(choices, depth - 1) },
        );
  const children = fc.array(fc.tuple(arbitraryName(), node), { maxLength: 4 });
  return fc.record({
    type: fc.constant('directory' as const),
    metadata: arbitraryMetadata(choices),
    children: children.map((list) => new Map(list)),
  });
}

function addHardLinks(
  root: Directory,
  wanted: readonly (readonly [number, number, ByteString])[],
): Directory {
  const nodes = [...walk(root)].map((step) => step.node);
  const directories = nodes.filter((node): node is Directory => node.type === 'directory');
  const leaves = nodes.filter((node): node is Leaf => node.type !== 'directory');
  for (const [leaf, directory, name] of leaves.length === 0 ? [] : wanted) {
    const target = directories[directory % directories.length];
    const node = leaves[leaf % leaves.length];
    if (target !== undefined && node !== undefined && !target.children.has(name))
      target.children.set(name, node);
  }
  return root;
}

/** Layers as image builders make them: each a whole tree's entries, later ones with whiteouts put first. */
export function arbitraryLayers(choices: TreeChoices = {}): fc.Arbitrary<LayerEntry[][]> {
  const whiteout = fc.oneof(
    { weight: 3, arbitrary: arbitraryName().map((name) => put.whiteout(name)) },
    { weight: 1, arbitrary: fc.constant(put.opaque('')) },
  );
  const layer = fc
    .tuple(fc.array(whiteout, { maxLength: 2 }), arbitraryTree(choices))
    .map(([markers, root]) => [...markers, ...entriesOf(root)])
    .map((entries) => entries.map((entry, index) => ({ ...entry, offset: index * 512 })));
  return fc.array(layer, { minLength: 1, maxLength: 3 });
}
