/**
 * The OCI reading of layers: `umoci raw unpack` must make the files that `flatten` finds in the same layers, markers
 * before, between and after the siblings they do not concern. Owners and devices need root and are left out.
 */
import { spawnSync } from 'node:child_process';
import { lstatSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { isPlanishError } from '../../src/errors.ts';
import type { LayerEntry } from '../../src/tree/entry.ts';
import { flatten } from '../../src/tree/flatten.ts';
import type { Directory, Node } from '../../src/tree/tree.ts';
import { walk } from '../../src/tree/walk.ts';
import { tarOf, writeLayout } from '../support/layer-layout.ts';
import { fc } from '../support/property.ts';
import { layers, put } from '../support/tree-builder.ts';

const absent = spawnSync('umoci', ['--version']).error !== undefined;
if (absent) process.stderr.write('tree-oci: skipped, umoci is not on PATH\n');

/** `PATH TYPE MODE PAYLOAD`, or the first path of a hard link; the root and times of directories are umoci's own. */
function linesOf(root: Directory): string[] {
  return [...walk(root)].slice(1).map(({ path, node, firstPath }) => {
    if (firstPath !== undefined) return `${path} = ${firstPath}`;
    return `${path} ${node.type} ${payloadOf(node)}`;
  });
}

function payloadOf(node: Node): string {
  if (node.type === 'symlink') return node.target;
  const time = node.type === 'directory' ? '' : ` ${node.metadata.mtime.sec}`;
  const text =
    node.type === 'regular' && node.content.kind === 'inline' ? Buffer.from(node.content.bytes) : '';
  return `${node.metadata.mode.toString(8)}${time} ${text}`;
}

/** The same of a directory. */
function linesOnDisk(root: string): string[] {
  const first = new Map<number, string>();
  const visit = (path: string): string[] =>
    readdirSync(join(root, path))
      .sort()
      .flatMap((name) => {
        const child = `${path}/${name}`;
        const stat = lstatSync(join(root, child));
        if (stat.isSymbolicLink()) return [`${child} symlink ${readlinkSync(join(root, child))}`];
        const mode = (stat.mode & 0o7777).toString(8);
        if (stat.isDirectory()) return [`${child} directory ${mode} `, ...visit(child)];
        const known = first.get(stat.ino);
        if (known !== undefined) return [`${child} = ${known}`];
        first.set(stat.ino, child);
        return [`${child} regular ${mode} ${stat.mtimeMs / 1000} ${readFileSync(join(root, child))}`];
      });
  return visit('');
}

describe.skipIf(absent)('umoci', () => {
  let scratch = '';
  let cases = 0;

  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), 'planish-tree-oci-'));
  });

  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  function unpack(list: readonly (readonly LayerEntry[])[]): string[] {
    const place = join(scratch, `case-${cases++}`);
    writeLayout(join(place, 'layout'), list.map(tarOf));
    const rootless = process.getuid?.() === 0 ? [] : ['--rootless'];
    const args = ['raw', 'unpack', ...rootless, '--image', `${join(place, 'layout')}:t`, join(place, 'root')];
    const run = spawnSync('umoci', args, { encoding: 'utf8' });
    if (run.status !== 0) throw new Error(run.stderr);
    return linesOnDisk(join(place, 'root'));
  }

  const ours = (list: readonly (readonly LayerEntry[])[]): string[] => linesOf(flatten(layers(...list)).root);
  const base = [put.dir('d'), put.dir('d/c'), put.file('d/a', 'low', { sec: 5 }), put.file('x', 'low')];

  test.each<[string, LayerEntry[][]]>([
    ['a whiteout before its sibling', [base, [put.whiteout('x'), put.file('x', 'new')]]],
    ['a whiteout after its sibling', [base, [put.file('x', 'new'), put.whiteout('x')]]],
    ['an opaque marker before siblings', [base, [put.opaque('d'), put.file('d/b', 'new')]]],
    ['an opaque marker after siblings', [base, [put.file('d/b', 'new'), put.opaque('d')]]],
    [
      'a whiteout after a directory made anew',
      [base, [put.dir('d'), put.file('d/b', 'new'), put.whiteout('d')]],
    ],
    ['a whiteout of a subtree', [base, [put.whiteout('d')]]],
    ['a hard link to what a later whiteout hides', [base, [put.link('y', 'x'), put.whiteout('x')]]],
    [
      'a hard link whose target is replaced',
      [base, [put.link('y', 'x'), put.file('x', 'new')], [put.link('z', 'y')]],
    ],
    ['a hard link with metadata of its own', [base, [put.link('y', 'd/a')]]],
    ['a file over a directory', [base, [put.file('d', 'new')]]],
    ['a directory over a file', [base, [put.dir('x', { mode: 0o700 }), put.file('x/y', 'new')]]],
    ['a directory over a directory', [base, [put.dir('d', { mode: 0o711 })]]],
    ['a symlink over a directory', [base, [put.symlink('d', 'elsewhere')]]],
  ])('makes the same files: %s', (_name, list) => {
    expect(ours(list)).toEqual(unpack(list));
  });

  test('agrees on 40 arbitrary images', () => {
    const path = fc.constantFrom('d', 'd/a', 'd/b', 'd/c', 'd/c/e', 'x');
    const one = fc.oneof(
      { weight: 2, arbitrary: path.map((where) => put.dir(where, { mode: 0o711 })) },
      { weight: 3, arbitrary: path.map((where) => put.file(where, 'new', { sec: 7 })) },
      { weight: 3, arbitrary: path.map((where) => put.whiteout(where)) },
      { weight: 1, arbitrary: fc.constantFrom(put.opaque('d'), put.opaque('d/c')) },
    );
    let trees = 0;
    fc.assert(
      fc.property(fc.array(fc.array(one, { maxLength: 5 }), { maxLength: 2 }), (list) => {
        let mine: string[];
        try {
          mine = ours([base, ...list]);
        } catch (error) {
          // umoci makes missing parents and replaces files in the way; planish refuses by name.
          expect(isPlanishError(error)).toBe(true);
          return;
        }
        expect(mine).toEqual(unpack([base, ...list]));
        trees++;
      }),
      { numRuns: 40 },
    );
    expect(trees).toBeGreaterThan(5);
  });
});
