import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { formatDumpfile } from '../../../src/dumpfile/format.ts';
import { ErofsImage } from '../../../src/erofs/image.ts';
import { bufferView, type ImageView } from '../../../src/erofs/image-view.ts';
import { type DecodeOptions, decodeImage } from '../../../src/erofs/reader.ts';
import { encodeImage } from '../../../src/erofs/writer.ts';
import type { DumpFacts } from '../../../src/tree/dump-facts.ts';
import { newDumpFacts } from '../../../src/tree/dump-facts.ts';
import type { Directory, Leaf } from '../../../src/tree/tree.ts';
import { device, dir, external, fifo, file, socket, symlink } from '../../support/tree-builder.ts';

const VERSIONS = [0, 1, 2] as const;

const dump = (root: Directory): string => Buffer.concat([...formatDumpfile(root)]).toString('latin1');
const encode = (root: Directory, version: 0 | 1 | 2, facts?: DumpFacts): Uint8Array =>
  encodeImage(root, { version, algorithm: 'sha512', dialect: 'c', facts });
const decode = (
  root: Directory,
  version: 0 | 1 | 2,
  options?: DecodeOptions,
): ReturnType<typeof decodeImage> => decodeImage(encode(root, version), options);

const linked = file('linked', { sec: 7 });
const label = { 'security.selinux': 'system_u:object_r:usr_t:s0\0' };

/** One of everything, without whiteouts, seconds whole. */
const TREE = dir(
  {
    '!first': file(''),
    a: dir({ b: dir({ c: linked }), 'c\xff': symlink('x'.repeat(900)) }, { uid: 70_000, xattrs: label }),
    blk: device('block', 259, 1_048_575),
    chr: device('character', 5, 1),
    content: file('hello', {
      sec: 2 ** 33,
      xattrs: { ...label, 'trusted.overlay.opaque': 'y', 'user.x': '' },
    }),
    external: file(external(2 ** 40, 'e'), { mode: 0o4755, xattrs: label }),
    fifo: fifo(),
    link: symlink('a/b'),
    socket: socket(),
    z: linked,
  },
  { mode: 0o1700, xattrs: { 'lustre.lov': '\0\xff' } },
);

describe.each(VERSIONS)('version %i', (version) => {
  test('gives back what was written', () => {
    const image = decode(TREE, version);
    expect(dump(image.root)).toBe(dump(TREE));
    expect([image.version, image.algorithm]).toEqual([version, 'sha512']);
    expect(encode(image.root, version, image.facts)).toEqual(encode(TREE, version));
  });

  test('an empty tree', () => {
    const { root, algorithm, facts } = decode(dir(), version);
    expect([root.children.size, algorithm, facts.nlink.size]).toEqual([0, undefined, 0]);
  });

  test('hard links are one leaf', () => {
    const { root } = decode(TREE, version);
    const a = root.children.get(byteString('a')) as Directory;
    const b = a.children.get(byteString('b')) as Directory;
    expect(b.children.get(byteString('c'))).toBe(root.children.get(byteString('z')));
  });

  test('whiteouts, also under the name of a stub', () => {
    const tree = dir({
      ab: device('character', 0, 0, { uid: 3 }),
      d: dir({ wh: device('character', 0, 0) }),
    });
    expect(dump(decode(tree, version).root)).toBe(dump(tree));
  });

  test('directories of many blocks, names of 255 bytes', () => {
    const names = Array.from({ length: 700 }, (_, at) => [
      String(at).padStart(at % 2 === 0 ? 30 : 255, '-'),
      file(),
    ]);
    const tree = dir({ d: dir(Object.fromEntries(names)) });
    expect(dump(decode(tree, version).root)).toBe(dump(tree));
  });

  test('a chain of directories as deep as is allowed', () => {
    let chain = dir();
    for (let depth = 1; depth < 2048; depth++) chain = dir({ d: chain });
    const image = encode(dir({ d: chain }), version);
    expect(encode(decodeImage(image).root, version)).toEqual(image);
    const deeper = encode(dir({ d: dir({ d: chain }) }), version);
    expect(() => decodeImage(deeper)).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
  });
});

describe('whiteout marks', () => {
  const tree = dir({ d: dir({ wh: device('character', 0, 0) }, { xattrs: { 'user.overlay.opaque': 'x' } }) });
  const marksOf = (version: 0 | 1, options?: DecodeOptions): string[] => {
    const d = decode(tree, version, options).root.children.get(byteString('d')) as Directory;
    return [...d.metadata.xattrs.keys()].sort();
  };

  test('opaque=x beside whiteouts is a mark, unless it shall be kept', () => {
    expect(marksOf(1)).toEqual([]);
    expect(marksOf(1, { keepOpaqueMarks: true })).toEqual(['trusted.overlay.opaque', 'user.overlay.opaque']);
  });

  test('opaque of a directory without whiteouts stays', () => {
    const plain = dir({
      d: dir({}, { xattrs: { 'trusted.overlay.opaque': 'x', 'user.overlay.opaque': 'x' } }),
    });
    expect(dump(decode(plain, 1).root)).toBe(dump(plain));
  });
});

describe('facts', () => {
  const names = (facts: DumpFacts): DumpFacts => facts;

  test('link counts that the tree does not have are kept, or refused in strict mode', () => {
    const leaf = file();
    const facts = newDumpFacts();
    facts.nlink.set(leaf, 9);
    const image = encode(dir({ leaf }), 1, facts);
    const read = decodeImage(image);
    expect([...names(read.facts).nlink.values()]).toEqual([9]);
    expect(encode(read.root, 1, read.facts)).toEqual(image);
    expect(() => decodeImage(image, { strict: true })).toThrow('has a link count of 9, but 1 names');
  });

  test('the name under which a file was placed is found again', () => {
    const leaf = file();
    const z = dir({ leaf });
    const root = dir({ a: leaf, z });
    const facts = newDumpFacts();
    facts.primaryName.set(leaf, { parent: z, name: byteString('leaf') });
    const image = encode(root, 1, facts);
    expect(image).not.toEqual(encode(root, 1));
    const read = decodeImage(image);
    const found = read.facts.primaryName.get(read.root.children.get(byteString('a')) as Leaf);
    expect(found).toEqual({ parent: read.root.children.get(byteString('z')), name: 'leaf' });
    expect(encode(read.root, 1, read.facts)).toEqual(image);
  });

  test('the size of a fifo that made it extended is found again', () => {
    const leaf = fifo();
    const facts = newDumpFacts();
    facts.size.set(leaf, 5e9);
    const image = encode(dir({ leaf, b: fifo() }), 0, facts);
    const read = decodeImage(image);
    expect([...read.facts.size.keys()]).toEqual([read.root.children.get(byteString('leaf'))]);
    expect(encode(read.root, 0, read.facts)).toEqual(image);
  });
});

describe('ErofsImage', () => {
  const bytes = encode(TREE, 1);
  const image = new ErofsImage(bufferView(bytes));
  const at = (path: string) => image.lookup(byteString(path));

  test('finds paths', () => {
    expect(at('/')?.inode.nid).toBe(36);
    expect(at('//a/b/')?.inode.type).toBe('directory');
    expect(at('/a/b/c')?.inode.nid).toBe(at('/z')?.inode.nid);
    expect([at('/nothing'), at('/z/x'), at('/00'), at('/a/.')]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('lists a directory without stubs', () => {
    const root = at('/');
    if (root === undefined) throw new Error('no root');
    expect(image.list(root).map(({ name }) => name)).toEqual([...TREE.children.keys()].sort());
    const listed = image.list(root).find(({ name }) => name === 'content');
    expect(listed?.node).toEqual(decodeImage(bytes).root.children.get(byteString('content')));
  });

  test('reads no more than it needs', () => {
    let read = 0;
    const whole = bufferView(bytes);
    const counting: ImageView = {
      size: whole.size,
      bytes: (offset, length) => {
        read += length;
        return whole.bytes(offset, length);
      },
    };
    const entry = new ErofsImage(counting).lookup(byteString('/link'));
    expect(entry === undefined ? undefined : new ErofsImage(counting).node(entry.inode)).toMatchObject({
      target: 'a/b',
    });
    expect(read).toBeLessThan(8192);
  });

  test('a view that gives too few bytes is an error', () => {
    const short: ImageView = { size: bytes.length, bytes: (offset) => bytes.subarray(offset, offset + 1) };
    expect(() => new ErofsImage(short)).toThrow(expect.objectContaining({ code: 'EROFS_BAD_SUPERBLOCK' }));
  });
});
