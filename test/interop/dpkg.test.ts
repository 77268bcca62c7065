/** Ownership as we read it against dpkg-query, on the database of the fixture and on this machine's own. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ByteString, byteString, decodeUtf8 } from '../../src/bytes/byte-string.ts';
import { assignComponents } from '../../src/chunk/components.ts';
import { dpkgKey, parseStatus } from '../../src/chunk/databases/dpkg-status.ts';
import { lookup } from '../../src/tree/walk.ts';
import { readTreeFixture } from '../unit/chunk/tree-fixture.ts';

const TREE = new URL('../../fixtures/chunk/debian-12.tree.gz', import.meta.url);
const dpkgQuery = spawnSync('dpkg-query', ['--version']).status === 0;
if (!dpkgQuery) process.stderr.write('SKIPPED interop/dpkg: no dpkg-query on PATH\n');

/** Source package of every installed package, by dpkg-query. */
function sources(admindir: string): Map<string, string> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a format of dpkg-query.
  const format = '${Package} ${Status} ${source:Package}\\n';
  const text = execFileSync('dpkg-query', ['--admindir', admindir, '-W', '-f', format], {
    encoding: 'latin1',
  });
  const found = new Map<string, string>();
  for (const line of text.trimEnd().split('\n')) {
    const [name = '', , , state, source = ''] = line.split(' ');
    if (state === 'installed') found.set(name, source);
  }
  return found;
}

/** Packages that `dpkg-query -S` names for each path; paths that it does not know are absent. */
function search(admindir: string, paths: readonly string[]): Map<string, Set<string>> {
  // Arguments go out as UTF-8, so the bytes of a name are taken for that here; all of this image are.
  const names = paths.map((path) => decodeUtf8(byteString(path)) ?? path);
  const run = spawnSync('dpkg-query', ['--admindir', admindir, '-S', ...names], {
    encoding: 'latin1',
    maxBuffer: 1 << 28,
  });
  const found = new Map<string, Set<string>>();
  for (const line of run.stdout.trimEnd().split('\n')) {
    const colon = line.indexOf(': ');
    if (line.startsWith('diversion by ') || colon < 0) continue;
    const names = line
      .slice(0, colon)
      .split(', ')
      .map((name) => name.replace(/:.*/, ''));
    const path = line.slice(colon + 2);
    found.set(path, new Set([...(found.get(path) ?? []), ...names]));
  }
  return found;
}

/** Names under which a database may list a path of a tree with merged /usr. */
function spellings(path: string): string[] {
  return /^\/usr\/(?:bin|sbin|lib|lib32|lib64|libx32)\//.test(path)
    ? [path, path.slice('/usr'.length)]
    : [path];
}

describe.skipIf(!dpkgQuery)('the fixture database', () => {
  const fixture = readTreeFixture(TREE);
  let admindir = '';
  beforeAll(() => {
    admindir = mkdtempSync(join(tmpdir(), 'planish-dpkg-'));
    mkdirSync(join(admindir, 'info'));
    mkdirSync(join(admindir, 'updates'));
    for (const [path, bytes] of fixture.contents) {
      if (path.startsWith('/var/lib/dpkg/'))
        writeFileSync(join(admindir, path.slice('/var/lib/dpkg/'.length)), bytes);
    }
    writeFileSync(join(admindir, 'info', 'format'), '1\n');
  });
  afterAll(() => rmSync(admindir, { recursive: true, force: true }));

  test('gives every path the owner that dpkg-query names', () => {
    const { owner, components } = assignComponents(fixture.root, fixture.reader);
    const source = sources(admindir);
    const paths = [...owner.keys()];
    const found = search(admindir, paths.flatMap(spellings));
    const rate = new Map(components.map((component) => [component.key as string, component.rate]));
    let compared = 0;
    for (const path of paths) {
      // A diverted path is named by its package under the path before the diversion: dash owns /bin/sh, as here.
      const packages = spellings(path).flatMap((spelling) => [...(found.get(spelling) ?? [])]);
      const keys = [...new Set(packages.map((name) => dpkgKey(byteString(source.get(name) ?? ''))))];
      if (keys.length === 0) continue;
      keys.sort((a, b) => (rate.get(b) ?? 0) - (rate.get(a) ?? 0) || (a < b ? -1 : 1));
      expect([path, owner.get(path)?.key]).toEqual([path, keys[0]]);
      compared++;
    }
    process.stderr.write(
      `interop/dpkg: ${compared} of ${paths.length} paths have an owner by dpkg-query, all agree\n`,
    );
    expect(compared).toBeGreaterThan(1000);
  });

  test('claims nothing that dpkg-query does not know but records and generated files', () => {
    const { owner } = assignComponents(fixture.root, fixture.reader);
    const claimed = [...owner]
      .filter(([, component]) => component.key.startsWith('dpkg/'))
      .map(([path]) => path);
    const found = search(admindir, claimed.flatMap(spellings));
    const extra = claimed
      .filter((path) => !spellings(path).some((spelling) => found.has(spelling)))
      .filter((path) => !path.startsWith('/var/lib/dpkg/info/') && !path.endsWith('.pyc'))
      .filter((path) => !path.startsWith('/etc/ssl/certs/'));
    expect(extra).toEqual(EXTRA);
  });
});

/** Generated files that follow their package by rule. */
const EXTRA: string[] = ['/etc/ca-certificates.conf', '/usr/lib/udev/hwdb.bin'];

describe.skipIf(!dpkgQuery || !existsSync('/var/lib/dpkg/status'))('the database of this machine', () => {
  test('has the packages and sources that dpkg-query lists', () => {
    const text = readFileSync('/var/lib/dpkg/status', 'latin1') as ByteString;
    const ours = new Map(
      parseStatus(text, () => {}).map(({ name, source }) => [name as string, source as string]),
    );
    const theirs = sources('/var/lib/dpkg');
    expect(Object.fromEntries([...theirs].map(([name]) => [name, ours.get(name)]))).toEqual(
      Object.fromEntries(theirs),
    );
  });
});

test('the fixture is the tree that it says', () => {
  const { root } = readTreeFixture(TREE);
  expect(lookup(root, byteString('/usr/bin/dash'))?.type).toBe('regular');
});
