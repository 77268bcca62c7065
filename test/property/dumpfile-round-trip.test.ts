import { describe, expect, test } from 'vitest';
import { formatDumpfile } from '../../src/dumpfile/format.ts';
import { DumpfileParser, parseDumpfile } from '../../src/dumpfile/parse.ts';
import { isPlanishError } from '../../src/errors.ts';
import type { Directory } from '../../src/tree/tree.ts';
import { arbitraryTree } from '../support/arbitraries.ts';
import { fc } from '../support/property.ts';

const trees = arbitraryTree({ sockets: true, nanoseconds: true, hardLinks: true });
const format = (root: Directory): Buffer => Buffer.concat([...formatDumpfile(root)]);

/** Our own dumps hold whiteouts of several names, which strict mode refuses. */
const hasLinkedWhiteout = (dump: Buffer): boolean =>
  dump
    .toString('latin1')
    .split('\n')
    .some((line) => / 20\d{3} ([2-9]|1\d+) \d+ \d+ 0 /.test(line));

describe('dumpfiles', () => {
  test('parsing what was formatted gives the same tree, in both modes', () => {
    fc.assert(
      fc.property(trees, (root) => {
        const dump = format(root);
        const lenient = parseDumpfile(dump);
        expect(format(lenient.root).equals(dump)).toBe(true);
        expect([lenient.facts.nlink.size, lenient.facts.size.size]).toEqual([0, 0]);
        if (hasLinkedWhiteout(dump)) return;
        expect(format(parseDumpfile(dump, { strict: true }).root).equals(dump)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  test('negative times too, leniently', () => {
    fc.assert(
      fc.property(arbitraryTree({ negativeTimes: true }), (root) => {
        const dump = format(root);
        expect(format(parseDumpfile(dump).root).equals(dump)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test('any split of the input gives the same tree', () => {
    fc.assert(
      fc.property(trees, fc.array(fc.nat({ max: 300 }), { minLength: 1 }), (root, sizes) => {
        const dump = format(root);
        const parser = new DumpfileParser();
        let at = 0;
        for (let turn = 0; at < dump.length; turn++) {
          const size = (sizes[turn % sizes.length] ?? 0) + 1;
          parser.push(dump.subarray(at, at + size));
          at += size;
        }
        expect(format(parser.finish().root).equals(dump)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });

  test('changed bytes give a tree or an error of ours', () => {
    const edits = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(trees, edits, fc.boolean(), (root, changes, strict) => {
        const dump = format(root);
        for (const [at, byte] of changes) dump[at % dump.length] = byte;
        expectTreeOrRefusal(dump, strict);
      }),
      { numRuns: 500 },
    );
  });

  test('lines of odd fields give a tree or an error of ours', () => {
    const field = fc.constantFrom(
      ...[
        '-',
        '',
        '0',
        '1',
        '@120777',
        '@40755',
        '100644',
        '120777',
        '40755',
        '20644',
        '/',
        '/a',
        '/a/b',
        '//',
        '/\\x00',
      ],
      ...[
        '0.0',
        '1.',
        '.',
        '18446744073709551616',
        '-1',
        '\\',
        '\\x',
        'ab'.repeat(32),
        'user.a=b',
        '=',
        '\xff',
      ],
    );
    const line = fc.array(field, { maxLength: 14 }).map((fields) => fields.join(' '));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 5 }), fc.boolean(), (lines, strict) => {
        const text = ['/ 0 40755 2 0 0 0 0.0 - - -', '/a 0 40755 2 0 0 0 0.0 - - -', ...lines].join('\n');
        expectTreeOrRefusal(Buffer.from(text, 'latin1'), strict);
      }),
      { numRuns: 2000 },
    );
  });
});

/** Whatever is accepted can be written and read again. */
function expectTreeOrRefusal(dump: Uint8Array, strict: boolean): void {
  try {
    const { root } = parseDumpfile(dump, { strict });
    const again = format(root);
    expect(format(parseDumpfile(again).root).equals(again)).toBe(true);
  } catch (error) {
    if (!isPlanishError(error)) throw error;
    expect(['DUMP_BAD_LINE', 'LIMIT_EXCEEDED']).toContain(error.code);
  }
}
