import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { byteString, fromUtf8 } from '../../../src/bytes/byte-string.ts';
import { assignComponents, wantedPaths } from '../../../src/chunk/components.ts';
import { parseDatabasePath, parseDesc, parseFiles } from '../../../src/chunk/databases/alpm-records.ts';
import { dayOf } from '../../../src/chunk/rates.ts';
import type { Warning } from '../../../src/warnings.ts';
import { emptyFixture, putFile, putText, type TreeFixture } from './tree-fixture.ts';

const folder = new URL('../../../fixtures/chunk/', import.meta.url);
const texts = new Map<string, string>(
  Object.entries(JSON.parse(gunzipSync(readFileSync(new URL('alpm-local.json.gz', folder))).toString())),
);

interface Expected {
  readonly packages: number;
  readonly files: number;
  readonly shared: Readonly<Record<string, string[]>>;
  readonly bases: Readonly<Record<string, { packages: string[]; builds: number[]; paths: number }>>;
}
const expected: Expected = JSON.parse(readFileSync(new URL('alpm-local.expect.json', folder), 'utf8'));

/** The tree that the database lists, every file empty. */
function archTree(place: string): TreeFixture {
  const fixture = emptyFixture();
  for (const [path, text] of texts) {
    putText(fixture, fromUtf8(path).replace('/var/lib/pacman', place), text);
    if (!path.endsWith('/files')) continue;
    for (const line of text.split('\n%BACKUP%')[0]?.split('\n').slice(1) ?? [])
      if (line !== '' && !line.endsWith('/')) putFile(fixture, `/${fromUtf8(line)}`, 0);
  }
  return fixture;
}

describe('the database of an Arch Linux', () => {
  const fixture = archTree('/var/lib/pacman');
  const warnings: Warning[] = [];
  const onWarning = (warning: Warning): void => void warnings.push(warning);
  const { owner, components } = assignComponents(fixture.root, fixture.reader, { onWarning });

  test('gives every file to the base of its package, and the records with it', () => {
    const counts = new Map<string, number>();
    for (const [path, { key }] of owner)
      if (!path.startsWith('/var/lib/pacman/local/')) counts.set(key, (counts.get(key) ?? 0) + 1);
    const listed = new Map<string, number>();
    for (const [path, text] of [...texts].filter(([path]) => path.endsWith('/files'))) {
      const base = parseDesc(fromUtf8(texts.get(path.replace(/files$/, 'desc')) ?? ''))?.base;
      const files = parseFiles(fromUtf8(text)).filter((file) => owner.has(file)).length;
      if (files > 0) listed.set(`alpm/${base}`, (listed.get(`alpm/${base}`) ?? 0) + files);
    }
    expect(Object.fromEntries([...counts].sort())).toEqual(Object.fromEntries([...listed].sort()));
    expect([...counts.values()].reduce((a, b) => a + b, 0)).toBe(expected.files);
    expect(warnings).toEqual([]);
  });

  test('has the packages, bases and builds that another parser finds', () => {
    const ours: Record<string, unknown> = {};
    for (const [base, { builds }] of Object.entries(expected.bases))
      ours[`alpm/${base}`] = builds.map(dayOf).reduce((a, b) => Math.max(a, b));
    const found = components.filter(({ key }) => key.startsWith('alpm/'));
    expect(Object.fromEntries(found.map(({ key, lastChange }) => [key, lastChange]))).toEqual(ours);
    expect([found.length, expected.packages]).toEqual([Object.keys(expected.bases).length, 135]);
  });

  test('exact samples', () => {
    const at = (path: string): string | undefined => owner.get(byteString(path))?.key;
    expect([
      at('/usr/bin/bash'),
      at('/usr/lib/libstdc++.so.6'),
      at('/usr/lib/libblkid.so.1'),
      at('/var/lib/pacman/local/bash-5.3.9-1/desc'),
      at('/var/lib/pacman/local/zlib-1:1.3.2-3/files'),
      at('/var/lib/pacman/local/ALPM_DB_VERSION'),
    ]).toEqual(['alpm/bash', 'alpm/gcc', 'alpm/util-linux', 'alpm/bash', 'alpm/zlib', 'rest/var']);
  });

  test('is found where pacman.conf says', () => {
    const moved = archTree('/usr/lib/sysimage/pacman');
    putText(moved, '/etc/pacman.conf', '[options]\nDBPath = /usr/lib/sysimage/pacman/\n');
    const { owner: owners } = assignComponents(moved.root, moved.reader);
    expect(owners.get(byteString('/usr/bin/bash'))?.key).toBe('alpm/bash');
    expect(wantedPaths(moved.root).filter((path) => path.includes('/local/bash-5.3.9-1/'))).toEqual([
      '/usr/lib/sysimage/pacman/local/bash-5.3.9-1/desc',
      '/usr/lib/sysimage/pacman/local/bash-5.3.9-1/files',
    ]);
  });
});

describe('records', () => {
  test('may be damaged: the package is left out', () => {
    const fixture = emptyFixture();
    const local = '/var/lib/pacman/local';
    putFile(fixture, '/usr/bin/a', 1);
    putFile(fixture, '/usr/bin/b', 1);
    putText(fixture, `${local}/a-1-1/desc`, '%NAME%\na\n');
    putText(fixture, `${local}/a-1-1/files`, '%FILES%\nusr/\nusr/bin/\nusr/bin/a\n');
    putText(fixture, `${local}/b-1-1/desc`, 'no record');
    putText(fixture, `${local}/b-1-1/files`, '%FILES%\nusr/bin/b\n');
    putText(fixture, `${local}/stray`, '');
    const warnings: Warning[] = [];
    const onWarning = (warning: Warning): void => void warnings.push(warning);
    const { owner } = assignComponents(fixture.root, fixture.reader, { onWarning });
    expect(Object.fromEntries([...owner].map(([path, { key }]) => [path, key]))).toEqual({
      '/usr/bin/a': 'alpm/a',
      '/usr/bin/b': 'rest/usr',
      [`${local}/a-1-1/desc`]: 'alpm/a',
      [`${local}/a-1-1/files`]: 'alpm/a',
      [`${local}/b-1-1/desc`]: 'rest/var',
      [`${local}/b-1-1/files`]: 'rest/var',
      [`${local}/stray`]: 'rest/var',
    });
    expect(warnings).toEqual([
      { code: 'DATABASE_IGNORED', message: '1 records of pacman name no package', path: `${local}/b-1-1` },
    ]);
  });

  test('of an unknown version are not read', () => {
    const fixture = emptyFixture();
    putText(fixture, '/var/lib/pacman/local/ALPM_DB_VERSION', '10\n');
    putText(fixture, '/var/lib/pacman/local/a-1-1/desc', '%NAME%\na\n');
    const warnings: string[] = [];
    const onWarning = (warning: Warning): void => void warnings.push(warning.message);
    const { components } = assignComponents(fixture.root, fixture.reader, { onWarning });
    expect([components.map(({ key }) => key), warnings]).toEqual([
      ['rest/var'],
      ['the database of pacman has an unknown version'],
    ]);
  });

  test('take a title for a value inside a section', () => {
    expect(parseFiles(byteString('%FILES%\n%NAME%\na/\n\n%BACKUP%\nb\n'))).toEqual(['/%NAME%', '/a']);
  });

  test('name kernels without their version', () => {
    const fixture = emptyFixture();
    for (const name of ['linux612', 'linux66-headers', 'linux-lts'])
      putText(fixture, `/var/lib/pacman/local/${name}-1/desc`, `%NAME%\n${name}\n`);
    const { components } = assignComponents(fixture.root, fixture.reader);
    expect(components.map(({ key }) => key)).toEqual(['alpm/linux', 'alpm/linux-headers', 'alpm/linux-lts']);
  });
});

test.each([
  ['[options]\nDBPath=/a/\n', '/a/'],
  ['[options]\n DBPath = /a\nDBPath = /b b\n', '/b b'],
  ['[core]\nDBPath = /a\n', undefined],
  ['[options]\n#DBPath = /a\n', undefined],
  ['[options]\nDBPath = relative\n', undefined],
])('DBPath of %j', (text, path) => {
  expect(parseDatabasePath(byteString(text))).toBe(path);
});
