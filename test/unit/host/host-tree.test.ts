import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import type { PlanishError } from '../../../src/errors.ts';
import { makeBootableTree } from '../../../src/host/bootable-tree.ts';
import { attempt, hostOutcome } from '../../../src/host/host-digest.ts';
import { makePlainTree } from '../../../src/host/host-tree.ts';
import { type HostProfileName, hostProfile } from '../../../src/host/profiles.ts';
import { filesHostsRead, type ReadFile } from '../../../src/host/read-file.ts';
import type { LayerEntry } from '../../../src/tree/entry.ts';
import type { Directory } from '../../../src/tree/tree.ts';
import { lookup } from '../../../src/tree/walk.ts';
import { dir, file, put, render } from '../../support/tree-builder.ts';

const read: ReadFile = ({ content }) => {
  if (content.kind !== 'inline') throw new Error('too large for this test');
  return content.bytes;
};

const base = [put.dir('usr'), put.dir('d'), put.file('d/a', 'low')];
const plain = (name: HostProfileName, ...layers: LayerEntry[][]): ReturnType<typeof makePlainTree> =>
  makePlainTree({ kind: 'layers', layers: layers.map((entries) => ({ entries })) }, hostProfile(name));

function bootable(name: HostProfileName, tree: Directory): ReturnType<typeof makeBootableTree> {
  const { boot } = hostProfile(name);
  if (boot === undefined) throw new Error(`${name} does not boot`);
  return makeBootableTree(tree, boot, read);
}

describe('the plain tree', () => {
  const late = [put.file('d/new', 'x'), put.opaque('d')];

  test('follows the order of the tar on hosts, and OCI where a runtime unpacks', () => {
    expect(lookup(plain('bootc', base, late).root, byteString('/d/new'))).toBeUndefined();
    expect(lookup(plain('mkcomposefs', base, late).root, byteString('/d/new'))).toBeDefined();
  });

  test('has what was dropped of it counted', () => {
    const shared = [put.link('d/b', 'd/a'), put.link('d/c', 'd/a')];
    expect(plain('mkcomposefs', base, shared).reductions).toEqual({ linksSeparated: 2, fractionsDropped: 0 });
    const fraction = [put.file('f', '', { sec: 1, nsec: 5 })];
    expect(plain('bootc-1.15', base, fraction).reductions).toEqual({
      linksSeparated: 0,
      fractionsDropped: 1,
    });
    expect(plain('bootc', base, fraction).reductions).toEqual({ linksSeparated: 0, fractionsDropped: 0 });
  });

  test('of a tree leaves the tree alone', () => {
    const shared = file('x', { sec: 1, nsec: 2, xattrs: { 'user.a': 'b' } });
    const tree = dir({ usr: dir({ a: shared, b: shared }), run: dir({ left: file() }) });
    const before = render(tree);
    for (const name of ['bootc', 'bootc-1.15', 'mkcomposefs'] as const) {
      makePlainTree({ kind: 'tree', root: tree }, hostProfile(name));
    }
    expect(render(tree)).toEqual(before);
  });

  test.each<[string, LayerEntry[], object, string]>([
    ['a missing parent', [put.file('no/f')], {}, 'PARENT_MISSING'],
    ['a sparse entry', [{ ...put.file('f'), sparse: true }], {}, 'TAR_UNSUPPORTED'],
    ['several zstd frames', [], { compression: 'zstd', members: 2 }, 'COMPRESSION_UNSUPPORTED'],
    ['several gzip members', [], { compression: 'gzip', members: 2 }, 'COMPRESSION_UNSUPPORTED'],
    ['a wrong media type', [], { compression: 'zstd', claimed: 'gzip' }, 'COMPRESSION_UNSUPPORTED'],
    ['an end that is missing', [], { endOfArchive: false }, 'TAR_TRUNCATED'],
    [
      'a time before 1970',
      [{ ...put.file('f'), hostReading: { refused: 'its time', isFile: false, xattrs: new Map() } }],
      {},
      'TAR_BAD_HEADER',
    ],
  ])('is refused: %s', (_, more, facts, code) => {
    const layer = { entries: [put.dir('usr'), ...more], ...facts };
    const make = (): unknown => makePlainTree({ kind: 'layers', layers: [layer] }, hostProfile('bootc'));
    expect(make).toThrow(
      expect.objectContaining<Partial<PlanishError>>({ code: code as PlanishError['code'] }),
    );
  });

  test('of a layer of several parts is made by cfsctl', () => {
    for (const compression of ['gzip', 'zstd'] as const) {
      const layers = [{ entries: base, compression, claimed: compression, members: 2 }];
      expect(makePlainTree({ kind: 'layers', layers }, hostProfile('cfsctl')).root.children.size).toBe(2);
    }
  });

  test('of a layer without an end is made where its last entry has content', () => {
    const layers = [{ entries: base, endOfArchive: false }];
    expect(makePlainTree({ kind: 'layers', layers }, hostProfile('bootc')).root.children.size).toBe(2);
  });

  test('reads entries as hosts read them', () => {
    const hostReading = { refused: undefined, isFile: true, xattrs: new Map() };
    const { root } = plain('bootc-1.16.3', [
      put.dir('usr', { xattrs: { 'user.a': 'b' } }),
      { ...put.dir('old', { xattrs: { 'user.a': 'b' } }), hostReading },
    ]);
    const old = lookup(root, byteString('/old'));
    expect(old?.type).toBe('regular');
    expect(old?.metadata.xattrs.size).toBe(0);
    expect(lookup(root, byteString('/usr'))?.metadata.xattrs.size).toBe(1);
  });
});

describe('the bootable tree', () => {
  const config = file('SELINUXTYPE=p\n');
  const contexts = (text: string): Directory =>
    dir({ p: dir({ contexts: dir({ files: dir({ file_contexts: file(text) }) }) }), config });
  const root = (more: Record<string, ReturnType<typeof dir>> = {}): Directory =>
    dir({
      usr: dir({}, { sec: 9, nsec: 8 }),
      boot: dir({ k: file() }, { nsec: 1 }),
      sysroot: dir(),
      ...more,
    });

  test('differs by profile in the fraction of /boot', () => {
    const time = (name: HostProfileName): unknown =>
      lookup(bootable(name, root()).root, byteString('/boot'))?.metadata.mtime;
    expect(time('bootc')).toEqual({ sec: 9, nsec: 1 });
    expect(time('cfsctl')).toEqual({ sec: 9, nsec: 8 });
  });

  test('leaves the plain tree alone', () => {
    const tree = root({ etc: dir({ selinux: contexts('/.* l\n') }) });
    const before = render(tree);
    bootable('cfsctl', tree);
    expect(render(tree)).toEqual(before);
  });

  test('has the labels of its policy, and split links or one label for all', () => {
    const shared = file('x');
    const tree = root({
      a: dir({ one: shared, two: shared }),
      etc: dir({ selinux: contexts('/.* l\n/a/two m\n/usr <<none>>\n') }),
    });
    const labels = (name: HostProfileName): (string | undefined)[] => {
      const { root: made } = bootable(name, tree);
      return ['/', '/usr', '/a/one', '/a/two'].map((path) => {
        const value = lookup(made, byteString(path))?.metadata.xattrs.get(byteString('security.selinux'));
        return value === undefined ? undefined : Buffer.from(value).toString();
      });
    };
    expect(labels('bootc')).toEqual(['l', undefined, 'l', 'm']);
    expect(labels('bootc-1.15')).toEqual(['l', undefined, 'm', 'm']);
    expect(bootable('bootc', tree).labels).toEqual({ policy: 'p', stripped: 0, labelled: 13, split: 1 });
    expect(bootable('bootc-1.15', tree).labels.split).toBe(0);
  });

  test('has no labels without a policy', () => {
    const tree = root({ a: dir({}, { xattrs: { 'security.selinux': 'l' } }) });
    expect(bootable('bootc-1.16.3', tree).labels).toEqual({
      policy: undefined,
      stripped: 1,
      labelled: 0,
      split: 0,
    });
  });

  test('is refused with the reason', () => {
    const tree = root({ etc: dir({ selinux: dir({ config }) }) });
    const refused = attempt(() => bootable('bootc', tree).root);
    expect(refused.refused?.code).toBe('SELINUX_BAD_POLICY');
    const outcome = hostOutcome(refused, hostProfile('bootc'), { algorithm: 'sha512' });
    expect(outcome).toEqual({ digest: undefined, format: undefined, refused: refused.refused });
  });
});

test('faults of the program are no refusals', () => {
  expect(() =>
    attempt(() => {
      throw new TypeError('defect');
    }),
  ).toThrow(TypeError);
});

test('the automatic format is 1 for a whiteout, else 0', () => {
  const format = (...more: LayerEntry[]): unknown =>
    hostOutcome(
      attempt(() => plain('mkcomposefs', [...base, ...more]).root),
      hostProfile('mkcomposefs'),
      {
        algorithm: 'sha256',
      },
    ).format;
  expect(format()).toBe(0);
  expect(format(put.device('w', 'character', 0, 0))).toBe(1);
});

test('files that hosts read are found, each once', () => {
  const config = file('SELINUXTYPE=p\n');
  const tree = dir({
    etc: dir({
      selinux: dir({
        config,
        other: file(),
        p: dir({ contexts: dir({ files: dir({ file_contexts: file(), 'file_contexts.local': config }) }) }),
      }),
    }),
    boot: dir({ loader: dir({ entries: dir({ 'a.conf': file() }) }), config: file() }),
  });
  expect(filesHostsRead(tree).map(([path]) => path)).toEqual([
    '/etc/selinux/config',
    '/etc/selinux/p/contexts/files/file_contexts',
    '/boot/loader/entries/a.conf',
  ]);
});
