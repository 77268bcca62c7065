/** Layers that lie: one clear error, the right exit status, the destination as it was. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { planishJson } from '../support/cli.ts';
import { type LayerSpec, makeLayout } from '../support/layout-maker.ts';
import { Arena, expectations } from '../support/refusal.ts';
import {
  archive,
  block,
  claiming,
  directory,
  extension,
  file,
  flipped,
  hardlink,
  pax,
  paxHeader,
  rawHeader,
  smallTar,
  symlink,
} from '../support/tar-maker.ts';

let arena: Arena;
beforeAll(async () => {
  arena = await Arena.create();
});
afterAll(() => arena.close());

const good = smallTar();
const cut = (part: number) => (blob: Buffer) => blob.subarray(0, Math.floor(blob.length * part));
const less = (count: number) => (blob: Buffer) => blob.subarray(0, blob.length - count);
const flip = (part: number) => (blob: Buffer) => flipped(blob, Math.floor(blob.length * part));
const followed = (tail: string) => (blob: Buffer) => Buffer.concat([blob, Buffer.from(tail)]);
const long = 'n'.repeat(256);
const deep = 'd/'.repeat(2100);

/** Size fields in base 256. */
const SIZE_64_GB = '\x80\0\0\0\0\0\0\x10\0\0\0\0';
const SIZE_2_62 = '\x80\0\0\0\x40\0\0\0\0\0\0\0';
const records = (count: number): string =>
  pax(...Array.from({ length: count }, (_, i): [string, string] => [`k${i}`, '']));

const cases: [string, LayerSpec | LayerSpec[]][] = [
  ['gzip cut in the header', { tar: good, compression: 'gzip', reshape: (blob) => blob.subarray(0, 5) }],
  ['gzip cut in the middle', { tar: good, compression: 'gzip', reshape: cut(0.5) }],
  ['gzip cut in the trailer', { tar: good, compression: 'gzip', reshape: less(3) }],
  [
    'gzip with a wrong checksum',
    { tar: good, compression: 'gzip', reshape: (b) => flipped(b, b.length - 6) },
  ],
  ['gzip with a wrong length', { tar: good, compression: 'gzip', reshape: (b) => flipped(b, b.length - 2) }],
  ['gzip with a wrong byte', { tar: good, compression: 'gzip', reshape: flip(0.01) }],
  [
    'gzip followed by garbage',
    { tar: good, compression: 'gzip', reshape: followed('garbage behind the end') },
  ],
  [
    'gzip of several members, the last cut',
    { tar: good, compression: 'gzip', members: 3, reshape: less(10) },
  ],
  ['zstd cut in the header', { tar: good, compression: 'zstd', reshape: (blob) => blob.subarray(0, 5) }],
  ['zstd cut in the middle', { tar: good, compression: 'zstd', reshape: cut(0.5) }],
  ['zstd cut at the end', { tar: good, compression: 'zstd', reshape: less(1) }],
  ['zstd with a wrong byte', { tar: good, compression: 'zstd', reshape: (b) => flipped(b, 7) }],
  [
    'zstd followed by garbage',
    { tar: good, compression: 'zstd', reshape: followed('garbage behind the end') },
  ],
  ['zstd of several frames, the last cut', { tar: good, compression: 'zstd', members: 3, reshape: less(10) }],
  [
    'zstd with a window of 1 TiB',
    { tar: good, compression: 'zstd', reshape: () => Buffer.from('28b52ffd00f0010000', 'hex') },
  ],
  [
    'zstd that needs a dictionary',
    { tar: good, compression: 'zstd', reshape: () => Buffer.from('28b52ffd015007010000', 'hex') },
  ],
  ['xz', { tar: good, reshape: () => Buffer.from('fd377a585a000004e6d6b446', 'hex') }],
  ['bzip2', { tar: good, reshape: () => Buffer.from('BZh91AY&SY12345678') }],
  ['nothing at all', { tar: good, reshape: () => Buffer.alloc(0) }],
  ['a corrupted tar under its old digest', { tar: good, spoil: flip(0.5) }],
  ['a corrupted gzip under its old digest', { tar: good, compression: 'gzip', spoil: flip(0.5) }],
  ['a corrupted zstd under its old digest', { tar: good, compression: 'zstd', spoil: flip(0.9) }],
  ['a truncated gzip under its old digest', { tar: good, compression: 'gzip', spoil: cut(0.5) }],
  ['a wrong size', { tar: good, descriptor: { size: 1 } }],
  ['a wrong diffID', { tar: good, diffId: `sha256:${'0'.repeat(64)}` }],
  ['a wrong diffID of gzip', { tar: good, compression: 'gzip', diffId: `sha256:${'0'.repeat(64)}` }],
  [
    'a second layer with a wrong diffID',
    [{ tar: good }, { tar: good, compression: 'zstd', diffId: `sha256:${'0'.repeat(64)}` }],
  ],
  ['a tar cut in a header', { tar: good.subarray(0, block(3) + 100) }],
  ['a tar cut in a content', { tar: good.subarray(0, good.length - 9000) }],
  ['a header with a wrong checksum', { tar: flipped(good, block(2)) }],
  ['a claim of 64 GB', { tar: archive(claiming('big', SIZE_64_GB), directory('usr/')) }],
  ['a claim of 2^62 bytes', { tar: archive(claiming('big', SIZE_2_62)) }],
  ['a negative size', { tar: archive(claiming('big', '\xff'.repeat(12))) }],
  ['a size that is no number', { tar: archive(claiming('big', '00000000xyz')) }],
  ['a PAX size of 64 GB', { tar: archive(paxHeader(pax(['size', String(64 * 2 ** 30)])), file('big', 'x')) }],
  [
    'a PAX header of 64 GB',
    { tar: archive(rawHeader({ name: 'x', type: 'x', size: SIZE_64_GB }), file('a')) },
  ],
  [
    'a GNU long name of 64 GB',
    { tar: archive(rawHeader({ name: 'x', type: 'L', size: SIZE_64_GB }), file('a')) },
  ],
  ['100,000 PAX records', { tar: archive(paxHeader(records(100_000)), file('a')) }],
  ['70,000 PAX records', { tar: archive(paxHeader(records(70_000)), file('a')) }],
  ['a PAX length too large', { tar: archive(paxHeader('99 path=a\n'), file('a')) }],
  ['a PAX length too small', { tar: archive(paxHeader('5 path=a\n'), file('a')) }],
  ['a PAX length of zero', { tar: archive(paxHeader('0 path=a\n'), file('a')) }],
  ['a negative PAX length', { tar: archive(paxHeader('-9 path=a\n'), file('a')) }],
  ['a PAX length of many digits', { tar: archive(paxHeader(`${'9'.repeat(300)} path=a\n`), file('a')) }],
  ['a PAX path with a NUL', { tar: archive(paxHeader(pax(['path', 'a\0b'])), file('a')) }],
  ['a PAX size that is no number', { tar: archive(paxHeader(pax(['size', '1e3'])), file('a')) }],
  [
    'two PAX headers before one entry',
    { tar: archive(paxHeader(pax(['path', 'a'])), paxHeader(pax(['path', 'b'])), file('a')) },
  ],
  [
    '17 global headers before one entry',
    { tar: archive(...Array.from({ length: 17 }, () => extension('g', pax(['comment', 'x']))), file('a')) },
  ],
  [
    'an attribute value of 100 kB',
    { tar: archive(paxHeader(pax(['SCHILY.xattr.user.a', 'v'.repeat(100_000)])), file('a')) },
  ],
  [
    'a sparse file of 8 EiB',
    {
      tar: archive(
        paxHeader(
          pax(['GNU.sparse.major', '1'], ['GNU.sparse.minor', '0'], ['GNU.sparse.realsize', String(2 ** 62)]),
        ),
        file('a', '0\n'),
      ),
    },
  ],
  [
    'a sparse file of 1 TiB out of nothing',
    {
      tar: archive(
        paxHeader(
          pax(
            ['GNU.sparse.major', '1'],
            ['GNU.sparse.minor', '0'],
            ['GNU.sparse.name', 'a'],
            ['GNU.sparse.realsize', String(2 ** 40)],
          ),
        ),
        file('a', '0\n'.padEnd(512, '\0')),
      ),
    },
  ],
  ['a multi-volume entry', { tar: archive(rawHeader({ name: 'a', type: 'M' })) }],
  ['a path that climbs out', { tar: archive(file('../../etc/passwd', 'x')) }],
  ['a path that climbs out in the middle', { tar: archive(directory('a/'), file('a/../../b', 'x')) }],
  ['a path of dots only', { tar: archive(directory('..')) }],
  ['an empty path', { tar: archive(file('', 'x')) }],
  ['a name of 256 bytes', { tar: archive(paxHeader(pax(['path', long])), file('a')) }],
  ['a path of 4200 bytes', { tar: archive(paxHeader(pax(['path', `${deep}f`])), file('a')) }],
  ['a root that is a file', { tar: archive(file('./', 'x')) }],
  ['a symlink where a parent should be', { tar: archive(symlink('dir', '/etc'), file('dir/passwd', 'x')) }],
  [
    'a symlink of a lower layer where a parent should be',
    [{ tar: archive(directory('usr/'), symlink('lib', 'usr')) }, { tar: archive(file('lib/x', 'x')) }],
  ],
  [
    'a symlink made of a directory with children to come',
    { tar: archive(directory('a/'), file('a/x'), symlink('a', '/tmp'), file('a/y', 'y')) },
  ],
  ['a file where a parent should be', { tar: archive(file('a', 'x'), file('a/b', 'x')) }],
  ['a hard link out of the root', { tar: archive(hardlink('a', '../../etc/passwd')) }],
  ['a hard link to a path outside', { tar: archive(hardlink('a', '/etc/shadow')) }],
  ['a hard link to nothing', { tar: archive(hardlink('a', 'b')) }],
  ['a hard link to what comes later', { tar: archive(hardlink('a', 'b'), file('b', 'x')) }],
  ['a hard link to itself', { tar: archive(hardlink('a', 'a')) }],
  ['hard links in a circle', { tar: archive(hardlink('a', 'b'), hardlink('b', 'a')) }],
  ['a hard link to a directory', { tar: archive(directory('d/'), hardlink('a', 'd')) }],
  [
    'a hard link through a symlink',
    { tar: archive(directory('usr/'), file('usr/f', 'x'), symlink('link', 'usr'), hardlink('a', 'link/f')) },
  ],
  [
    'a hard link through a symlink out of the root',
    { tar: archive(symlink('link', '../../..'), hardlink('a', 'link/etc/shadow')) },
  ],
  [
    'a file behind a hard link to a symlink',
    { tar: archive(symlink('l', '/etc'), hardlink('m', 'l'), file('m/passwd', 'x')) },
  ],
  ['a symlink without target', { tar: archive(symlink('a', '')) }],
  ['a whiteout of nothing', { tar: archive(file('.wh.')) }],
  ['a whiteout of the directory itself', { tar: archive(directory('a/'), file('a/.wh..')) }],
  ['a whiteout of the parent', { tar: archive(directory('a/'), file('a/.wh...')) }],
];

const expected = expectations('layers', [...cases.map(([name]) => name)]);

describe('a layer with', () => {
  test.each(cases)('%s', async (name, spec) => {
    const made = await makeLayout(arena.source(), Array.isArray(spec) ? spec : [spec]);
    expect(await arena.refuse(made.reference, [], made)).toEqual(expected(name));
  });
});

describe('a layer is not refused for', () => {
  const tolerated: [string, Buffer, string[], string[]][] = [
    [
      'an absolute path',
      archive(directory('usr/'), file('/etc', 'x')),
      [],
      ['/etc regular', '/usr directory'],
    ],
    [
      'a symlink that leads out of the root',
      archive(directory('usr/'), symlink('a', '../../../etc/shadow')),
      [],
      ['/a symlink ../../../etc/shadow', '/usr directory'],
    ],
    [
      'a hard link to a symlink',
      archive(directory('usr/'), symlink('a', '/etc/shadow'), hardlink('b', 'a')),
      [],
      ['/a symlink /etc/shadow', '/b symlink /etc/shadow', '/usr directory'],
    ],
    [
      'a symlink that a directory replaces',
      archive(directory('usr/'), symlink('a', '/tmp'), directory('a/'), file('a/b')),
      ['DUPLICATE_ENTRY'],
      ['/a directory', '/a/b regular', '/usr directory'],
    ],
    [
      'a whiteout of what is not there',
      archive(directory('usr/'), file('.wh.x')),
      ['WHITEOUT_WITHOUT_TARGET'],
      ['/usr directory'],
    ],
    [
      'a missing parent',
      archive(directory('usr/'), file('a/b')),
      ['PARENT_CREATED'],
      ['/a directory', '/a/b regular', '/usr directory'],
    ],
  ];

  test.each(tolerated)('%s', async (_, tar, warnings, paths) => {
    const made = await makeLayout(arena.source(), [{ tar }]);
    const { entries, warnings: found } = planishJson(['ls', '-R', made.reference]);
    expect(found.map(({ code }: { code: string }) => code)).toEqual(warnings);
    const lines = entries.map((entry: { path: string; type: string; target?: string }) =>
      [entry.path, entry.type, entry.target].filter(Boolean).join(' '),
    );
    expect(lines).toEqual(['/ directory', ...paths]);
  });

  test('a missing parent, unless that is to be refused', async () => {
    const made = await makeLayout(arena.source(), [{ tar: archive(directory('usr/'), file('a/b')) }]);
    expect(await arena.refuse(made.reference, ['--missing-parents', 'refuse'], made)).toEqual({
      status: 3,
      stderr: [
        'planish: PARENT_MISSING: /a/b has no parent directory (/a/b, layer 0, offset 512)',
        'planish: hint: hosts refuse such a layer; allow planish to create missing parents',
      ],
    });
  });
});
