/**
 * The host's own reading of layers: `cfsctl oci pull` and `cfsctl oci dump` (composefs-rs) must see the tree that
 * `flatten` with `whiteouts: 'host'` and `transformForContainer` make of the same entries, and refuse what they refuse.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PlanishError } from '../../src/errors.ts';
import type { LayerEntry } from '../../src/tree/entry.ts';
import { flatten } from '../../src/tree/flatten.ts';
import { transformForContainer, type XattrMode } from '../../src/tree/transform.ts';
import { type Directory, type Node, TYPE_BITS } from '../../src/tree/tree.ts';
import { countLinks, walk } from '../../src/tree/walk.ts';
import { tarOf, writeLayout } from '../support/layer-layout.ts';
import { fc } from '../support/property.ts';
import { layers, put } from '../support/tree-builder.ts';

const missing = ['cfsctl', 'skopeo'].filter((tool) => spawnSync(tool, ['--version']).error !== undefined);
if (missing.length > 0) process.stderr.write(`tree-host: skipped, not on PATH: ${missing.join(', ')}\n`);

/** One line a path, without the columns that only other tests are about. */
function dumpLines(root: Directory): string[] {
  const links = countLinks(root);
  return [...walk(root)].map(({ path, node, firstPath }) => {
    if (firstPath !== undefined) return `${path} hard link of ${firstPath}`;
    const { mode, uid, gid, mtime, xattrs } = node.metadata;
    const nlink = node.type === 'directory' ? 'directory' : links.get(node);
    const stat = `${(TYPE_BITS[node.type] | mode).toString(8)} ${nlink} ${uid}:${gid} ${mtime.sec}.${mtime.nsec}`;
    const names = [...xattrs.keys()].sort().join(',');
    return `${path} ${stat} ${payloadOf(node)} ${names}`;
  });
}

function payloadOf(node: Node): string {
  if (node.type === 'symlink') return node.target;
  if (node.type === 'regular')
    return node.content.kind === 'inline' ? Buffer.from(node.content.bytes).toString() : '';
  if (node.type === 'character' || node.type === 'block') return `rdev ${node.major * 256 + node.minor}`;
  return '';
}

/** The same of a dumpfile whose names and contents need no escapes (composefs-dump(5)). */
function parseDump(text: string): string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [path, , mode = '', nlink, uid, gid, rdev, mtime, payload = '-', content, , ...xattrs] =
        line.split(' ');
      if (mode.startsWith('@')) return `${path} hard link of ${payload}`;
      const type = Number.parseInt(mode, 8) & 0o170000;
      const isDevice = type === TYPE_BITS.block || type === TYPE_BITS.character;
      const data = isDevice
        ? `rdev ${rdev}`
        : type === TYPE_BITS.symlink
          ? payload
          : content === '-'
            ? ''
            : content;
      const links = type === TYPE_BITS.directory ? 'directory' : nlink;
      const names = xattrs
        .map((xattr) => xattr.split('=')[0])
        .sort()
        .join(',');
      return `${path} ${mode} ${links} ${uid}:${gid} ${mtime} ${data} ${names}`;
    });
}

describe.skipIf(missing.length > 0)('composefs-rs', () => {
  let scratch = '';
  let cases = 0;

  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), 'planish-tree-host-'));
  });

  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  /** What the host makes of the layers: lines, or its message. */
  function host(list: readonly (readonly LayerEntry[])[], xattrs: XattrMode): string[] | Error {
    const name = `case-${cases++}`;
    const repo = join(scratch, name, 'repo');
    writeLayout(join(scratch, name, 'layout'), list.map(tarOf));
    const cfsctl = (...args: string[]): string =>
      execFileSync('cfsctl', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    cfsctl('--repo', repo, 'init', '--insecure', repo);
    try {
      cfsctl('--repo', repo, 'oci', 'pull', `oci:${join(scratch, name, 'layout')}:t`, 't');
      return parseDump(cfsctl('--repo', repo, 'oci', 'dump', '--xattrs', xattrs, 't'));
    } catch (error) {
      return error as Error;
    }
  }

  function ours(list: readonly (readonly LayerEntry[])[], xattrs: XattrMode): string[] {
    return dumpLines(
      transformForContainer(flatten(layers(...list), { whiteouts: 'host' }).root, { xattrs }).root,
    );
  }

  const base = [
    put.dir('usr', { mode: 0o711, uid: 1, gid: 2, sec: 1000 }),
    put.dir('d'),
    put.file('d/a', 'low'),
  ];

  test.each<[string, LayerEntry[][], XattrMode?]>([
    ['a plain tree', [[...base, put.symlink('s', 'd/a'), put.device('c', 'character', 1, 3), put.fifo('p')]]],
    [
      'several spellings',
      [[put.dir('./usr/'), put.dir('/d'), put.file('d//f', 'x'), put.file('./d/./g', 'y')]],
    ],
    ['root metadata', [[put.dir('./', { mode: 0o700, sec: 3 }), ...base]]],
    ['a directory redefined', [base, [put.dir('d', { mode: 0o700, sec: 9 }), put.file('d/b', 'new')]]],
    ['a file over a directory', [base, [put.file('d', 'new')]]],
    ['a directory over a file', [base, [put.dir('d/a'), put.file('d/a/x', 'new')]]],
    ['a symlink over a directory', [base, [put.symlink('d', 'usr')]]],
    ['duplicates', [[...base, put.file('d/a', 'again', { uid: 7 }), put.dir('d', { uid: 8 })]]],
    [
      'hard links',
      [base, [put.link('d/b', 'd/a', { uid: 9 }), put.link('l', './d/b'), put.file('d/a', 'new')]],
    ],
    ['a hard link to a symlink', [[...base, put.symlink('s', 'x'), put.link('s2', 's')]]],
    ['a hard link over the directory of its target', [base, [put.link('d', 'd/a')]]],
    [
      'a hard link whose target goes',
      [base, [put.link('l', 'd/a'), put.link('m', 'd/a'), put.whiteout('d')]],
    ],
    ['whiteouts first', [base, [put.whiteout('d/a'), put.file('d/a', 'new'), put.whiteout('nothing')]]],
    [
      'whiteouts last',
      [base, [put.file('d/a', 'new'), put.whiteout('d/a'), put.file('e', 'x'), put.whiteout('e')]],
    ],
    ['opaque first', [base, [put.opaque('d'), put.file('d/b', 'new')]]],
    ['opaque last', [base, [put.file('d/b', 'new'), put.opaque('d')]]],
    ['an opaque root', [base, [put.opaque(''), put.dir('usr', { sec: 5 }), put.file('x', 'y')]]],
    ['an overlay whiteout', [base, [put.device('d/a', 'character', 0, 0)]]],
    [
      '/run',
      [
        [
          ...base,
          put.dir('run', { mode: 0o700, sec: 4, uid: 3 }),
          put.file('run/f', 'x'),
          put.link('k', 'run/f'),
        ],
      ],
    ],
    ['bookkeeping of aufs', [[...base, put.file('.wh..wh.aufs'), put.dir('.wh..wh.plnk')]]],
    [
      'attributes',
      [
        [
          ...base,
          put.file('x', '', { xattrs: { 'security.capability': 'c', 'user.a': 'u', 'trusted.t': 't' } }),
        ],
      ],
    ],
    [
      'attributes of users',
      [
        [
          ...base,
          put.file('x', '', {
            xattrs: { 'security.capability': 'c', 'user.a': 'u', 'security.selinux': 't' },
          }),
        ],
        [],
      ],
      'keep-user-xattrs',
    ],
    [
      'attributes of /usr',
      [[put.dir('usr', { xattrs: { 'user.a': 'u', 'security.selinux': 's' } })]],
      'keep-user-xattrs',
    ],
  ])('sees the same tree: %s', (_name, list, xattrs = 'allowlist-only') => {
    const seen = host(list, xattrs);
    if (seen instanceof Error) throw seen;
    expect(ours(list, xattrs)).toEqual(seen);
  });

  test.each<[string, LayerEntry[][], string]>([
    ['no /usr', [[put.dir('d')]], 'HOST_TREE_INVALID'],
    ['/usr as a symlink', [[put.dir('d'), put.symlink('usr', 'd')]], 'HOST_TREE_INVALID'],
    ['/run as a symlink', [[...base, put.symlink('run', 'd')]], 'HOST_TREE_INVALID'],
    ['/run as a file', [[...base, put.file('run')]], 'HOST_TREE_INVALID'],
    [
      'an entry below bookkeeping',
      [[...base, put.dir('.wh..wh.plnk'), put.file('.wh..wh.plnk/1.2')]],
      'PARENT_MISSING',
    ],
    ['a missing parent', [[...base, put.file('no/f')]], 'PARENT_MISSING'],
    ['a whiteout without a parent', [base, [put.whiteout('no/f')]], 'PARENT_MISSING'],
    [
      'a parent that is a symlink',
      [[...base, put.symlink('s', 'd'), put.file('s/f')]],
      'PARENT_NOT_DIRECTORY',
    ],
    ['a parent that is a file', [[...base, put.file('d/a/f')]], 'PARENT_NOT_DIRECTORY'],
    ['a way out', [[...base, put.file('d/../x')]], 'PATH_ESCAPES_ROOT'],
    ['a hard link to nothing', [[...base, put.link('l', 'x')]], 'LINK_TARGET_MISSING'],
    ['a hard link to a directory', [[...base, put.link('l', 'd')]], 'LINK_TARGET_INVALID'],
    [
      'a hard link to what a whiteout removed',
      [base, [put.whiteout('d/a'), put.link('l', 'd/a')]],
      'LINK_TARGET_MISSING',
    ],
  ])('refuses the same: %s', (_name, list, code) => {
    expect(host(list, 'allowlist-only')).toBeInstanceOf(Error);
    try {
      ours(list, 'allowlist-only');
      expect.unreachable();
    } catch (error) {
      expect((error as PlanishError).code).toBe(code);
    }
  });

  test('agrees on 60 arbitrary images', () => {
    const path = fc.constantFrom('d', 'd/a', 'd/b', 'd/c', 'd/c/e', 'x', 'run', 'run/f');
    const meta = fc.record({ uid: fc.nat({ max: 3 }), sec: fc.nat({ max: 3 }) });
    const one = fc.oneof(
      { weight: 3, arbitrary: fc.tuple(path, meta).map(([where, stat]) => put.dir(where, stat)) },
      { weight: 3, arbitrary: fc.tuple(path, meta).map(([where, stat]) => put.file(where, 'text', stat)) },
      { weight: 2, arbitrary: path.map((where) => put.whiteout(where)) },
      { weight: 1, arbitrary: fc.constantFrom(put.opaque('d'), put.opaque('d/c'), put.opaque('')) },
      { weight: 1, arbitrary: path.map((where) => put.symlink(where, 'd')) },
      {
        weight: 2,
        arbitrary: fc
          .tuple(path, path)
          .filter(([where, target]) => where !== target)
          .map(([where, target]) => put.link(where, target)),
      },
    );
    const first = [...base, put.dir('d/c'), put.dir('run')];
    let trees = 0;
    fc.assert(
      fc.property(fc.array(fc.array(one, { maxLength: 4 }), { maxLength: 3 }), (list) => {
        const image = [first, ...list, [put.dir('usr', { sec: 7 })]];
        const seen = host(image, 'allowlist-only');
        let mine: string[] | PlanishError;
        try {
          mine = ours(image, 'allowlist-only');
          trees++;
        } catch (error) {
          mine = error as PlanishError;
        }
        if (seen instanceof Error) expect(mine).toBeInstanceOf(PlanishError);
        else expect(mine).toEqual(seen);
      }),
      { numRuns: 60 },
    );
    expect(trees).toBeGreaterThan(5);
  });
});
