/** contentmeta files: read, refused, and written down again. */
import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import {
  type Contentmeta,
  formatContentmeta,
  parseContentmeta,
} from '../../../src/chunk/choices/contentmeta.ts';
import { LIMITS } from '../../../src/limits.ts';

const SHA = '0123456789abcdef'.repeat(4);
const parse = (text: string): Contentmeta => parseContentmeta(Buffer.from(text));

/** As the request that the form comes from has it, with more of everything. */
const TEXT = `{
 "version": 1,
 "created": "2024-08-01T22:16:56Z",
 "labels": {
  "org.example.notes": "line one\\nline two \\"quoted\\"",
  "10": "ten",
  "2": "two"
 },
 "ordered": true,
 "layers": {
  "dedi:meta:wine": "dedi:meta:wine",
  "rechunk_layer004": "jupiter-hw-support-btrfs,flite",
  "10": "named like a number",
  "2": "as well"
 },
 "mapping": {
  "${SHA}": "rechunk_layer004",
  "/usr/bin/wine": "dedi:meta:wine",
  "${SHA}${SHA}": "10",
  "/usr/\\\\xff\\\\x5cé": "2"
 }
}
`;

describe('a file', () => {
  const meta = parse(TEXT);

  test('is read in the order of its text', () => {
    expect(meta.created).toBe('2024-08-01T22:16:56Z');
    expect(meta.labels).toEqual([
      ['org.example.notes', 'line one\nline two "quoted"'],
      ['10', 'ten'],
      ['2', 'two'],
    ]);
    expect([meta.ordered, meta.layers.map(({ id, name }) => [id, name])]).toEqual([
      true,
      [
        ['dedi:meta:wine', 'dedi:meta:wine'],
        ['rechunk_layer004', 'jupiter-hw-support-btrfs,flite'],
        ['10', 'named like a number'],
        ['2', 'as well'],
      ],
    ]);
    expect(meta.mapping).toEqual([
      { key: { kind: 'digest', digest: SHA }, layer: 'rechunk_layer004' },
      { key: { kind: 'path', path: '/usr/bin/wine' }, layer: 'dedi:meta:wine' },
      { key: { kind: 'digest', digest: SHA + SHA }, layer: '10' },
      { key: { kind: 'path', path: byteString('/usr/\xff\\\xc3\xa9') }, layer: '2' },
    ]);
  });

  test('is written as it is read', () => {
    expect(parse(formatContentmeta(meta))).toEqual(meta);
    const plain = { ...meta, mapping: meta.mapping.slice(0, 3) };
    const text = TEXT.replace(/,\n {2}"\/usr\/\\\\xff.*\n/, '\n');
    expect(formatContentmeta(plain)).toBe(text);
  });

  test('needs no more than layers', () => {
    const empty = { created: undefined, labels: [], mapping: [], ordered: false };
    const layers = [{ id: 'a', name: 'b' }];
    expect(parse('{"version":1,"layers":{"a":"b"}}')).toEqual({ ...empty, layers });
    const nothing = '"created":null,"labels":null,"ordered":null,"mapping":null';
    expect(parse(`{"version":1,"layers":{"a":"b"},${nothing}}`)).toEqual({ ...empty, layers });
  });

  test('may have fields of other programs', () => {
    expect(parse('{"version":1,"layers":{"a":"b"},"x":[{"layers":{}}]}').layers).toHaveLength(1);
  });
});

describe('refused is', () => {
  const layers = '"version":1,"layers":{"a":"b"}';

  test.each([
    ['', 'the contentmeta file is no JSON document'],
    ['\xff', 'the contentmeta file is no JSON document'],
    ['{"version":1', 'the contentmeta file is no JSON document'],
    ['['.repeat(100_000), 'the contentmeta file is no JSON document'],
    ['[]', 'contentmeta: the file is no object'],
    ['null', 'contentmeta: the file is no object'],
    ['{"layers":{"a":"b"}}', 'contentmeta: version is not 1'],
    ['{"version":"1","layers":{"a":"b"}}', 'contentmeta: version is not 1'],
    ['{"version":1}', 'contentmeta: layers is no object'],
    ['{"version":1,"layers":["a"]}', 'contentmeta: layers is no object'],
    ['{"version":1,"layers":{"a":1}}', 'contentmeta: layers.a is no text'],
    [`{${layers},"labels":{"a":null}}`, 'contentmeta: labels.a is no text'],
    [`{${layers},"created":1}`, 'contentmeta: created is no time of RFC 3339'],
    [`{${layers},"created":"2024-02-40T00:00:00Z"}`, 'contentmeta: created is no time of RFC 3339'],
    [`{${layers},"ordered":"yes"}`, 'contentmeta: ordered is neither true nor false'],
    [
      `{${layers},"mapping":{"/x":"c"}}`,
      'contentmeta: mapping./x names the layer c, which is not among the layers',
    ],
    [`{${layers},"mapping":{"/x":{}}}`, 'contentmeta: mapping./x is no text'],
    [`{${layers},"mapping":{"x":"a"}}`, 'contentmeta: mapping.x is neither a checksum nor an absolute path'],
    [`{${layers},"mapping":{"/":"a"}}`, 'contentmeta: mapping./ is neither a checksum nor an absolute path'],
    [`{${layers},"mapping":{"${'0'.repeat(63)}":"a"}}`, /is neither a checksum nor an absolute path$/],
    [`{${layers},"mapping":{"/x":"a","/x":"a"}}`, 'contentmeta: mapping has /x twice'],
    [`{"version":1,"version":1,"layers":{"a":"b"}}`, 'contentmeta: the file has version twice'],
    [`{${layers},"mapping":{"__proto__":"a"}}`, /__proto__ is neither a checksum/],
  ])('%.60s', (text, message) => {
    expect(() => parseContentmeta(Buffer.from(text, 'latin1'))).toThrow(
      expect.objectContaining({ code: 'CONTENTMETA_BAD', message: expect.stringMatching(message) }),
    );
  });

  test('a file that is too large', () => {
    expect(() => parseContentmeta(new Uint8Array(LIMITS.contentmetaBytes + 1))).toThrow(
      expect.objectContaining({ code: 'LIMIT_EXCEEDED' }),
    );
  });
});
