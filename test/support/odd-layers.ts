/** Layers that readers of tars see differently, or that only some accept, each with what it shows. */
import { gzipSync } from 'node:zlib';
import { archive, extension, padded, pax, type RawFields, rawHeader } from '../unit/tar/support.ts';
import { compressed } from './layout-maker.ts';

/** One case. */
export interface OddLayer {
  readonly tar: Buffer;
  /** The blob where it is compressed. */
  readonly blob?: Uint8Array;
  readonly mediaType?: string;
}

const LAYER = 'application/vnd.oci.image.layer.v1.tar';

const directory = (name: string): Buffer => rawHeader({ name, type: '5', mode: '0000755' });
const entry = (fields: RawFields, content = ''): Buffer =>
  Buffer.concat([rawHeader({ name: 'f', size: content.length, ...fields }), padded(content)]);
const withPax = (...records: (readonly [string, string])[]): Buffer =>
  Buffer.concat([extension('x', pax(...records)), entry({})]);
const base = Buffer.concat([directory('usr/'), directory('boot/'), directory('sysroot/')]);
const layer = (...parts: Buffer[]): OddLayer => ({ tar: archive(base, ...parts) });
const device = (name: string): Buffer => entry({ name, type: '3' });

/** Cases in which planish must agree with hosts: the same digest, or refused by both. */
export async function agreeing(): Promise<Record<string, OddLayer>> {
  // Hosts keep layers by what they are uncompressed and read none twice, so each case has a tar of its own.
  const large = (name: string): Buffer => layer(entry({ name }, 'x'.repeat(300_000))).tar;
  const thirds = (tar: Buffer): Buffer[] => {
    const third = Math.ceil(tar.length / 3);
    return [0, 1, 2].map((index) => tar.subarray(index * third, (index + 1) * third));
  };
  const tars = { gzip: large('g'), gzips: large('gs'), zstd: large('z'), zstds: large('zs') };
  const wrong = { gzip: large('wg'), none: large('wn') };
  const zstd = async (...parts: Buffer[]): Promise<Buffer> =>
    Buffer.concat(await Promise.all(parts.map((part) => compressed(part, 'zstd'))));
  return {
    'a plain layer': layer(entry({}, 'abc')),
    'no end after a directory': { tar: base },
    'no end after a file': { tar: Buffer.concat([base, entry({}, 'x'.repeat(100))]) },
    'no end after a small file': { tar: Buffer.concat([base, entry({}, 'x')]) },
    'half an end': { tar: Buffer.concat([base, Buffer.alloc(512)]) },
    'data behind half an end': { tar: Buffer.concat([base, Buffer.alloc(512), directory('z/')]) },
    'zeros behind the end': { tar: Buffer.concat([layer().tar, Buffer.alloc(10_240)]) },
    'garbage behind the end': { tar: Buffer.concat([layer().tar, Buffer.alloc(512, 1)]) },
    'part of a block behind the end': { tar: Buffer.concat([layer().tar, Buffer.alloc(100)]) },
    'a time before 1970 in PAX': layer(withPax(['mtime', '-5'])),
    'a fraction before 1970 in PAX': layer(withPax(['mtime', '-5.5'])),
    'a time before 1970 in base-256': layer(
      entry({ mtime: `\xff${'\xff'.repeat(10)}\xfb`, magic: 'ustar  \0' }),
    ),
    'the largest owner': layer(withPax(['uid', '4294967295'])),
    'ten digits of a fraction': layer(withPax(['mtime', '5.1234567899'])),
    'a fraction of no digits': layer(withPax(['mtime', '5.'])),
    'a record twice': layer(withPax(['uid', '5'], ['uid', '6'])),
    'two PAX headers': layer(extension('x', pax(['uid', '5'])), withPax(['gid', '5'])),
    'a file with a slash': layer(entry({ name: 'f/' })),
    'an old directory': layer(entry({ name: 'f/', type: '\0' })),
    'an old directory with a file': layer(entry({ name: 'f/', type: '\0' }), entry({ name: 'f/g' })),
    'an old file': layer(entry({ type: '\0' }, 'abc')),
    'a contiguous file': layer(entry({ type: '7' }, 'abc')),
    'a hard link of a size': layer(
      entry({}, 'abc'),
      rawHeader({ name: 'g', type: '1', linkname: 'f', size: 3 }),
    ),
    'a type that nobody knows': layer(entry({ type: 'Z' }, 'abc')),
    'a volume label': layer(entry({ type: 'V' })),
    'a sparse file': layer(
      extension('x', pax(['GNU.sparse.major', '1'], ['GNU.sparse.minor', '0'], ['GNU.sparse.realsize', '3'])),
      entry({}, `${'1\n0\n3\n'.padEnd(512, '\0')}abc`),
    ),
    'a global header': { tar: archive(extension('g', pax(['uid', '5'])), base) },
    'a global path': { tar: archive(extension('g', pax(['path', 'zz'])), base) },
    'an attribute as libarchive writes it': layer(withPax(['LIBARCHIVE.xattr.security.capability', 'eHh4'])),
    'an attribute both ways': layer(
      withPax(['LIBARCHIVE.xattr.security.capability', 'eHh4'], ['SCHILY.xattr.security.capability', 'abc']),
    ),
    'an attribute without a value': layer(withPax(['SCHILY.xattr.security.capability', ''])),
    'a long attribute': layer(withPax(['SCHILY.xattr.security.capability', 'v'.repeat(40_000)])),
    'a name of 255 bytes': layer(withPax(['path', 'n'.repeat(255)])),
    'a target of 4095 bytes': layer(
      extension('x', pax(['linkpath', 't'.repeat(4095)])),
      entry({ name: 's', type: '2' }),
    ),
    'a mode with a type': layer(entry({ mode: '0100644' })),
    'a mode of seven digits': layer(entry({ mode: '7777777' })),
    'a link to what comes later': layer(entry({ name: 'l', type: '1', linkname: 'f' }), entry({})),
    'a file for the root': layer(entry({ name: './' })),
    'a whiteout that is a directory': layer(directory('usr/.wh.foo')),
    'a file in a whiteout': layer(directory('usr/.wh.foo'), entry({ name: 'usr/.wh.foo/x' })),
    'a whiteout device': layer(device('usr/w')),
    'a whiteout device with two names': layer(
      device('usr/w'),
      entry({ name: 'usr/w2', type: '1', linkname: 'usr/w' }),
    ),
    'a large device': layer(entry({ name: 'usr/w', type: '4', major: '0007777', minor: '3777777' })),
    'a link for /usr': { tar: archive(directory('boot/'), entry({ name: 'usr', type: '2', linkname: 'x' })) },
    'one gzip member': { tar: tars.gzip, blob: gzipSync(tars.gzip), mediaType: `${LAYER}+gzip` },
    'three gzip members': {
      tar: tars.gzips,
      blob: Buffer.concat(thirds(tars.gzips).map((part) => gzipSync(part))),
      mediaType: `${LAYER}+gzip`,
    },
    'one zstd frame': { tar: tars.zstd, blob: await zstd(tars.zstd), mediaType: `${LAYER}+zstd` },
    'three zstd frames': {
      tar: tars.zstds,
      blob: await zstd(...thirds(tars.zstds)),
      mediaType: `${LAYER}+zstd`,
    },
    'gzip under the name of a tar': { tar: wrong.none, blob: gzipSync(wrong.none), mediaType: LAYER },
    'a tar under the name of gzip': { tar: wrong.gzip, mediaType: `${LAYER}+gzip` },
    'an empty layer': { tar: archive() },
  };
}

/** Cases that composefs-rs takes and planish cannot read, with the code of its refusal; `docs/host-profiles.md`. */
export const UNREADABLE: Readonly<Record<string, readonly [OddLayer, string]>> = {
  'an owner of 33 bits': [layer(withPax(['uid', '4294967296'])), 'PAX_BAD_RECORD'],
  'a fraction with a letter': [layer(withPax(['mtime', '5.12x'])), 'PAX_BAD_RECORD'],
  'a directory with content': [layer(entry({ name: 'd/', type: '5' }, 'abc')), 'TAR_BAD_CHECKSUM'],
  'a link with content': [layer(entry({ name: 'd', type: '2', linkname: 'f' }, 'abc')), 'TAR_BAD_CHECKSUM'],
  'a FIFO with content': [layer(entry({ name: 'd', type: '6' }, 'abc')), 'TAR_BAD_CHECKSUM'],
  'an attribute without a name': [layer(withPax(['SCHILY.xattr.', 'x'])), 'PAX_BAD_RECORD'],
  'a NUL in a path': [layer(withPax(['path', 'a\0b'])), 'PAX_BAD_RECORD'],
  'a name of 256 bytes': [layer(withPax(['path', 'n'.repeat(256)])), 'LIMIT_EXCEEDED'],
  'a target of 4096 bytes': [
    layer(extension('x', pax(['linkpath', 't'.repeat(4096)])), entry({ name: 's', type: '2' })),
    'LIMIT_EXCEEDED',
  ],
  'a link to nothing': [layer(entry({ name: 's', type: '2' })), 'PATH_INVALID'],
  'an attribute of 65,536 bytes': [
    layer(withPax(['SCHILY.xattr.security.capability', 'v'.repeat(65_536)])),
    'UNREPRESENTABLE',
  ],
  'a whiteout of nothing': [layer(entry({ name: '.wh.' })), 'PATH_INVALID'],
  'a whiteout of a dot': [layer(entry({ name: 'usr/.wh..' })), 'PATH_INVALID'],
};
