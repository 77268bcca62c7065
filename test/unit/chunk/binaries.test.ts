/** Programs that no package owns, by what compilers of Go and Rust leave in them. */
import { readFileSync } from 'node:fs';
import { deflateSync, gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { assignComponents, beginAssignment } from '../../../src/chunk/components.ts';
import { lookup } from '../../../src/tree/walk.ts';
import type { Warning } from '../../../src/warnings.ts';
import {
  type ElfShape,
  elfOf,
  FIRST,
  goInline,
  goPointers,
  goProgram,
  rustProgram,
  SHAPES,
} from './elf-maker.ts';
import { putPackages } from './rpm-maker.ts';
import {
  contentOf,
  emptyFixture,
  metadataAt,
  put,
  putFile,
  putText,
  type TreeFixture,
} from './tree-fixture.ts';

const LIST =
  'path\texample.org/a/cmd/tool\nmod\texample.org/a\tv1.2.3\th1:x=\ndep\texample.org/b\tv1.0.0\th1:y=\n';
const SMALL: ElfShape = { bits: 64, little: true };

function putProgram(fixture: TreeFixture, path: string, bytes: Uint8Array, mode = 0o755): void {
  putText(fixture, path, bytes);
  put(fixture, path, {
    type: 'regular',
    metadata: { ...metadataAt(0), mode },
    content: contentOf(bytes.length),
  });
}

/** Key of a lone program. */
function keyOf(bytes: Uint8Array): string | undefined {
  const fixture = emptyFixture();
  putProgram(fixture, '/usr/bin/x', bytes);
  const warnings: Warning[] = [];
  const onWarning = (warning: Warning): void => void warnings.push(warning);
  const { owner } = assignComponents(fixture.root, fixture.reader, { onWarning });
  expect(warnings).toEqual([]);
  return owner.get(byteString('/usr/bin/x'))?.key;
}

describe('programs in Go', () => {
  test.each(SHAPES)('are named by their module: $bits bits, little-endian $little', (shape) => {
    expect(keyOf(elfOf(shape, '.go.buildinfo', goInline(LIST)))).toBe('go/example.org/a');
    expect(keyOf(elfOf(shape, '.go.buildinfo', goPointers(shape, LIST)))).toBe('go/example.org/a');
  });

  test.each([
    ['mod\tgithub.com/a/b/v3\tv3.1.1\t', 'go/github.com/a/b'],
    ['mod\tgopkg.in/yaml.v3\tv3.0.1\t', 'go/gopkg.in/yaml'],
    ['mod\texample.org/x.v3\t(devel)\t', 'go/example.org/x.v3'],
    ['path\tcmd/compile', 'go/cmd'],
    ['path\tcommand-line-arguments', 'rest/usr'],
    ['path\tcommand-line-arguments\nmod\tcommand-line-arguments\t(devel)', 'rest/usr'],
    ['mod\t../../etc\tv1', 'rest/usr'],
    ['mod\ta b\tv1', 'rest/usr'],
    ['mod\t\tv1', 'rest/usr'],
    [`mod\t${'a'.repeat(300)}\tv1`, 'rest/usr'],
    ['', 'rest/usr'],
  ])('%j is %s', (list, key) => {
    expect(keyOf(goProgram(list))).toBe(key);
  });

  test('of one module are one component, and change with its last commit', () => {
    const fixture = emptyFixture();
    const at = (time: string): Buffer => goProgram(`${LIST}build\tvcs=git\nbuild\tvcs.time=${time}\n`);
    putProgram(fixture, '/opt/tools-1.2/a', at('2024-08-01T22:16:56Z'));
    putProgram(fixture, '/opt/tools-1.2/b', at('2024-08-03T00:00:00Z'));
    putProgram(
      fixture,
      '/usr/bin/c',
      goProgram('mod\texample.org/c\tv1\nbuild\tvcs.time=2024-13-01T00:00:00Z\n'),
    );
    putFile(fixture, '/opt/tools-1.2/README', 1);
    const { components } = assignComponents(fixture.root, fixture.reader);
    expect(components.map(({ key, kind, paths, changeDays }) => [key, kind, paths, changeDays])).toEqual([
      ['go/example.org/a', 'package', ['/opt/tools-1.2/a', '/opt/tools-1.2/b'], [19_936, 19_938]],
      // A time that is none is not heeded; the newest file is.
      ['go/example.org/c', 'package', ['/usr/bin/c'], [0]],
      ['rest/opt/tools-1.2', 'rest', ['/opt/tools-1.2/README'], [0]],
    ]);
  });

  test('with several names are claimed by all', () => {
    const fixture = emptyFixture();
    putProgram(fixture, '/opt/v1/kubectl', goProgram(LIST));
    const node = lookup(fixture.root, byteString('/opt/v1/kubectl'));
    if (node !== undefined) put(fixture, '/usr/bin/kubectl', node);
    const { components } = assignComponents(fixture.root, fixture.reader);
    expect(components.map(({ key, paths }) => [key, paths])).toEqual([
      ['go/example.org/a', ['/opt/v1/kubectl', '/usr/bin/kubectl']],
    ]);
  });

  test('are asked for only where nobody else owns them', () => {
    const fixture = emptyFixture();
    const modules = '/usr/lib/node_modules/esbuild';
    putProgram(fixture, '/usr/bin/owned', goProgram(LIST));
    putProgram(fixture, '/usr/bin/free', goProgram(LIST));
    putProgram(fixture, '/usr/bin/data', goProgram(LIST), 0o644);
    putProgram(fixture, '/usr/bin/small', goProgram(LIST).subarray(0, 65_535));
    putProgram(fixture, `${modules}/bin/esbuild`, goProgram('mod\tgithub.com/evanw/esbuild\tv0'));
    putFile(fixture, `${modules}/package.json`, 1);
    putPackages(fixture, [{ name: 'p', files: [{ path: '/usr/bin/owned' }] }]);
    const read = new Set<string>();
    const reader = {
      ...fixture.reader,
      readPart: (path: ReturnType<typeof byteString>, offset: number, length: number) => {
        read.add(path);
        return fixture.reader.readPart(path, offset, length);
      },
    };
    const pending = beginAssignment(fixture.root, reader);
    expect([pending.wanted, [...read]]).toEqual([['/usr/bin/free'], []]);
    const { owner } = pending.finish();
    expect([...read]).toEqual(['/usr/bin/free']);
    expect(Object.fromEntries([...owner].map(([path, { key }]) => [path, key]))).toMatchObject({
      '/usr/bin/owned': 'rpm/p',
      '/usr/bin/free': 'go/example.org/a',
      '/usr/bin/data': 'rest/usr',
      '/usr/bin/small': 'rest/usr',
      [`${modules}/bin/esbuild`]: 'npm/esbuild',
    });
  });
});

test.each(['amd64', '386', 's390x', 'mips'])('a program that go 1.26.8 built for %s', (architecture) => {
  const file = new URL(`../../../fixtures/chunk/go-hello-${architecture}.elf.gz`, import.meta.url);
  expect(keyOf(gunzipSync(readFileSync(file)))).toBe('go/example.org/tools/hello');
});

describe('programs in Rust', () => {
  const packages = [
    { name: 'adler', version: '1.0.2', source: 'crates.io' },
    { name: 'ripgrep', version: '14.1.0', source: 'local', root: true, dependencies: [0] },
  ];

  test.each<[string, unknown, string]>([
    ['the root', { packages }, 'cargo/ripgrep'],
    ['no root', { packages: packages.slice(0, 1) }, 'rest/usr'],
    ['two roots', { packages: [packages[1], packages[1]] }, 'rest/usr'],
    ['no packages', {}, 'rest/usr'],
    ['nothing', null, 'rest/usr'],
    ['packages that are none', { packages: [null, 1, 'x'] }, 'rest/usr'],
    ['a name that is none', { packages: [{ name: '../x', root: true }] }, 'rest/usr'],
  ])('%s of the list names them', (_, document, key) => {
    expect(keyOf(rustProgram(document))).toBe(key);
  });

  test('that cargo-auditable itself made are read', () => {
    const file = (name: string): Buffer =>
      readFileSync(new URL(`../../../fixtures/chunk/rust-sample-amd64.${name}`, import.meta.url));
    const expected = JSON.parse(file('expect.json').toString());
    const root = expected.packages.find((item: { root?: boolean }) => item.root === true);
    expect(keyOf(gunzipSync(file('elf.gz')))).toBe(`cargo/${root.name}`);
    expect(root.name).toBe('sample-tool');
  });

  test('with a list that is none, or too long, are files like others', () => {
    const sections = [
      Buffer.alloc(0),
      Buffer.from('no zlib'),
      deflateSync('{"packages": ['),
      deflateSync(Buffer.alloc(2 * 1024 * 1024)),
      deflateSync('['.repeat(1_000_000)),
    ];
    expect(sections.map((section) => keyOf(elfOf(SMALL, '.dep-v0', section)))).toEqual(
      sections.map(() => 'rest/usr'),
    );
  });
});

describe('a hostile program', () => {
  const whole = goProgram(LIST);
  const patched = (at: number, ...bytes: number[]): Buffer => {
    const copy = Buffer.from(whole);
    copy.set(bytes, at);
    return copy;
  };

  test.each([
    ['no ELF', patched(0, 0)],
    ['no class', patched(4, 3)],
    ['no byte order', patched(5, 0)],
    ['another byte order', patched(5, 2)],
    ['a table of sections at 2^63', patched(47, 0x80)],
    ['65,535 sections', patched(60, 255, 255)],
    ['no sections', patched(60, 0, 0)],
    ['sections of another size', patched(58, 63)],
    ['names in no section', patched(62, 3)],
    ['names beyond the file', patched(0x180 + 24, 255, 255, 255)],
    ['2^60 bytes of names', patched(0x180 + 39, 0x10)],
    ['a section beyond the file', patched(0x140 + 24, 255, 255, 255)],
    ['another magic number', patched(FIRST, 0)],
    ['a version of 2^70 bytes', patched(FIRST + 32, ...Array.from({ length: 10 }, () => 255), 1)],
    ['a length without end', patched(FIRST + 32, ...Array.from({ length: 40 }, () => 255))],
    ['a list of 2^30 bytes', patched(FIRST + 41, 255, 255, 255, 255, 3)],
    ['a list shorter than its frame', patched(FIRST + 41, 31)],
    ['an end after the header', whole.subarray(0, 64)],
  ])('with %s is a file like any other', (_, bytes) => {
    const padded = Buffer.concat([bytes, Buffer.alloc(Math.max(65_536 - bytes.length, 0))]);
    expect(keyOf(padded)).toBe('rest/usr');
  });

  test('never fails otherwise, with any byte changed that counts', () => {
    const outcomes = new Map<string, number>();
    const pointers = elfOf(SMALL, '.go.buildinfo', goPointers(SMALL, LIST));
    for (const program of [whole, pointers]) {
      const spots = [
        ...range(0, 64),
        ...range(0x80, 0xf0),
        ...range(0x100, 0x1c0),
        ...range(FIRST, FIRST + 160),
      ];
      for (const at of spots) {
        const copy = Buffer.from(program);
        copy[at] = (copy[at] ?? 0) ^ (1 << (at % 8));
        const key = keyOf(copy) ?? '';
        outcomes.set(key, (outcomes.get(key) ?? 0) + 1);
      }
    }
    expect(outcomes.get('go/example.org/a')).toBeGreaterThan(40);
    expect(outcomes.get('rest/usr')).toBeGreaterThan(40);
  });
});

function* range(from: number, to: number): Generator<number, void, undefined> {
  for (let at = from; at < to; at += 3) yield at;
}
