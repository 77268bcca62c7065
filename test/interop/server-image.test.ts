/**
 * The main job on a real server: what others unpack from the built image is what they unpack from the source, and the
 * kernel shows the same tree through the composefs image.
 *
 * Exceptions: none. Trees are compared in every path, type, mode, owner, extended attribute, hard-link group, content
 * and whole second; fractions of a second, which canonical layers do not keep, are not looked at.
 */
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { canMount, makeObjects, withMount } from '../support/composefs-mount.ts';
import { hasTool } from '../support/composefs-tools.ts';
import { memoryDirectoryForTrees } from '../support/memory-directory.ts';
import { run, runPlanishJson } from '../support/run.ts';
import { serverImage } from '../support/server-image.ts';
import { canUnpack, differences, type ManifestLine, manifestOf, unpack } from '../support/unpacked-tree.ts';

const SKIPPED = 'a real server image against skopeo, umoci and the kernel';
const source = canUnpack(SKIPPED) ? await serverImage(SKIPPED) : undefined;
const directory = memoryDirectoryForTrees();
const layout = `oci:${join(directory, 'built')}:server`;
const fsck = hasTool('fsck.erofs', 'EROFS images of a server against fsck.erofs');
const mounts = hasTool('fsverity', 'mounting a server') && canMount('mounting a server', directory);

/** A tree as a host makes it of a container: no other attributes, `/run` empty, `/` and `/run` as new as `/usr`. */
function asOnHost(lines: ReadonlyMap<string, ManifestLine>): ReadonlyMap<string, ManifestLine> {
  const { path: _, ...usr } = lines.get('/usr') as ManifestLine;
  const host = [...lines.values()]
    .filter(({ path }) => !path.startsWith('/run/'))
    .map((line) => {
      const capability = line.xattrs['security.capability'];
      const xattrs = capability === undefined ? {} : { 'security.capability': capability };
      if (line.path === '/') return { ...line, ...usr };
      return { ...line, xattrs, mtime: line.path === '/run' ? usr.mtime : line.mtime };
    });
  return new Map(host.map((line) => [line.path, line]));
}

describe.skipIf(source === undefined)('a server image', () => {
  const image = source as string;
  // biome-ignore lint/suspicious/noExplicitAny: a JSON document.
  let built: any;
  let tree: string;
  let expected: ReadonlyMap<string, ManifestLine>;
  const objects = new Map<string, Promise<string>>();
  /** The directory of objects of an algorithm, made when it is first asked for. */
  const objectsOf = (algorithm: string): Promise<string> => {
    const known = objects.get(algorithm) ?? makeObjects(tree, algorithm, join(directory, algorithm));
    objects.set(algorithm, known);
    return known;
  };
  beforeAll(async () => {
    built = await runPlanishJson(['build', image, '-o', layout]);
    tree = await unpack(image, join(directory, 'source'));
    expected = await manifestOf(tree);
  });

  test('is one with all that a tree can hold', () => {
    const lines = [...expected.values()];
    expect(lines.length).toBeGreaterThan(15_000);
    expect(new Set(lines.map(({ type }) => type))).toEqual(new Set(['-', 'd', 'l', 'c', 'p']));
    expect(expected.get('/opt/app/jq')?.xattrs['user.binary']).toBe('00ff80c328');
    expect(expected.get('/opt/app/jq')?.xattrs['security.capability']).toMatch(/^0100000200040000/);
    expect(expected.get('/opt/app/jq-again')?.links).toBe('/opt/app/jq');
    expect(expected.get('/usr/bin/python3.11')?.links).toBe('/usr/bin/python-linked');
    expect(expected.get('/srv')).toMatchObject({ mode: '2775', uid: 100, gid: 4, mtime: 1_780_000_000 });
    expect(expected.has('/opt/app/latin1-\udce9-name')).toBe(true);
    expect(expected.has('/usr/share/man')).toBe(false);
  });

  test('unpacks to the same tree after build as before', async () => {
    const result = await unpack(layout, join(directory, 'result'));
    expect(differences(expected, await manifestOf(result))).toEqual([]);
  });

  test('has the digest of the source, those that hosts accept only after build, and verifies', async () => {
    const before = await runPlanishJson(['digest', image]);
    const after = await runPlanishJson(['digest', layout]);
    expect(after.tree).toBe(before.tree);
    // It came with whiteouts below a symlink, which OCI lets pass and hosts refuse.
    expect(before.refused.container.code).toBe('PARENT_NOT_DIRECTORY');
    expect(before.container).toBeUndefined();
    expect(after.container).toMatch(/^[0-9a-f]{128}$/);
    expect(built.digests).toMatchObject({ tree: after.tree, container: after.container });
    expect((await runPlanishJson(['verify', layout])).findings).toBe(0);
  });

  describe.each([
    ['sha512', 'v1', 'tree'],
    ['sha512', 'v1', 'container'],
    ['sha512', 'v0', 'tree'],
    ['sha256', 'v2', 'tree'],
  ])('as EROFS image: %s, %s, %s', (algorithm, format, form) => {
    const scratch = mkdtempSync(join(directory, 'erofs-'));
    const file = join(scratch, 'image');
    beforeAll(async () => {
      const options = form === 'tree' ? [] : ['--container'];
      const choices = ['--algorithm', algorithm, '--format', format, ...options];
      await runPlanishJson(['mkfs', layout, '-o', file, ...choices]);
    });

    test.skipIf(!fsck)('is accepted by fsck.erofs', async () => {
      // Its exit status is 1 for an image that it finds damaged, and without -d it says nothing of a good one.
      expect(await run('fsck.erofs', [file])).toBe('');
    });

    test.skipIf(!mounts)('is the same tree through the kernel', async () => {
      const shown = await withMount(file, await objectsOf(algorithm), scratch, manifestOf);
      expect(differences(form === 'tree' ? expected : asOnHost(expected), shown)).toEqual([]);
    });
  });
});
