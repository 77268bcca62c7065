/** Checksums of files against those of the ostree tool, on a committed tree. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { display } from '../../src/bytes/byte-string.ts';
import { readChecksum } from '../../src/ops/build/contentmeta-layers.ts';
import { withTree } from '../../src/ops/load/load-tree.ts';
import { Session } from '../../src/ops/session.ts';
import { walk } from '../../src/tree/walk.ts';

const hasTools = ['ostree', 'setfattr'].every((tool) => spawnSync(tool, ['--version']).status === 0);
if (!hasTools) process.stderr.write('SKIPPED interop/ostree: no ostree or setfattr on PATH\n');
let scratch: string;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'planish-ostree-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function makeRoot(): string {
  const root = join(scratch, 'root');
  mkdirSync(join(root, 'usr/bin'), { recursive: true });
  writeFileSync(join(root, 'usr/empty'), '');
  writeFileSync(join(root, 'usr/bin/small'), 'hello\n', { mode: 0o755 });
  writeFileSync(join(root, 'usr/bin/large'), Buffer.alloc(1_500_000, 'x'), { mode: 0o4711 });
  chmodSync(join(root, 'usr/bin/large'), 0o4711);
  linkSync(join(root, 'usr/bin/large'), join(root, 'usr/bin/linked'));
  symlinkSync('bin/small', join(root, 'usr/link'));
  symlinkSync(`../${'long/'.repeat(80)}target`, join(root, 'usr/long-link'));
  writeFileSync(join(root, 'usr/attributes'), 'with attributes');
  const set = (name: string, value: string): void => {
    execFileSync('setfattr', ['-n', name, '-v', value, join(root, 'usr/attributes')]);
  };
  set('user.component', 'app');
  set('user.binary', '0x00ff80c328');
  set('user.large', `0x${'ab'.repeat(300)}`);
  if (process.getuid?.() === 0) chownSync(join(root, 'usr/bin/small'), 1000, 100);
  return root;
}

/** `ostree ls -C -R` prints mode, owner, size, checksum, path and ` -> target`. */
function ostreeChecksums(root: string): Record<string, string> {
  const repo = join(scratch, 'repo');
  execFileSync('ostree', ['init', `--repo=${repo}`, '--mode=archive']);
  execFileSync('ostree', ['commit', `--repo=${repo}`, '--branch=test', `--tree=dir=${root}`], {
    stdio: 'pipe',
  });
  const listing = execFileSync('ostree', ['ls', `--repo=${repo}`, '-C', '-R', 'test'], { encoding: 'utf8' });
  const lines = [...listing.matchAll(/^[-l]\d+ .*? ([0-9a-f]{64}) (\/.*?)(?: -> .*)?$/gm)];
  return Object.fromEntries(lines.map(([, checksum, path]) => [path as string, checksum as string]));
}

test.skipIf(!hasTools)('every file of a committed tree', async () => {
  const root = makeRoot();
  const ours: Record<string, string | undefined> = {};
  await Session.use({}, (session) =>
    withTree(session, `rootfs:${root}`, {}, { contents: true, digests: false }, async (tree) => {
      for (const { path, node } of walk(tree.root)) {
        if (node.type !== 'directory') ours[display(path)] = readChecksum(node, tree.contents);
      }
    }),
  );
  expect(Object.keys(ours)).toHaveLength(7);
  expect(ours).toEqual(ostreeChecksums(root));
});
