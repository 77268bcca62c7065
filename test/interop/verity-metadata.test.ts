/** Merkle trees and descriptors as fsverity(1) makes them, and ext4 images that hold them as e2fsprogs sees them. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildVerityMetadata } from '../../src/fsverity/merkle-tree.ts';
import { writeExt4Image } from '../../src/io/ext4-image.ts';
import { appendVerityMetadata } from '../../src/io/ext4-verity.ts';
import { DEMO, MAIN, planish, planishJson, temporaryDirectory } from '../support/cli.ts';
import { hasTool, runTool } from '../support/composefs-tools.ts';
import { memoryDirectory } from '../support/memory-directory.ts';
import { pseudoRandom } from '../support/tar-maker.ts';

const top = temporaryDirectory();
const sizes = [0, 1, 4095, 4096, 4097, 64 * 4096, 64 * 4096 + 1, 128 * 4096 + 7, 64 * 64 * 4096 + 5];

describe.skipIf(!hasTool('fsverity', 'Merkle trees'))('metadata', () => {
  it.each(sizes.flatMap((size) => [[size, 'sha256'] as const, [size, 'sha512'] as const]))(
    'of %i bytes with %s is that of fsverity(1)',
    (size, algorithm) => {
      const bytes = pseudoRandom(size);
      const at = (name: string): string => join(top, name);
      writeFileSync(at('file'), bytes);
      const files = [`--out-merkle-tree=${at('tree')}`, `--out-descriptor=${at('descriptor')}`];
      const args = ['digest', '--compact', `--hash-alg=${algorithm}`, ...files, at('file')];
      const digest = execFileSync('fsverity', args, { encoding: 'utf8' }).trim();
      const made = buildVerityMetadata(
        size,
        (start, length) => bytes.subarray(start, start + length),
        algorithm,
      );
      expect(made.digest).toBe(digest);
      expect(Buffer.from(made.descriptor).equals(readFileSync(at('descriptor')))).toBe(true);
      expect(Buffer.from(made.tree).equals(readFileSync(at('tree')))).toBe(true);
    },
  );
});

describe('a file with its metadata', () => {
  it('keeps its data, and has the tree and the descriptor where ext4 looks for them', () => {
    const file = join(top, 'extended');
    const bytes = pseudoRandom(70_000);
    writeFileSync(file, bytes);
    const extended = appendVerityMetadata(file, 'sha256');
    const { tree, descriptor, digest } = buildVerityMetadata(
      70_000,
      (at, length) => bytes.subarray(at, at + length),
      'sha256',
    );
    expect(extended).toEqual({ size: 70_000, blocks: 18 + 1 + 1, digest });
    const written = readFileSync(file);
    expect(written.length).toBe(131_072 + 4096 + 4096);
    expect(written.subarray(0, 70_000).equals(bytes)).toBe(true);
    expect(written.subarray(70_000, 131_072).every((byte) => byte === 0)).toBe(true);
    expect(written.subarray(131_072, 135_168).equals(Buffer.from(tree))).toBe(true);
    expect(written.subarray(135_168, 135_424).equals(Buffer.from(descriptor))).toBe(true);
    expect(written.readUInt32LE(written.length - 4)).toBe(256);
  });
});

const able =
  hasTool('mke2fs', 'emit --disk') && hasTool('debugfs', 'emit --disk') && hasTool('e2fsck', 'emit --disk');

describe.skipIf(!able)('emit --disk', () => {
  it('makes a file system that e2fsck finds nothing wrong with, and that holds the repository', () => {
    mkdirSync(join(top, 'out'));
    const disk = join(top, 'out/disk.img');
    const result = planishJson(['emit', DEMO, '--disk', disk]);
    expect(result).toMatchObject({ disk, repository: '/composefs', secure: true, verity: 'required' });
    expect(result.warnings).toEqual([]);
    expect(execFileSync('ls', ['-A', join(top, 'out')], { encoding: 'utf8' })).toBe('disk.img\n');
    const checked = runTool('e2fsck', ['-fn', disk]);
    expect(checked.stdout.toString()).not.toContain('Fix?');
    expect(checked.status).toBe(0);
    const [{ digest }] = result.images as [{ digest: string }];
    const object = `/composefs/objects/${digest.slice(0, 2)}/${digest.slice(2)}`;
    const ask = (request: string): Buffer => runTool('debugfs', ['-R', request, disk]).stdout;
    const image = planish(['mkfs', DEMO, '--container', '-o', join(top, 'image')]);
    expect(image.stdout.toString().trim()).toBe(digest);
    expect(ask(`cat ${object}`).equals(readFileSync(join(top, 'image')))).toBe(true);
    expect(ask(`stat ${object}`).toString()).toMatch(/Flags: 0x180000[\s\S]*User: +0 +Group: +0 /);
    expect(ask(`stat /composefs/images/${digest}`).toString()).toContain('Type: symlink');
    expect(ask(`stat /composefs/meta.json`).toString()).toContain('Flags: 0x180000');
  });

  it('gives the same bytes again, from another file system and under another umask', () => {
    const elsewhere = memoryDirectory();
    const script = `umask 077; exec "$@" --disk '${elsewhere}/disk.img'`;
    const emitted = runTool('sh', ['-c', script, 'sh', process.execPath, MAIN, 'emit', DEMO]);
    expect([emitted.status, emitted.stderr]).toEqual([0, '']);
    const again = readFileSync(join(elsewhere, 'disk.img'));
    expect(again.equals(readFileSync(join(top, 'out/disk.img')))).toBe(true);
  });

  it('takes any tag that is one line', () => {
    const disk = join(top, 'tagged.img');
    planishJson(['emit', DEMO, '--disk', disk, '--tag', 'a "b" <12>']);
    const { stdout } = runTool('debugfs', ['-R', 'ls -p /composefs/streams/refs/oci', disk]);
    expect(stdout.toString()).toMatch(/\/120777\/0\/0\/a "b" <12>\/90\/\n/);
    expect(runTool('e2fsck', ['-fn', disk]).status).toBe(0);
    const odd = { path: '/a\nb', kind: 'directory', mode: 0o755 } as const;
    expect(() => writeExt4Image(join(top, 'odd.img'), [odd], 1 << 20)).toThrow('a name with a line break');
  });

  it('goes nowhere else at the same time', () => {
    expect(planish(['emit', DEMO, '--disk', join(top, 'd'), '--repo', join(top, 'r')]).status).toBe(2);
    const nowhere = planish(['emit', DEMO]);
    expect(nowhere.stderr).toBe('planish: BAD_OPTION: say where to: --repo or --disk\n');
    expect(nowhere.status).toBe(2);
  });
});
