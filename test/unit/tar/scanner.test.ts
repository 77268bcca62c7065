/** The order of calls, ends of archives, truncation, limits, and entries that claim what they do not have. */
import { describe, expect, it } from 'vitest';
import { type TarHandler, TarScanner } from '../../../src/tar/index.ts';
import type { Warning } from '../../../src/warnings.ts';
import { archive, entryBytes, extension, failure, padded, pax, rawHeader, record, scan } from './support.ts';

const ZERO = Buffer.alloc(512);
const file = (name: string, content: string): Buffer =>
  Buffer.concat([rawHeader({ name, size: content.length }), padded(content)]);

describe('ends', () => {
  it.each<[string, Buffer, boolean, number]>([
    ['nothing', Buffer.alloc(0), false, 0],
    ['two zero blocks', Buffer.concat([ZERO, ZERO]), true, 0],
    ['one zero block', ZERO, false, 0],
    ['part of a zero block', Buffer.alloc(100), false, 0],
    ['an entry and nothing', file('a', 'a'), false, 1],
    ['an entry and one zero block', Buffer.concat([file('a', 'a'), ZERO]), false, 1],
    ['an entry without its padding', file('a', 'abc').subarray(0, 515), false, 1],
    ['an entry with half its padding', file('a', 'abc').subarray(0, 800), false, 1],
    [
      'entries and rubbish after the end',
      Buffer.concat([archive(file('a', 'a')), Buffer.from('rubbish')]),
      true,
      1,
    ],
    ['entries after the end', Buffer.concat([archive(file('a', 'a')), file('b', 'b')]), true, 1],
    ['a long run of zeros', Buffer.concat([file('a', 'a'), Buffer.alloc(10_240)]), true, 1],
  ])('%s', (_, tar, endOfArchive, count) => {
    for (const step of [undefined, 1, 511, 513]) {
      const { found, end } = scan(tar, step === undefined ? {} : { step });
      expect(end).toEqual({ size: tar.length, endOfArchive });
      expect(found.length).toBe(count);
    }
  });

  it('a single zero block before an entry is refused', () => {
    const tar = Buffer.concat([file('a', ''), ZERO, file('b', '')]);
    expect(failure(tar)).toMatchObject({ code: 'TAR_BAD_HEADER', offset: 1024 });
  });

  it('an extension header needs an entry', () => {
    const x = extension('x', pax(['path', 'p']));
    expect(failure(x)).toMatchObject({ code: 'TAR_TRUNCATED', offset: 1024 });
    expect(failure(archive(x))).toMatchObject({ code: 'TAR_BAD_HEADER', offset: 1024 });
    expect(failure(archive(extension('L', 'name\0')))).toMatchObject({ code: 'TAR_BAD_HEADER' });
  });
});

describe('truncation', () => {
  const tar = archive(
    extension('L', `${'long/'.repeat(30)}name\0`),
    file('a', 'content of a'),
    extension('x', pax(['path', 'pax'], ['SCHILY.xattr.user.a', '\0\n'])),
    file('b', 'x'.repeat(700)),
    rawHeader({ name: 'link', type: '2', linkname: 'target' }),
  );
  const complete = scan(tar).found;

  it('anywhere is an error, or a right but unfinished answer', () => {
    let refused = 0;
    for (let length = 0; length < tar.length; length++) {
      const error = failure(tar.subarray(0, length));
      if (error === undefined) {
        const { found, end } = scan(tar.subarray(0, length));
        expect(found).toEqual(complete.slice(0, found.length));
        expect(end.endOfArchive).toBe(false);
      } else {
        expect(error).toMatchObject({ code: 'TAR_TRUNCATED', offset: length });
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(tar.length / 2);
  });

  it('a claim of 64 GB without data costs nothing', () => {
    const before = process.memoryUsage().arrayBuffers;
    const claim = archive(rawHeader({ size: `\x80${'\0'.repeat(6)}\x10\0\0\0\0` }));
    expect(failure(claim)).toMatchObject({ code: 'TAR_TRUNCATED' });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 30);
  });

  it('a claim beyond the largest file is refused at once', () => {
    const claim = archive(extension('x', pax(['size', String(2 ** 43 + 1)])), rawHeader({}));
    expect(failure(claim)).toMatchObject({ code: 'LIMIT_EXCEEDED', limit: 'fileBytes' });
  });
});

describe('flipped bytes', () => {
  it('in a header are found by its checksum, in records by their form, or change nothing else', () => {
    const tar = archive(extension('x', pax(['path', 'dir/pax'], ['mtime', '12.5'])), file('a', 'content'));
    let refused = 0;
    for (let at = 0; at < tar.length - 1024; at++) {
      const flipped = Buffer.from(tar);
      flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
      if (failure(flipped) !== undefined) refused += 1;
    }
    // Two headers of 512 bytes; the checksum's own spaces, padding and content may change without harm.
    expect(refused).toBeGreaterThan(1000);
  });
});

describe('limits', () => {
  it('metadata before an entry', () => {
    const large = extension('x', pax(['comment', 'x'.repeat(2 ** 20)]));
    expect(failure(large.subarray(0, 512))).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      limit: 'tarMetadataBytes',
    });
    const claim = rawHeader({ type: 'L', size: 8 ** 11 - 1 });
    expect(failure(claim)).toMatchObject({ code: 'LIMIT_EXCEEDED', limit: 'tarMetadataBytes', offset: 0 });
    const half = pax(['comment', 'x'.repeat(600_000)]);
    const two = archive(extension('x', half), extension('g', half), rawHeader({}));
    expect(failure(two)).toMatchObject({ code: 'LIMIT_EXCEEDED', limit: 'tarMetadataBytes' });
  });

  it('extension headers before an entry', () => {
    const g = extension('g', pax(['comment', 'x']));
    const of = (count: number) => archive(...new Array<Buffer>(count).fill(g), rawHeader({}));
    expect(failure(of(16))).toBeUndefined();
    expect(failure(of(17))).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      limit: 'tarExtensionHeaders',
      offset: 16_384,
    });
  });

  it('are counted for each entry', () => {
    const one = Buffer.concat([extension('x', pax(['comment', 'x'.repeat(600_000)])), rawHeader({})]);
    expect(scan(archive(one, one, one)).found.length).toBe(3);
  });

  it('lengths of names', () => {
    const longest = 'p'.repeat(4095);
    expect(scan(archive(extension('L', longest), rawHeader({}))).found[0]?.entry.path).toBe(longest);
    expect(scan(archive(extension('L', `${longest}/`), rawHeader({ type: '5' }))).found.length).toBe(1);
    const long = { code: 'LIMIT_EXCEEDED', limit: 'pathBytes' };
    expect(failure(archive(extension('L', `${longest}p`), rawHeader({})))).toMatchObject(long);
    expect(failure(archive(extension('x', pax(['path', `${longest}p`])), rawHeader({})))).toMatchObject(long);
    expect(failure(archive(extension('K', `${longest}p`), rawHeader({ type: '2' })))).toMatchObject(long);
  });
});

describe('extension headers', () => {
  it('two of a kind are refused', () => {
    for (const type of ['x', 'L', 'K']) {
      const one = extension(type, type === 'x' ? pax(['path', 'p']) : 'p\0');
      expect(failure(archive(one, one, rawHeader({})))).toMatchObject({
        code: 'TAR_BAD_HEADER',
        offset: 1536,
      });
    }
  });

  it('do not leak to the next entry', () => {
    const tar = archive(
      extension('L', 'long\0'),
      extension('K', 'target\0'),
      extension('x', pax(['uid', '7'], ['SCHILY.xattr.user.a', 'b'])),
      rawHeader({ type: '2' }),
      rawHeader({ name: 'plain', type: '2', linkname: 'plain' }),
    );
    const [first, second] = scan(tar).found.map(({ entry }) => entry);
    expect(first).toMatchObject({ path: 'long', linkTarget: 'target', uid: 7, offset: 0, dataOffset: 3584 });
    expect(second).toMatchObject({
      path: 'plain',
      linkTarget: 'plain',
      uid: 0,
      offset: 3584,
      dataOffset: 4096,
    });
    expect([first?.xattrs.size, second?.xattrs.size]).toEqual([1, 0]);
  });

  it('long names end at their first NUL, or at their end', () => {
    for (const content of ['name\0', 'name', 'name\0\0rest']) {
      expect(scan(archive(extension('L', content), rawHeader({}))).found[0]?.entry.path).toBe('name');
    }
    expect(failure(archive(extension('L', '\0'), rawHeader({})))).toMatchObject({ code: 'PATH_INVALID' });
    expect(failure(archive(extension('L', ''), rawHeader({})))).toMatchObject({ code: 'PATH_INVALID' });
  });
});

describe('entries without content', () => {
  it.each(['1', '2', '3', '4', '5', '6'])('type %s: the size is ignored, nothing is skipped', (type) => {
    const warnings: Warning[] = [];
    const tar = archive(rawHeader({ name: 'odd', type, linkname: 'x', size: 5000 }), file('next', 'abc'));
    const { found } = scan(tar, { onWarning: (warning) => warnings.push(warning) });
    expect(found.map(({ entry }) => [entry.path, entry.size, entry.storedSize])).toEqual([
      ['odd', 0, 0],
      ['next', 3, 3],
    ]);
    expect(warnings.map(({ code, path }) => [code, path])).toEqual([['SIZE_WITHOUT_CONTENT', 'odd']]);
  });
});

describe('warnings', () => {
  it('name records that are not carried over, once', () => {
    const warnings: Warning[] = [];
    const labelled = extension(
      'x',
      pax(['RHT.security.selinux', 'u:o:t:s0'], ['SCHILY.acl.access', 'user::rw-']),
    );
    scan(archive(labelled, rawHeader({ name: 'a\n' }), labelled, rawHeader({ name: 'b' })), {
      onWarning: (warning) => warnings.push(warning),
    });
    expect(warnings).toEqual([
      {
        code: 'RECORD_DROPPED',
        message: 'RHT.security.selinux records are not carried over',
        path: 'a\\x0a',
      },
      { code: 'RECORD_DROPPED', message: 'SCHILY.acl.access records are not carried over', path: 'a\\x0a' },
    ]);
  });

  it('name an attribute that only libarchive spells, once', () => {
    const warnings: Warning[] = [];
    const records = pax(
      ['LIBARCHIVE.xattr.user.a', 'eA=='],
      ['LIBARCHIVE.xattr.user.b', 'eA=='],
      ['SCHILY.xattr.user.a', 'x'],
    );
    const header = extension('x', records);
    scan(archive(header, rawHeader({ name: 'a' }), header, rawHeader({ name: 'b' })), {
      onWarning: (warning) => warnings.push(warning),
    });
    expect(warnings).toEqual([
      {
        code: 'XATTR_ENCODING',
        message: 'user.b is stored as LIBARCHIVE.xattr only, which hosts do not read',
        path: 'a',
      },
    ]);
  });

  it('name a global header that was ignored, and none that was applied', () => {
    for (const globalHeaders of ['ignore', 'apply'] as const) {
      const warnings: Warning[] = [];
      const header = extension('g', pax(['comment', 'c']));
      scan(archive(header, header, rawHeader({ name: 'a' })), {
        globalHeaders,
        onWarning: (warning) => warnings.push(warning),
      });
      expect(warnings.map(({ code }) => code)).toEqual(globalHeaders === 'ignore' ? ['GLOBAL_HEADER'] : []);
    }
  });

  it('are not given for ordinary entries', () => {
    const warnings: Warning[] = [];
    const tar = archive(
      entryBytes(record({ path: 'd', type: 'directory' })),
      entryBytes(record({ size: 5 })),
    );
    scan(tar, { onWarning: (warning) => warnings.push(warning) });
    expect(warnings).toEqual([]);
  });
});

describe('handlers', () => {
  it('are called in order, with ranges of the pieces', () => {
    const calls: string[] = [];
    const handler: TarHandler = {
      entry: ({ path }) => calls.push(`entry ${path}`),
      data: (chunk, start, end) => calls.push(`data ${Buffer.from(chunk).toString('latin1', start, end)}`),
      endOfEntry: () => calls.push('end'),
    };
    const scanner = new TarScanner(handler);
    const tar = archive(file('a', 'hello'), file('b', ''), file('c', 'x'));
    scanner.push(tar.subarray(0, 514));
    scanner.push(new Uint8Array(0));
    scanner.push(tar.subarray(514));
    expect(calls).toEqual([
      'entry a',
      'data he',
      'data llo',
      'end',
      'entry b',
      'end',
      'entry c',
      'data x',
      'end',
    ]);
    expect(scanner.finish()).toEqual({ size: tar.length, endOfArchive: true });
  });
});
