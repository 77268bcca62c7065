/** `plan --contentmeta` and `build --contentmeta`: written, read, obeyed. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DEMO, planish, planishJson, temporaryDirectory } from '../support/cli.ts';

const source = `oci-archive:${DEMO}`;

function metaFile(fields: unknown): string {
  const file = join(temporaryDirectory(), 'meta.json');
  writeFileSync(file, typeof fields === 'string' ? fields : JSON.stringify(fields));
  return file;
}

const read = (file: string): Record<string, object> => JSON.parse(readFileSync(file, 'utf8'));

interface Layer {
  readonly digest: string;
  readonly annotations: Readonly<Record<string, string>>;
}

function built(options: readonly string[]): {
  image: string;
  layout: string;
  digests: string[];
  tree: unknown;
  warnings: { code: string; message: string }[];
} {
  const layout = join(temporaryDirectory(), 'image');
  const image = `oci:${layout}:x`;
  const result = planishJson(['build', source, '-o', image, '--compression', 'none', ...options]);
  const digests = result.layers.map(({ digest }: Layer) => digest);
  return { image, layout, digests, tree: result.digests, warnings: result.warnings };
}

const entriesOf = (layout: string, digest: string): string[] =>
  execFileSync('tar', ['-tf', join(layout, 'blobs', ...digest.split(':'))], { encoding: 'utf8' })
    .trimEnd()
    .split('\n');

test.each(['path', 'ostree', 'verity'])('a split that was written down by %s comes out again', (keys) => {
  const file = join(temporaryDirectory(), 'written.json');
  planishJson(['plan', source, '--max-layers', '5', '--contentmeta', file, '--contentmeta-keys', keys]);
  const again = built(['--contentmeta', file]);
  const planned = built(['--max-layers', '5']);
  expect(again.digests).toEqual(planned.digests);
  expect(again.tree).toEqual(planned.tree);
  expect(again.warnings).toEqual([]);
});

test('a split is planned as it is built, written down as it came, and explained', () => {
  const given = metaFile(TEXT);
  const [written, again] = ['1.json', '2.json'].map((name) => join(temporaryDirectory(), name));
  const options = ['--from-contentmeta', given, '--contentmeta', written as string];
  const { layers } = planishJson(['plan', source, ...options]);
  const keys = ['layer/10', 'layer/2', 'layer/@unmapped'];
  expect(layers.map(({ members }: { members: { key: string }[] }) => members.map(({ key }) => key))).toEqual(
    keys.map((key) => [key]),
  );
  const { version, created, labels, ordered, layers: names, mapping } = read(written as string);
  expect([version, created, ordered, labels]).toEqual([
    1,
    '2024-08-01T22:16:56Z',
    true,
    { notes: 'one\ntwo \u00e9', kind: 'file' },
  ]);
  expect(names).toEqual({ 10: 'ten, and more', 2: 'two', '@unmapped': 'what contentmeta leaves out' });
  // By path busybox would be the first.
  expect(Object.entries(mapping ?? {})).toEqual([
    ['/usr/bin/hush', '10'],
    [BUSYBOX, '10'],
    ['/usr/bin/cat', '2'],
  ]);
  planishJson(['plan', source, '--from-contentmeta', written as string, '--contentmeta', again as string]);
  expect(readFileSync(again as string)).toEqual(readFileSync(written as string));
  expect(built(['--from-contentmeta', written as string]).digests).toEqual(
    built(['--contentmeta', given]).digests,
  );
  const { explanation } = planishJson(['plan', source, '--from-contentmeta', given, '--explain', BUSYBOX]);
  expect([explanation.component, explanation.source, explanation.reason]).toEqual([
    'layer/10',
    'contentmeta',
    'alone',
  ]);
});

test('two files at once are one too many', () => {
  const file = metaFile(TEXT);
  const options = ['--contentmeta', file, '--from-contentmeta', file];
  const run = planish(['build', source, '-o', 'oci:x', ...options]);
  expect(run.status).toBe(2);
});

const BUSYBOX = '/usr/bin/busybox';
/** The names of the layers look like numbers, and stand in no order of theirs. */
const TEXT = `{"version": 1, "created": "2024-08-01T22:16:56Z",
  "labels": {"notes": "one\\ntwo \\u00e9", "kind": "file"}, "ordered": true,
  "layers": {"10": "ten, and more", "2": "two", "empty": "nothing"},
  "mapping": {"/usr/bin/hush": "10", "${BUSYBOX}": "10", "/usr/bin/cat": "2"}}`;

describe('a file of another program', () => {
  const image = built(['--contentmeta', metaFile(TEXT), '--label', 'kind=option']);
  const inspected = planishJson(['inspect', image.image]);

  test('decides layers, their order and their names', () => {
    expect(image.digests).toHaveLength(3);
    const names = inspected.layers.map(({ annotations }: Layer) => annotations['ostree.components']);
    expect(names).toEqual(['ten, and more', 'two', 'what contentmeta leaves out']);
  });

  test('decides the order inside of tars', () => {
    // By path busybox would be the first.
    expect(entriesOf(image.layout, image.digests[0] as string).slice(0, 5)).toEqual([
      './',
      'usr/',
      'usr/bin/',
      'usr/bin/hush',
      'usr/bin/busybox',
    ]);
  });

  test('sets labels, line breaks and all, and the time; options win', () => {
    expect(inspected.labels).toMatchObject({ notes: 'one\ntwo é', kind: 'option' });
    expect(inspected.annotations).toMatchObject({ notes: 'one\ntwo é', kind: 'file' });
    expect(inspected.created).toBe('2024-08-01T22:16:56Z');
    const bytes = readFileSync(join(image.layout, 'blobs', ...inspected.config.digest.split(':')));
    expect(bytes.toString()).toContain('"notes":"one\\ntwo é"');
  });

  test('leaves the tree alone, and an image that verifies', () => {
    expect(image.tree).toEqual(built([]).tree);
    expect(planish(['verify', image.image]).status).toBe(0);
  });

  test('is said to leave out most files', () => {
    const messages = image.warnings.map(({ code, message }) => [code, message.replace(/\d+/, 'N')]);
    expect(messages).toEqual([
      [
        'CONTENTMETA_INCOMPLETE',
        'N files are in no layer of the contentmeta file, and get one behind all others',
      ],
    ]);
  });
});

test('entries that fit nothing are counted', () => {
  const mapping = { ['0'.repeat(64)]: 'a', '/nowhere': 'a', [BUSYBOX]: 'a' };
  const { warnings } = built(['--contentmeta', metaFile({ version: 1, layers: { a: 'a' }, mapping })]);
  expect(warnings[1]?.message).toBe('2 entries of the contentmeta file fit no file');
});

test.each([
  ['a version of another time', { version: 2, layers: { a: 'a' } }, 'version is not 1'],
  ['no layers', { version: 1, layers: {} }, 'there are no layers'],
  [
    'an unknown layer',
    { version: 1, layers: { a: 'a' }, mapping: { [BUSYBOX]: 'b' } },
    'names the layer b, which is not among the layers',
  ],
  [
    'a key that is none',
    { version: 1, layers: { a: 'a' }, mapping: { busybox: 'a' } },
    'neither a checksum nor',
  ],
  ['an entry that stands twice', '{"version": 1, "layers": {"a": "a", "a": "b"}}', 'layers has a twice'],
  [
    'a time that is none',
    { version: 1, layers: { a: 'a' }, created: 'yesterday' },
    'created is no time of RFC 3339',
  ],
  ['no JSON', '{"version": 1,', 'the contentmeta file is no JSON document'],
])('%s ends before anything is read', (_, fields, message) => {
  const run = planish(['build', 'oci:nothing-here', '-o', 'oci:x', '--contentmeta', metaFile(fields)]);
  expect([run.status, run.stderr]).toEqual([2, expect.stringContaining(message)]);
});

test('fewer layers than the file has', () => {
  const mapping = { [BUSYBOX]: 'a', '/usr/bin/cat': 'b', '/usr/bin/ping': 'c' };
  const file = metaFile({ version: 1, layers: { a: 'a', b: 'b', c: 'c' }, mapping });
  const destination = `oci:${join(temporaryDirectory(), 'image')}`;
  const run = planish(['build', source, '-o', destination, '--max-layers', '2', '--contentmeta', file]);
  expect([run.status, run.stderr]).toEqual([
    2,
    expect.stringContaining('fewer layers than groups of files ask for'),
  ]);
});

test('two names of one file in two layers', () => {
  const mapping = { [BUSYBOX]: 'a', '/usr/bin/hush': 'b' };
  const file = metaFile({ version: 1, layers: { a: 'a', b: 'b' }, mapping });
  const destination = `oci:${join(temporaryDirectory(), 'image')}`;
  const run = planish(['build', source, '-o', destination, '--contentmeta', file]);
  const message = 'CONTENTMETA_BAD: contentmeta: two entries want one file in two layers (/usr/bin/hush';
  expect([run.status, run.stderr]).toEqual([2, expect.stringContaining(message)]);
});
