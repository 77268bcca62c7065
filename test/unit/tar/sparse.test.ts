/** Sparse maps of every form, and lies in them. */
import { describe, expect, it } from 'vitest';
import { archive, expand, extension, failure, padded, pax, rawHeader, scan } from './support.ts';

type Pair = readonly [number, number];
type Records = (readonly [string, string])[];

const digits = (value: number): string => `${value.toString(8).padStart(11, '0')}\0`;
const pairsText = (pairs: readonly Pair[]): string =>
  pairs.map(([at, length]) => digits(at) + digits(length)).join('');

/** An old GNU sparse entry: four extents in the header, 21 in each block after it. */
function oldSparse(
  realSize: number,
  pairs: readonly Pair[],
  content: string,
  lie: { extended?: boolean } = {},
): Buffer {
  const blocks: Buffer[] = [];
  for (let first = 4; first < pairs.length || (lie.extended === true && first === 4); first += 21) {
    const block = Buffer.alloc(512);
    block.write(pairsText(pairs.slice(first, first + 21)), 0, 'latin1');
    if (first + 21 < pairs.length) block[504] = 1;
    blocks.push(block);
  }
  const more: [number, string][] = [
    [386, pairsText(pairs.slice(0, 4))],
    [482, blocks.length > 0 ? '\x01' : '\0'],
    [483, digits(realSize)],
  ];
  const header = rawHeader({ type: 'S', magic: 'ustar  \0', size: content.length, more });
  return archive(header, ...blocks, padded(content), rawHeader({ name: 'next' }));
}

const textMap = (pairs: readonly Pair[]): string =>
  [pairs.length, ...pairs.flat()].map((n) => `${n}\n`).join('');

function pax10(realSize: string, map: string, content: string, records: Records = []): Buffer {
  const stored = Buffer.concat([padded(map), Buffer.from(content, 'latin1')]);
  const header = pax(
    ['GNU.sparse.major', '1'],
    ['GNU.sparse.minor', '0'],
    ['GNU.sparse.name', 'real'],
    ['GNU.sparse.realsize', realSize],
    ...records,
  );
  return archive(
    extension('x', header),
    rawHeader({ size: stored.length }),
    padded(stored),
    rawHeader({ name: 'next' }),
  );
}

function paxSparse(records: Records, content: string): Buffer {
  return archive(
    extension('x', pax(...records)),
    rawHeader({ size: content.length }),
    padded(content),
    rawHeader({ name: 'next' }),
  );
}

function read(tar: Buffer, step?: number) {
  const { found } = scan(tar, step === undefined ? {} : { step });
  expect(found.map(({ entry }) => entry.path).slice(1)).toEqual(['next']);
  const [first] = found;
  if (first === undefined) throw new Error('nothing found');
  return { ...first.entry, content: expand(first).toString('latin1') };
}

describe('the old GNU format', () => {
  it('reads extents in the header', () => {
    expect(
      read(
        oldSparse(
          12,
          [
            [2, 3],
            [6, 2],
            [12, 0],
          ],
          'abcde',
        ),
      ),
    ).toMatchObject({
      content: '\0\0abc\0de\0\0\0\0',
      size: 12,
      storedSize: 5,
      dataOffset: 512,
      sparse: [
        { at: 2, offset: 512, length: 3 },
        { at: 6, offset: 515, length: 2 },
      ],
    });
  });

  it.each([4, 5, 25, 26, 46, 47])('reads %i extents', (count) => {
    const pairs = Array.from({ length: count }, (_, index): Pair => [index * 3 + 1, 2]);
    const content = Array.from({ length: count }, (_, index) =>
      String.fromCharCode(65 + index, 66 + index),
    ).join('');
    const tar = oldSparse(count * 3, pairs, content);
    const expected = Array.from(
      { length: count },
      (_, index) => `\0${content.slice(index * 2, index * 2 + 2)}`,
    ).join('');
    for (const step of [undefined, 1, 100, 512, 700]) expect(read(tar, step).content).toBe(expected);
  });

  it('reads an empty extension block', () => {
    expect(read(oldSparse(3, [[0, 3]], 'abc', { extended: true }))).toMatchObject({
      content: 'abc',
      dataOffset: 1024,
    });
  });

  it('reads a file that is all hole', () => {
    expect(read(oldSparse(5, [], ''))).toMatchObject({ content: '\0'.repeat(5), sparse: [] });
  });

  it.each<[string, number, Pair[], string]>([
    [
      'overlapping extents',
      10,
      [
        [0, 3],
        [2, 2],
      ],
      'abcde',
    ],
    [
      'descending extents',
      10,
      [
        [5, 3],
        [0, 2],
      ],
      'abcde',
    ],
    ['an extent beyond the end', 4, [[0, 5]], 'abcde'],
    ['an empty extent beyond the end', 4, [[5, 0]], ''],
    ['less content than extents', 10, [[0, 5]], 'abcd'],
    ['more content than extents', 10, [[0, 3]], 'abcd'],
    ['content without extents', 10, [], 'abcd'],
    ['a size below the content', 2, [[0, 4]], 'abcd'],
    ['a sum that wraps in 64 bits', 10, [[1, 8 ** 11 - 1]], ''],
  ])('refuses %s', (_, realSize, pairs, content) => {
    expect(failure(oldSparse(realSize, pairs, content))).toMatchObject({ code: 'TAR_BAD_HEADER', offset: 0 });
  });

  it('refuses headers that cannot say it', () => {
    const ustar = archive(rawHeader({ type: 'S', size: 0 }));
    expect(failure(ustar)).toMatchObject({ code: 'TAR_BAD_HEADER' });
    const both = archive(
      extension('x', pax(['GNU.sparse.size', '1'])),
      rawHeader({ type: 'S', magic: 'ustar  \0', more: [[483, digits(1)]] }),
    );
    expect(failure(both)).toMatchObject({ code: 'TAR_BAD_HEADER' });
    const garbage = rawHeader({
      type: 'S',
      magic: 'ustar  \0',
      more: [
        [386, 'garbage'],
        [398, 'x'],
        [483, digits(1)],
      ],
    });
    expect(failure(archive(garbage))).toMatchObject({ code: 'TAR_BAD_HEADER' });
  });

  it('refuses more than 65 536 extents, or more metadata than hosts read', () => {
    const pairs = Array.from({ length: 45_000 }, (_, index): Pair => [index, 0]);
    expect(failure(oldSparse(50_000, pairs, ''))).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      limit: 'tarMetadataBytes',
    });
  });

  it('ends in a map that never ends', () => {
    const block = Buffer.alloc(512);
    block[504] = 1;
    const tar = oldSparse(1, [], '', { extended: true }).subarray(0, 512);
    expect(failure(Buffer.concat([tar, block]))).toMatchObject({ code: 'TAR_TRUNCATED' });
    const endless = Buffer.concat([tar, ...new Array<Buffer>(3000).fill(block)]);
    expect(failure(endless)).toMatchObject({ code: 'LIMIT_EXCEEDED', limit: 'tarMetadataBytes' });
  });
});

describe('PAX 0.0 and 0.1', () => {
  const pairs: Records = [
    ['GNU.sparse.size', '8'],
    ['GNU.sparse.numblocks', '2'],
    ['GNU.sparse.offset', '1'],
    ['GNU.sparse.numbytes', '2'],
    ['GNU.sparse.offset', '5'],
    ['GNU.sparse.numbytes', '1'],
  ];
  const list: Records = [
    ['GNU.sparse.size', '8'],
    ['GNU.sparse.numblocks', '2'],
    ['GNU.sparse.map', '1,2,5,1'],
    ['GNU.sparse.name', 'real'],
    ['path', 'GNUSparseFile.1/real'],
  ];

  it('read pairs and lists', () => {
    const expected = { content: '\0ab\0\0c\0\0', size: 8, storedSize: 3 };
    expect(read(paxSparse(pairs, 'abc'))).toMatchObject({ ...expected, path: 'file' });
    expect(read(paxSparse(list, 'abc'))).toMatchObject({ ...expected, path: 'real' });
    const versioned: Records = [...list, ['GNU.sparse.major', '0'], ['GNU.sparse.minor', '1']];
    expect(read(paxSparse(versioned, 'abc'))).toMatchObject(expected);
    const hole: Records = [
      ['GNU.sparse.size', '3'],
      ['GNU.sparse.numblocks', '0'],
    ];
    expect(read(paxSparse(hole, ''))).toMatchObject({ content: '\0\0\0', sparse: [] });
  });

  const replace = (records: Records, key: string, value?: string): Records =>
    records.flatMap(([k, v]): Records => (k !== key ? [[k, v]] : value === undefined ? [] : [[k, value]]));

  it.each<[string, string, Records]>([
    ['a wrong count', 'TAR_BAD_HEADER', replace(list, 'GNU.sparse.numblocks', '3')],
    ['no size', 'TAR_BAD_HEADER', replace(list, 'GNU.sparse.size')],
    ['an odd list', 'PAX_BAD_RECORD', replace(list, 'GNU.sparse.map', '1,2,5')],
    ['a list of no numbers', 'PAX_BAD_RECORD', replace(list, 'GNU.sparse.map', '1,2,5,x')],
    ['a list with gaps', 'PAX_BAD_RECORD', replace(list, 'GNU.sparse.map', '1,2,,1')],
    ['negative numbers', 'PAX_BAD_RECORD', replace(list, 'GNU.sparse.map', '1,2,5,-1')],
    ['overlapping extents', 'TAR_BAD_HEADER', replace(list, 'GNU.sparse.map', '1,2,2,1')],
    ['more than is stored', 'TAR_BAD_HEADER', replace(list, 'GNU.sparse.map', '1,2,5,2')],
    ['pairs out of turn', 'PAX_BAD_RECORD', replace(pairs, 'GNU.sparse.offset')],
    ['half a pair', 'PAX_BAD_RECORD', [...pairs, ['GNU.sparse.offset', '7']]],
    [
      'an unknown version',
      'TAR_UNSUPPORTED',
      [...list, ['GNU.sparse.major', '2'], ['GNU.sparse.minor', '0']],
    ],
    ['half a version', 'TAR_UNSUPPORTED', [...list, ['GNU.sparse.major', '1']]],
    ['huge holes', 'LIMIT_EXCEEDED', replace(list, 'GNU.sparse.size', String(2 ** 37))],
    ['a huge file', 'LIMIT_EXCEEDED', replace(list, 'GNU.sparse.size', String(2 ** 44))],
  ])('refuse %s', (_, code, records) => {
    expect(failure(paxSparse(records, 'abc'))?.code).toBe(code);
  });

  it('refuse what is no regular file, and maps in global headers', () => {
    const directory = archive(extension('x', pax(['GNU.sparse.size', '0'])), rawHeader({ type: '5' }));
    expect(failure(directory)).toMatchObject({ code: 'TAR_BAD_HEADER' });
    const global = archive(extension('g', pax(['GNU.sparse.size', '0'])), rawHeader({}));
    expect(failure(global)).toMatchObject({ code: 'TAR_UNSUPPORTED', offset: 512 });
  });
});

describe('PAX 1.0', () => {
  it('reads the map before the content', () => {
    const tar = pax10(
      '8',
      textMap([
        [1, 2],
        [5, 1],
        [8, 0],
      ]),
      'abc',
    );
    for (const step of [undefined, 1, 100, 512, 700]) {
      expect(read(tar, step)).toMatchObject({
        path: 'real',
        content: '\0ab\0\0c\0\0',
        size: 8,
        storedSize: 3,
        dataOffset: 2048,
        sparse: [
          { at: 1, offset: 2048, length: 2 },
          { at: 5, offset: 2050, length: 1 },
        ],
      });
    }
  });

  it('reads a map of several blocks', () => {
    const pairs = Array.from({ length: 300 }, (_, index): Pair => [index * 2, 1]);
    const { content, sparse } = read(pax10('600', textMap(pairs), 'x'.repeat(300)));
    expect(content).toBe('x\0'.repeat(300));
    expect(sparse?.length).toBe(300);
  });

  it('reads a map without extents', () => {
    expect(read(pax10('3', '0\n', ''))).toMatchObject({ content: '\0\0\0', sparse: [], storedSize: 0 });
  });

  it.each<[string, string, string, string]>([
    ['letters', '8', '1\nx\n1\n', 'a'],
    ['an empty line', '8', '1\n\n1\n', 'a'],
    ['a negative number', '8', '1\n-1\n1\n', 'a'],
    ['an unsafe number', '8', '1\n99999999999999999999\n1\n', 'a'],
    ['an end before the count is reached', '8', '2\n1\n1\n', 'a'],
    ['a count without a map', '8', '9999999999\n', ''],
    ['overlap', '8', '2\n1\n2\n2\n1\n', 'abc'],
    ['another content', '8', '1\n1\n2\n', 'abc'],
    ['nothing', '8', '', ''],
  ])('refuses %s', (_, size, map, content) => {
    expect(failure(pax10(size, map, content))).toMatchObject({ code: 'TAR_BAD_HEADER', offset: 1024 });
  });

  it('refuses a map of more than 65 536 extents', () => {
    const pairs = Array.from({ length: 65_537 }, (_, index): Pair => [index, 0]);
    expect(failure(pax10('70000', textMap(pairs), ''))).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      limit: 'sparseExtents',
    });
  });
});
