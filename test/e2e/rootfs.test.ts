/** Building from a directory, and that a directory and its image agree. */
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fromUtf8 } from '../../src/bytes/byte-string.ts';
import { takeFileStamps, verifyFileStamps } from '../../src/io/file-stamps.ts';
import { planishJson, temporaryDirectory } from '../support/cli.ts';

const directory = temporaryDirectory();

/** A small root with whole seconds, hard links, and names that are not UTF-8. */
function makeRoot(): string {
  const root = join(directory, 'root');
  mkdirSync(join(root, 'usr/bin'), { recursive: true });
  mkdirSync(join(root, 'run'));
  writeFileSync(join(root, 'usr/bin/tool'), 'x'.repeat(10_000), { mode: 0o755 });
  linkSync(join(root, 'usr/bin/tool'), join(root, 'usr/bin/same'));
  symlinkSync('tool', join(root, 'usr/bin/alias'));
  writeFileSync(join(root, 'usr/small'), 'little');
  writeFileSync(Buffer.concat([Buffer.from(`${root}/usr/`), Buffer.from([0xe9, 0x80])]), 'odd name');
  execFileSync('find', [root, '-exec', 'touch', '-h', '-d', '@1700000000', '{}', '+']);
  return root;
}

test('a directory and the image built from it have the same digests', () => {
  const root = makeRoot();
  const layout = join(directory, 'layout');
  // Attributes are left out: a bare machine has nothing to read them with, and the tree has none.
  const built = planishJson(['build', '--skip-xattrs', `rootfs:${root}`, '-o', `oci:${layout}:x`]);
  const fromDirectory = planishJson(['digest', '--skip-xattrs', `rootfs:${root}`]);
  const fromImage = planishJson(['digest', `oci:${layout}:x`]);
  expect(fromDirectory.tree).toBe(fromImage.tree);
  expect(fromDirectory.container).toBe(fromImage.container);
  expect(built.digests.container).toBe(fromImage.container);
  expect(planishJson(['verify', `oci:${layout}:x`]).findings).toBe(0);
  const { entries } = planishJson(['ls', '-R', `oci:${layout}:x`, '/usr']);
  const paths = entries.map(({ path }: { path: string }) => path);
  expect(paths).toContain('/usr/\\xe9\\x80');
  expect(entries.find(({ path }: { path: string }) => path === '/usr/bin/tool')).toMatchObject({
    links: 2,
    hardLinkTo: '/usr/bin/same',
  });
  expect(readdirSync(join(layout, 'blobs/sha256')).length).toBe(built.layers.length + 2);
});

test('a file that changes between two readings is noticed, even when its size and time stay', () => {
  const file = join(directory, 'changing');
  writeFileSync(file, 'before');
  utimesSync(file, 1, 1);
  const files = [fromUtf8(file)];
  const stamps = takeFileStamps(files);
  verifyFileStamps(files, stamps);
  writeFileSync(file, 'after!');
  utimesSync(file, 1, 1);
  expect(() => verifyFileStamps(files, stamps)).toThrow(expect.objectContaining({ code: 'CONTENT_CHANGED' }));
  appendFileSync(file, 'more');
  expect(() => verifyFileStamps(files, stamps)).toThrow(expect.objectContaining({ code: 'CONTENT_CHANGED' }));
});
