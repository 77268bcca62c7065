/**
 * One source, one result: every file of the layout has the same bytes whatever the number of threads, the version of
 * Node, the implementation of zstd, the directory, locale, time zone, umask or user.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { openNapiZstd } from '../../src/compress/zstd-napi.ts';
import { DEMO } from '../support/cli.ts';
import { fingerprint } from '../support/layout-fingerprint.ts';
import { memoryDirectory } from '../support/memory-directory.ts';
import { nodeOfMajor } from '../support/other-node.ts';
import { type ProgramOptions, run } from '../support/run.ts';
import { serverImage } from '../support/server-image.ts';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const SKIPPED = 'the same bytes on other versions of Node';

const directory = memoryDirectory();
chmodSync(directory, 0o755);
const copy = installCopy(join(directory, 'installed'));
const demo = join(directory, 'demo.oci.tar');
cpSync(DEMO, demo);
chmodSync(demo, 0o644);

const nodes: [number, string | undefined][] = [];
for (const major of [20, 22]) {
  const prefix = mkdtempSync(join(directory, 'node-'));
  chmodSync(prefix, 0o755);
  nodes.push([major, await nodeOfMajor(major, prefix, SKIPPED)]);
}

/** The built program with what it needs to run, where any user may read it. */
function installCopy(target: string): string {
  const { stdout } = spawnSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], {
    cwd: CHECKOUT,
    encoding: 'utf8',
  });
  const packages = stdout.split('\n').filter((path) => path.startsWith(`${CHECKOUT}/node_modules/`));
  for (const path of ['package.json', 'dist', ...packages.map((found) => relative(CHECKOUT, found))]) {
    cpSync(join(CHECKOUT, path), join(target, path), { recursive: true, dereference: true });
  }
  spawnSync('chmod', ['-R', 'a+rX', target]);
  return join(target, 'dist/cli/main.js');
}

interface BuildOptions extends ProgramOptions {
  readonly node?: string | undefined;
  readonly umask?: string;
  readonly arguments?: readonly string[];
}

/** Builds into a new directory and gives the bytes of all that was written. */
async function build(source: string, options: BuildOptions = {}): Promise<Record<string, string>> {
  const { node = process.execPath, umask = '022', arguments: more = [], ...program } = options;
  const scratch = mkdtempSync(join(directory, 'build-'));
  chmodSync(scratch, 0o777);
  const command = [node, copy, '--quiet', 'build', source, '-o', `oci:${scratch}/layout:t`, ...more];
  await run('sh', ['-c', `umask ${umask}; exec "$@"`, 'sh', ...command], program);
  const result = fingerprint(join(scratch, 'layout'));
  rmSync(scratch, { recursive: true });
  return result;
}

/** The native zstd is optional; without it there is only one backend to compare. */
const backends = (await openNapiZstd().then(
  () => true,
  () => false,
))
  ? ['napi', 'wasm']
  : ['wasm'];
if (backends.length === 1)
  process.stderr.write('SKIPPED: the same bytes by native zstd: it is not installed\n');

describe.each(['zstd', 'gzip', 'none'])('the demonstration image with --compression %s', (kind) => {
  const source = `oci-archive:${demo}`;
  const compression = ['--compression', kind];
  let expected: Record<string, string>;
  beforeAll(async () => {
    expected = await build(source, { arguments: compression });
  });

  const combinations = nodes.flatMap(([major, node]) =>
    backends.flatMap((zstd) => ['1', '2', '8'].map((jobs) => ({ major, node, zstd, jobs }))),
  );
  for (const { major, node, zstd, jobs } of combinations) {
    test.skipIf(node === undefined)(`is the same: Node ${major}, zstd ${zstd}, --jobs ${jobs}`, async () => {
      const env = { PLANISH_ZSTD: zstd };
      expect(await build(source, { node, env, arguments: [...compression, '--jobs', jobs] })).toEqual(
        expected,
      );
    });
  }

  test('is the same in another locale and time zone', async () => {
    const env = { LC_ALL: 'tr_TR.UTF-8', LANG: 'tr_TR.UTF-8', LANGUAGE: 'tr', TZ: 'Pacific/Kiritimati' };
    expect(await build(source, { env, arguments: compression })).toEqual(expected);
  });

  test.each(['000', '077'])('is the same under umask %s', async (umask) => {
    expect(await build(source, { umask, arguments: compression })).toEqual(expected);
  });

  test('is the same from and in another directory, by a relative path', async () => {
    const cwd = join(directory, 'some where é', kind);
    mkdirSync(cwd, { recursive: true });
    cpSync(demo, join(cwd, 'an image'));
    const command = [copy, '--quiet', 'build', 'oci-archive:an image', '-o', 'oci:out:t', ...compression];
    await run(process.execPath, command, { cwd });
    expect(fingerprint(join(cwd, 'out'))).toEqual(expected);
  });

  const otherUser = canBeNobody();
  test.skipIf(!otherUser)('is the same as another user', async () => {
    const nobody = { uid: 65_534, gid: 65_534, env: { HOME: '/nonexistent', TMPDIR: directory } };
    chmodSync(directory, 0o777);
    expect(await build(source, { ...nobody, arguments: compression })).toEqual(expected);
  });
});

for (const [major, node] of nodes) {
  test.skipIf(node === undefined)(`Node ${major} itself has nothing to say`, () => {
    const run = spawnSync(node as string, [copy, '--quiet', 'digest', `oci-archive:${demo}`]);
    expect([run.status, run.stderr.toString()]).toEqual([0, '']);
  });
}

/** Whether this process may become another user, and that user may run this Node. */
function canBeNobody(): boolean {
  if (process.getuid?.() !== 0) {
    process.stderr.write('SKIPPED: the same bytes as another user: only root can become another user\n');
    return false;
  }
  const nobody = { uid: 65_534, gid: 65_534 };
  const { status } = spawnSync(process.execPath, [copy, '--version'], { ...nobody, stdio: 'ignore' });
  if (status === 0) return true;
  process.stderr.write('SKIPPED: the same bytes as another user: it may not run this Node\n');
  return false;
}

const server = await serverImage('the same bytes of a server image');

describe.skipIf(server === undefined)('a server image', () => {
  const source = server as string;
  let expected: Record<string, string>;
  beforeAll(async () => {
    expected = await build(source, { arguments: ['--jobs', '1'] });
  });

  for (const [major, node] of nodes) {
    test.skipIf(node === undefined)(`is the same: Node ${major}, --jobs 8`, async () => {
      expect(await build(source, { node, arguments: ['--jobs', '8'] })).toEqual(expected);
    });
  }
});
