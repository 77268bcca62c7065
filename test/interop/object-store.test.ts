/** `emit --layout mkcomposefs` against the C tools: the same objects, the same image. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeDirectory } from '../../src/io/durable-file.ts';
import { DEMO, planish, planishJson } from '../support/cli.ts';
import { hasTool, runTool } from '../support/composefs-tools.ts';
import { memoryDirectory } from '../support/memory-directory.ts';

const SKIPPED = 'stores of objects against the C tools';
const tools = hasTool('mkcomposefs', SKIPPED) && hasTool('composefs-info', SKIPPED);
const directory = memoryDirectory();

const filesBelow = (path: string): string[] =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath.slice(path.length)}/${entry.name}`)
    .sort();

describe.skipIf(!tools)('a store of objects', () => {
  test('of a directory is that of mkcomposefs, to the byte', () => {
    const tree = join(directory, 'tree');
    makeDirectory(join(tree, 'usr/share'));
    for (const [name, size] of Object.entries({
      none: 0,
      inline: 64,
      least: 65,
      block: 4096,
      large: 5_000_000,
    }))
      writeFileSync(join(tree, 'usr', name), Buffer.alloc(size, name));
    writeFileSync(join(tree, 'usr/share/again'), readFileSync(join(tree, 'usr/large')));
    const peer = join(directory, 'peer');
    makeDirectory(peer);
    const { stdout } = runTool('mkcomposefs', [
      `--digest-store=${join(peer, 'objects')}`,
      '--print-digest',
      tree,
      join(peer, 'image.cfs'),
    ]);
    const ours = join(directory, 'ours');
    const result = planishJson(['emit', `rootfs:${tree}`, '--repo', ours, '--layout', 'mkcomposefs']);
    expect(result.digest).toBe(stdout.toString().trim());
    expect(filesBelow(ours)).toEqual(filesBelow(peer));
    expect(result.objects).toEqual({ added: 3, addedBytes: 5_004_161, present: 0, presentBytes: 0 });
    for (const file of filesBelow(ours))
      expect(readFileSync(join(ours, file)).equals(readFileSync(join(peer, file)))).toBe(true);
    const again = planishJson(['emit', `rootfs:${tree}`, '--repo', ours, '--layout', 'mkcomposefs']);
    expect(again.objects.added).toBe(0);
  });

  test('of an image has every object that its image needs, each measured right', () => {
    const store = join(directory, 'image');
    const result = planishJson(['emit', `oci-archive:${DEMO}`, '--repo', store, '--layout', 'mkcomposefs']);
    const objects = join(store, 'objects');
    const info = (...args: string[]): string => runTool('composefs-info', args).stdout.toString().trim();
    expect(info('measure-file', result.image)).toBe(result.digest);
    expect(info(`--basedir=${objects}`, 'missing-objects', result.image)).toBe('');
    const needed = info('objects', result.image).split('\n').sort();
    expect(filesBelow(objects).map((path) => path.slice(1))).toEqual(needed);
    for (const file of needed.slice(0, 40))
      expect(info('measure-file', join(objects, file))).toBe(file.replace('/', ''));
  });

  test('is not made of what has no contents', () => {
    const dump = join(directory, 'tree.dump');
    const { stdout } = planish(['dump', `oci-archive:${DEMO}`, '--algorithm', 'sha256']);
    writeFileSync(dump, stdout);
    const run = planish([
      'emit',
      `dump:${dump}`,
      '--repo',
      join(directory, 'none'),
      '--layout',
      'mkcomposefs',
    ]);
    expect(run.status).toBe(3);
    expect(run.stderr).toContain('UNREPRESENTABLE');
  });
});
