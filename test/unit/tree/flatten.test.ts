import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { NO_XATTRS } from '../../../src/bytes/stat.ts';
import type { ErrorCode, PlanishError } from '../../../src/errors.ts';
import type { LayerEntry } from '../../../src/tree/entry.ts';
import { flatten } from '../../../src/tree/flatten.ts';
import type { FlattenOptions } from '../../../src/tree/flatten-state.ts';
import type { Directory } from '../../../src/tree/tree.ts';
import { lookup } from '../../../src/tree/walk.ts';
import type { Warning, WarningCode } from '../../../src/warnings.ts';
import {
  device,
  dir,
  entry,
  external,
  fifo,
  file,
  layers,
  put,
  render,
  symlink,
} from '../../support/tree-builder.ts';

interface Outcome {
  readonly tree: string[];
  readonly warnings: string[];
  readonly implied: readonly string[];
}

/** Flattens and gives all there is to see: the tree as text, `CODE PATH @LAYER` for each warning. */
function run(list: readonly (readonly LayerEntry[])[], options: FlattenOptions = {}): Outcome {
  const warnings: Warning[] = [];
  const { root, implied } = flatten(layers(...list), {
    ...options,
    onWarning: (warning) => warnings.push(warning),
  });
  return {
    tree: render(root),
    warnings: warnings.map(({ code, path, layer }) => `${code} ${path} @${layer}`),
    implied: [...implied],
  };
}

function failure(list: readonly (readonly LayerEntry[])[], options: FlattenOptions = {}): PlanishError {
  try {
    flatten(layers(...list), options);
  } catch (error) {
    return error as PlanishError;
  }
  throw new Error('nothing was thrown');
}

interface Case {
  readonly layers: readonly (readonly LayerEntry[])[];
  readonly tree: Directory;
  readonly warnings?: readonly `${WarningCode} ${string}`[];
}

function check(cases: Readonly<Record<string, Case>>, options: FlattenOptions = {}): void {
  test.each(Object.entries(cases))('%s', (_name, { layers: list, tree, warnings = [] }) => {
    const outcome = run(list, options);
    expect(outcome.tree).toEqual(render(tree));
    expect(outcome.warnings).toEqual(warnings);
  });
}

describe('entries of one layer', () => {
  check({
    'no layers': { layers: [], tree: dir() },
    'every type': {
      layers: [
        [
          put.dir('d/', { mode: 0o1777, uid: 1, gid: 2, sec: 3, nsec: 4, xattrs: { 'user.a': '\xff\0' } }),
          put.file('d/f', 'text', { mode: 0o4755 }),
          put.file('d/big', external(100, 'x')),
          put.symlink('d/s', '../anywhere/\xff'),
          put.device('d/c', 'character', 1, 3),
          put.device('d/b', 'block', 8, 0),
          put.fifo('d/p'),
          put.link('d/l', './d/f'),
        ],
      ],
      tree: (() => {
        const f = file('text', { mode: 0o4755 });
        const children = {
          f,
          l: f,
          big: file(external(100, 'x')),
          s: symlink('../anywhere/\xff'),
          c: device('character', 1, 3),
          b: device('block', 8, 0),
          p: fifo(),
        };
        const meta = { mode: 0o1777, uid: 1, gid: 2, sec: 3, nsec: 4, xattrs: { 'user.a': '\xff\0' } };
        return dir({ d: dir(children, meta) });
      })(),
    },
    'spellings of one path': {
      layers: [[put.dir('/a/'), put.dir('./a//b'), put.file('a/./b/c', 'x')]],
      tree: dir({ a: dir({ b: dir({ c: file('x') }) }) }),
    },
    'type bits in the mode': {
      layers: [[entry('directory', 'a', 0o040755), put.file('f', '', { mode: 0o100644 })]],
      tree: dir({ a: dir(), f: file() }),
    },
    'an entry for the root': {
      layers: [[put.dir('./', { mode: 0o700, uid: 5, sec: 9 })], [put.dir('/', { mode: 0o711 })]],
      tree: dir({}, { mode: 0o711 }),
    },
    'names that look like markers': {
      layers: [
        [put.file('.wh'), put.file('a.wh.b'), put.file('..wh.c'), put.dir('x.wh.'), put.file('x.wh./y')],
      ],
      tree: dir({ '.wh': file(), 'a.wh.b': file(), '..wh.c': file(), 'x.wh.': dir({ y: file() }) }),
    },
    'an overlay whiteout is a device like any other': {
      layers: [[put.file('a')], [put.device('a', 'character', 0, 0)]],
      tree: dir({ a: device('character', 0, 0) }),
    },
  });
});

describe('replacement across layers', () => {
  check({
    'a directory takes new metadata and keeps its children': {
      layers: [
        [put.dir('d', { uid: 1, xattrs: { 'user.a': '1' } }), put.file('d/f', '1')],
        [put.dir('d', { mode: 0o700, sec: 7 })],
      ],
      tree: dir({ d: dir({ f: file('1') }, { mode: 0o700, sec: 7 }) }),
    },
    'a file over a directory takes its subtree away': {
      layers: [[put.dir('d'), put.dir('d/e'), put.file('d/e/f')], [put.file('d', 'new')]],
      tree: dir({ d: file('new') }),
    },
    'a directory over a file': {
      layers: [[put.file('d', 'old')], [put.dir('d'), put.file('d/f')]],
      tree: dir({ d: dir({ f: file() }) }),
    },
    'a symlink over a directory': {
      layers: [[put.dir('d'), put.file('d/f')], [put.symlink('d', 'e')]],
      tree: dir({ d: symlink('e') }),
    },
    'a directory over a symlink': {
      layers: [
        [put.dir('e'), put.symlink('d', 'e')],
        [put.dir('d'), put.file('d/f')],
      ],
      tree: dir({ d: dir({ f: file() }), e: dir() }),
    },
    'a file over a file': {
      layers: [[put.file('f', 'old', { uid: 1 })], [put.file('f', 'new')]],
      tree: dir({ f: file('new') }),
    },
    'a parent from a lower layer': {
      layers: [[put.dir('d', { uid: 1 })], [put.file('d/f')]],
      tree: dir({ d: dir({ f: file() }, { uid: 1 }) }),
    },
    'a replaced directory does not take later entries with it': {
      layers: [
        [put.dir('d'), put.file('d/a')],
        [put.file('d/b'), put.file('d'), put.dir('d'), put.file('d/c')],
      ],
      tree: dir({ d: dir({ c: file() }) }),
      warnings: ['DUPLICATE_ENTRY /d @1'],
    },
  });
});

describe('duplicates in one layer', () => {
  check({
    'of a file': {
      layers: [[put.file('f', '1'), put.file('./f', '2'), put.file('f', '3')]],
      tree: dir({ f: file('3') }),
      warnings: ['DUPLICATE_ENTRY /f @0', 'DUPLICATE_ENTRY /f @0'],
    },
    'of an equal directory pass silently': {
      layers: [[put.dir('d', { xattrs: { 'user.a': '1' } }), put.dir('d/', { xattrs: { 'user.a': '1' } })]],
      tree: dir({ d: dir({}, { xattrs: { 'user.a': '1' } }) }),
    },
    'of an unequal directory': {
      layers: [[put.dir('d', { uid: 1 }), put.file('d/f'), put.dir('d', { uid: 2 })]],
      tree: dir({ d: dir({ f: file() }, { uid: 2 }) }),
      warnings: ['DUPLICATE_ENTRY /d @0'],
    },
    'of the root': {
      layers: [[put.dir('./'), put.dir('/', { sec: 1 })]],
      tree: dir({}, { sec: 1 }),
      warnings: ['DUPLICATE_ENTRY / @0'],
    },
    'a directory, then a file': {
      layers: [[put.dir('x'), put.file('x/y'), put.file('x', 'f')]],
      tree: dir({ x: file('f') }),
      warnings: ['DUPLICATE_ENTRY /x @0'],
    },
    'a file, then a directory': {
      layers: [[put.file('x', 'f'), put.dir('x')]],
      tree: dir({ x: dir() }),
      warnings: ['DUPLICATE_ENTRY /x @0'],
    },
    'of a hard link': {
      layers: [[put.file('f'), put.link('l', 'f'), put.link('l', 'f')]],
      tree: (() => {
        const f = file();
        return dir({ f, l: f });
      })(),
      warnings: ['DUPLICATE_ENTRY /l @0'],
    },
    'are none across layers': {
      layers: [[put.file('f', '1')], [put.file('f', '2')]],
      tree: dir({ f: file('2') }),
    },
  });
});

describe('hard links', () => {
  const shared = (content = 'x', ...names: string[]): Directory => {
    const node = file(content);
    return dir(Object.fromEntries(names.map((name) => [name, node])));
  };

  check({
    'share an inode; their own metadata is ignored': {
      layers: [[put.file('a', 'x'), put.link('b', 'a', { uid: 9, mode: 0o777, xattrs: { 'user.a': '1' } })]],
      tree: shared('x', 'a', 'b'),
    },
    'form chains': {
      layers: [[put.file('a', 'x'), put.link('b', 'a'), put.link('c', '/b')]],
      tree: shared('x', 'a', 'b', 'c'),
    },
    'reach lower layers': {
      layers: [[put.file('a', 'x')], [put.link('b', 'a')], [put.link('c', 'b')]],
      tree: shared('x', 'a', 'b', 'c'),
    },
    'keep the inode when the target is replaced': {
      layers: [[put.file('a', 'x'), put.link('b', 'a')], [put.file('a', 'y')]],
      tree: dir({ a: file('y'), b: file('x') }),
    },
    'keep the inode when the target is replaced in the same layer': {
      layers: [[put.file('a', 'x'), put.link('b', 'a'), put.file('a', 'y'), put.link('c', 'a')]],
      tree: (() => {
        const y = file('y');
        return dir({ a: y, b: file('x'), c: y });
      })(),
      warnings: ['DUPLICATE_ENTRY /a @0'],
    },
    'keep the inode when the target is removed': {
      layers: [[put.file('a', 'x'), put.link('b', 'a'), put.link('c', 'a')], [put.whiteout('a')]],
      tree: shared('x', 'b', 'c'),
    },
    'replace the directory that their target lies in': {
      layers: [[put.dir('d'), put.file('d/f', 'x')], [put.link('d', 'd/f')]],
      tree: dir({ d: file('x') }),
    },
    'may name symlinks, devices and pipes': {
      layers: [
        [
          put.symlink('s', 'nowhere'),
          put.link('s2', 's'),
          put.device('c', 'character', 1, 2),
          put.link('c2', 'c'),
          put.fifo('p'),
          put.link('p2', 'p'),
        ],
      ],
      tree: (() => {
        const [s, c, p] = [symlink('nowhere'), device('character', 1, 2), fifo()];
        return dir({ s, s2: s, c, c2: c, p, p2: p });
      })(),
    },
    'reach what a later marker of the same layer hides': {
      layers: [
        [put.file('a', 'x'), put.dir('d'), put.file('d/f', 'x'), put.dir('o'), put.file('o/f', 'x')],
        [
          put.link('a2', 'a'),
          put.whiteout('a'),
          put.dir('d'),
          put.link('f2', 'd/f'),
          put.whiteout('d'),
          put.link('f3', 'o/f'),
          put.opaque('o'),
        ],
      ],
      tree: dir({ a2: file('x'), d: dir(), f2: file('x'), f3: file('x'), o: dir() }),
      warnings: ['WHITEOUT_ORDER /d @1'],
    },
  });

  test.each<[string, readonly (readonly LayerEntry[])[], ErrorCode, string, number]>([
    ['to nothing', [[put.link('b', 'a')]], 'LINK_TARGET_MISSING', '/b', 0],
    ['to a later entry', [[put.link('b', 'a'), put.file('a')]], 'LINK_TARGET_MISSING', '/b', 0],
    ['to a directory', [[put.dir('a'), put.link('b', 'a/')]], 'LINK_TARGET_INVALID', '/b', 512],
    ['to the root', [[put.link('b', '/')]], 'LINK_TARGET_INVALID', '/b', 0],
    ['to itself', [[put.link('b', './b')]], 'LINK_TARGET_INVALID', '/b', 0],
    ['to itself over a file', [[put.file('b')], [put.link('b', 'b')]], 'LINK_TARGET_INVALID', '/b', 0],
    [
      'through a symlink',
      [[put.dir('d'), put.file('d/f'), put.symlink('s', 'd'), put.link('b', 's/f')]],
      'LINK_TARGET_MISSING',
      '/b',
      1536,
    ],
    ['out of the root', [[put.link('b', '../a')]], 'PATH_ESCAPES_ROOT', '../a', 0],
    ['to an empty name', [[put.link('b', '')]], 'PATH_INVALID', '', 0],
    [
      'to what an earlier marker hid',
      [[put.file('a')], [put.whiteout('a'), put.link('b', 'a')]],
      'LINK_TARGET_MISSING',
      '/b',
      512,
    ],
    [
      'to what a lower layer removed',
      [[put.file('a')], [put.whiteout('a')], [put.link('b', 'a')]],
      'LINK_TARGET_MISSING',
      '/b',
      0,
    ],
    ['without a parent', [[put.file('a'), put.link('d/b', 'a')]], 'PARENT_MISSING', '/d/b', 512],
  ])('are refused %s', (_name, list, code, path, offset) => {
    const error = failure(list);
    expect([error.code, error.detail.path, error.detail.offset, error.detail.layer]).toEqual([
      code,
      path,
      offset,
      String(list.length - 1),
    ]);
  });
});

describe('whiteouts, as OCI reads them', () => {
  const base = [put.dir('d'), put.file('d/a', 'low'), put.file('d/b', 'low'), put.file('x', 'low')];

  check({
    'remove from lower layers': {
      layers: [base, [put.whiteout('d/a'), put.whiteout('x')]],
      tree: dir({ d: dir({ b: file('low') }) }),
    },
    'remove subtrees': { layers: [base, [put.whiteout('d')]], tree: dir({ x: file('low') }) },
    'leave siblings of their own layer, before them': {
      layers: [base, [put.file('x', 'new'), put.whiteout('x')]],
      tree: dir({ d: dir({ a: file('low'), b: file('low') }), x: file('new') }),
      warnings: ['WHITEOUT_ORDER /x @1'],
    },
    'leave siblings of their own layer, after them': {
      layers: [base, [put.whiteout('x'), put.file('x', 'new')]],
      tree: dir({ d: dir({ a: file('low'), b: file('low') }), x: file('new') }),
    },
    'of a directory that the layer makes anew, before it': {
      layers: [base, [put.whiteout('d'), put.dir('d', { uid: 1 }), put.file('d/c', 'new')]],
      tree: dir({ d: dir({ c: file('new') }, { uid: 1 }), x: file('low') }),
    },
    'of a directory that the layer makes anew, after it': {
      layers: [base, [put.dir('d', { uid: 1 }), put.file('d/c', 'new'), put.whiteout('d')]],
      tree: dir({ d: dir({ c: file('new') }, { uid: 1 }), x: file('low') }),
      warnings: ['WHITEOUT_ORDER /d @1'],
    },
    'opaque markers hide lower children only': {
      layers: [base, [put.opaque('d'), put.file('d/c', 'new')]],
      tree: dir({ d: dir({ c: file('new') }), x: file('low') }),
    },
    'opaque markers after siblings': {
      layers: [base, [put.file('d/a', 'new'), put.file('d/c', 'new'), put.opaque('d'), put.file('d/e')]],
      tree: dir({ d: dir({ a: file('new'), c: file('new'), e: file() }), x: file('low') }),
      warnings: ['WHITEOUT_ORDER /d @1'],
    },
    'an opaque root': {
      layers: [base, [put.opaque(''), put.file('y')]],
      tree: dir({ y: file() }),
    },
    'an opaque marker keeps the directory and its metadata': {
      layers: [[put.dir('d', { uid: 7 }), put.file('d/a')], [put.opaque('d')]],
      tree: dir({ d: dir({}, { uid: 7 }) }),
    },
    'an opaque marker in a new directory hides nothing': {
      layers: [[], [put.dir('d'), put.opaque('d'), put.file('d/a')]],
      tree: dir({ d: dir({ a: file() }) }),
    },
    'an opaque marker where there is nothing': { layers: [[put.opaque('nowhere')]], tree: dir() },
    'the same case is told once': {
      layers: [base, [put.file('x', 'new'), put.whiteout('x'), put.whiteout('x')]],
      tree: dir({ d: dir({ a: file('low'), b: file('low') }), x: file('new') }),
      warnings: ['WHITEOUT_WITHOUT_TARGET /.wh.x @1', 'WHITEOUT_ORDER /x @1'],
    },
    'of nothing': {
      layers: [base, [put.whiteout('nothing'), put.whiteout('no/parent')]],
      tree: dir({ d: dir({ a: file('low'), b: file('low') }), x: file('low') }),
      warnings: ['WHITEOUT_WITHOUT_TARGET /.wh.nothing @1', 'WHITEOUT_WITHOUT_TARGET /no/.wh.parent @1'],
    },
    'in the base layer': {
      layers: [[put.file('a'), put.whiteout('a')]],
      tree: dir({ a: file() }),
      warnings: ['WHITEOUT_WITHOUT_TARGET /.wh.a @0', 'WHITEOUT_ORDER /a @0'],
    },
    'inside what another whiteout removes': {
      layers: [base, [put.whiteout('d'), put.whiteout('d/a')]],
      tree: dir({ x: file('low') }),
      warnings: ['WHITEOUT_WITHOUT_TARGET /d/.wh.a @1'],
    },
    'of a symlink, below which a directory comes': {
      layers: [
        [put.dir('e'), put.file('e/f'), put.symlink('l', 'e')],
        [put.whiteout('l'), put.dir('l'), put.file('l/f', 'new')],
      ],
      tree: dir({ e: dir({ f: file() }), l: dir({ f: file('new') }) }),
    },
    'an opaque directory over a symlink': {
      layers: [
        [put.dir('e'), put.file('e/f', 'kept'), put.symlink('l', 'e'), put.file('g')],
        [
          put.dir('l'),
          put.opaque('l'),
          put.file('l/f', 'new'),
          put.dir('g'),
          put.opaque('g'),
          put.file('g/h'),
        ],
      ],
      tree: dir({ e: dir({ f: file('kept') }), l: dir({ f: file('new') }), g: dir({ h: file() }) }),
    },
    'below a directory that becomes a symlink, whited out by itself first': {
      layers: [
        [put.dir('e'), put.file('e/f', 'kept'), put.dir('l'), put.file('l/f')],
        [put.whiteout('l'), put.symlink('l', 'e'), put.whiteout('l/f')],
      ],
      tree: dir({ e: dir({ f: file('kept') }), l: symlink('e') }),
      warnings: ['WHITEOUT_WITHOUT_TARGET /l/.wh.f @1'],
    },
    'of any entry type and of a name of 255 bytes': {
      layers: [
        [put.dir('d'), put.file(`d/${'n'.repeat(255)}`), put.file('c')],
        [put.whiteout(`d/${'n'.repeat(255)}`), put.device('.wh.c', 'character', 0, 0)],
      ],
      tree: dir({ d: dir() }),
    },
    'of names of any bytes': {
      layers: [[put.file('\xff\n')], [put.whiteout('\xff\n')]],
      tree: dir(),
    },
    'bookkeeping of aufs is dropped': {
      layers: [
        [
          put.file('.wh..wh.aufs'),
          put.dir('.wh..wh.plnk'),
          put.file('.wh..wh.plnk/123.456', 'x'),
          put.dir('.wh..wh.orph'),
          put.file('a'),
        ],
      ],
      tree: dir({ a: file() }),
      warnings: [
        'RECORD_DROPPED /.wh..wh.aufs @0',
        'RECORD_DROPPED /.wh..wh.plnk @0',
        'RECORD_DROPPED /.wh..wh.plnk/123.456 @0',
        'RECORD_DROPPED /.wh..wh.orph @0',
      ],
    },
  });

  test.each<[string, LayerEntry]>([
    ['of nothing', put.file('d/.wh.')],
    ['of .', put.file('.wh..')],
    ['of ..', put.file('d/.wh...')],
    ['with something below', put.file('.wh.x/y')],
    ['with a whiteout below', put.file('.wh.x/.wh.y')],
    ['with an opaque marker below', put.file('.wh.x/.wh..wh..opq')],
  ])('are refused %s', (_name, marker) => {
    for (const whiteouts of ['oci', 'host'] as const) {
      const error = failure([base, [put.dir('d'), marker]], { whiteouts });
      expect([error.code, error.detail.layer, error.detail.offset]).toEqual(['PATH_INVALID', '1', 512]);
      expect(error.detail.path).toBe(`/${marker.path}`);
    }
  });

  test.each(['s/a', 's/b/a', 'x/a'])('are refused below what is no directory: %s', (path) => {
    const marker = put.whiteout(path);
    for (const whiteouts of ['oci', 'host'] as const) {
      const error = failure([[...base, put.symlink('s', 'd')], [marker]], { whiteouts });
      expect([error.code, error.detail.path]).toEqual(['PARENT_NOT_DIRECTORY', `/${marker.path}`]);
    }
  });
});

describe('whiteouts below what the same layer replaces, as umoci writes them', () => {
  check({
    'by a symlink': {
      layers: [
        [put.dir('d'), put.file('d/a', 'low'), put.file('d/b', 'low')],
        [put.symlink('d', 'elsewhere'), put.whiteout('d/a'), put.whiteout('d/b')],
      ],
      tree: dir({ d: symlink('elsewhere') }),
    },
    'by a file, the markers first': {
      layers: [
        [put.dir('d'), put.file('d/a', 'low')],
        [put.whiteout('d/a'), put.file('d', 'new')],
      ],
      tree: dir({ d: file('new') }),
    },
  });
});

describe('whiteouts, as composefs hosts apply them', () => {
  const base = [put.dir('d'), put.file('d/a', 'low'), put.file('x', 'low')];

  check(
    {
      'remove what the same layer has just added': {
        layers: [base, [put.file('x', 'new'), put.whiteout('x'), put.file('d/b', 'new'), put.opaque('d')]],
        tree: dir({ d: dir() }),
      },
      'leave what comes after them': {
        layers: [base, [put.whiteout('x'), put.file('x', 'new'), put.opaque('d'), put.file('d/b', 'new')]],
        tree: dir({ d: dir({ b: file('new') }), x: file('new') }),
      },
      'take a directory redefined before them': {
        layers: [base, [put.dir('d'), put.file('d/c'), put.whiteout('d')]],
        tree: dir({ x: file('low') }),
      },
      'of nothing': {
        layers: [base, [put.whiteout('nothing')]],
        tree: dir({ d: dir({ a: file('low') }), x: file('low') }),
        warnings: ['WHITEOUT_WITHOUT_TARGET /.wh.nothing @1'],
      },
      'in the base layer': { layers: [[put.file('a'), put.whiteout('a')]], tree: dir() },
      'an entry added again after its whiteout is no duplicate': {
        layers: [[put.file('a', '1'), put.whiteout('a'), put.file('a', '2')]],
        tree: dir({ a: file('2') }),
      },
    },
    { whiteouts: 'host' },
  );

  test('hosts drop bookkeeping of aufs, but refuse what lies below it', () => {
    const list = [[put.file('.wh..wh.aufs'), put.dir('.wh..wh.plnk')]];
    expect(run(list, { whiteouts: 'host' })).toEqual({
      tree: render(dir()),
      warnings: ['RECORD_DROPPED /.wh..wh.aufs @0', 'RECORD_DROPPED /.wh..wh.plnk @0'],
      implied: ['/'],
    });
    const below = [[...(list[0] ?? []), put.file('.wh..wh.plnk/1.2')]];
    expect(failure(below, { whiteouts: 'host' }).code).toBe('PARENT_MISSING');
    expect(run(below, { whiteouts: 'host', missingParents: 'create' }).tree).toEqual(render(dir()));
  });

  test('need a parent directory', () => {
    const list = [base, [put.whiteout('no/a')]];
    const error = failure(list, { whiteouts: 'host' });
    expect([error.code, error.detail.path]).toEqual(['PARENT_MISSING', '/no/.wh.a']);
    const created = run(list, { whiteouts: 'host', missingParents: 'create' });
    expect(created.tree).toEqual(render(dir({ d: dir({ a: file('low') }), x: file('low') })));
    expect(created.warnings).toEqual(['WHITEOUT_WITHOUT_TARGET /no/.wh.a @1']);
  });
});

describe('missing parents', () => {
  const list = [
    [put.file('a/b/c/f'), put.file('a/g'), put.dir('z')],
    [put.whiteout('a'), put.file('a/b/h')],
    [put.dir('a/b', { uid: 3 })],
  ];

  test('are refused by default', () => {
    const error = failure(list);
    expect([error.code, error.message, error.detail]).toEqual([
      'PARENT_MISSING',
      '/a/b/c/f has no parent directory',
      {
        path: '/a/b/c/f',
        layer: '0',
        offset: 0,
        hint: 'hosts refuse such a layer; allow planish to create missing parents',
      },
    ]);
  });

  test('are created with default metadata, and told once', () => {
    expect(run(list, { missingParents: 'create' })).toEqual({
      tree: render(dir({ a: dir({ b: dir({ h: file() }, { uid: 3 }) }), z: dir() })),
      warnings: ['PARENT_CREATED /a @0', 'PARENT_CREATED /a/b @0', 'PARENT_CREATED /a/b/c @0'],
      implied: ['/', '/a'],
    });
  });

  test('a root with an entry is not implied; removed directories are not either', () => {
    const outcome = run([[put.dir('./'), put.file('a/f')], [put.whiteout('a')]], {
      missingParents: 'create',
    });
    expect(outcome.implied).toEqual([]);
    expect(outcome.tree).toEqual(render(dir()));
  });

  test('an entry for a directory made before it is no duplicate', () => {
    const outcome = run([[put.file('a/f'), put.dir('a', { uid: 1 })]], { missingParents: 'create' });
    expect(outcome.warnings).toEqual(['PARENT_CREATED /a @0']);
    expect(outcome.implied).toEqual(['/']);
  });
});

describe('parents that are no directories', () => {
  test.each<[string, LayerEntry, string]>([
    ['a symlink to a directory', put.symlink('p', 'd'), 'a symbolic link'],
    ['a symlink to nothing', put.symlink('p', 'nowhere'), 'a symbolic link'],
    ['a file', put.file('p'), 'of type regular'],
    ['a device', put.device('p', 'block', 1, 1), 'of type block'],
  ])('%s', (_name, parent, what) => {
    for (const missingParents of ['refuse', 'create'] as const) {
      const error = failure([[put.dir('d'), parent], [put.file('p/q/r')]], { missingParents });
      expect([error.code, error.message, error.detail]).toEqual([
        'PARENT_NOT_DIRECTORY',
        `/p/q/r lies below /p, which is ${what}`,
        { path: '/p/q/r', layer: '1', offset: 0 },
      ]);
    }
  });

  test('a directory that was at hand and has been replaced', () => {
    const error = failure([[put.dir('d'), put.file('d/a'), put.symlink('d', '/'), put.file('d/b')]]);
    expect([error.code, error.detail.offset]).toEqual(['PARENT_NOT_DIRECTORY', 1536]);
  });
});

describe('bad entries', () => {
  test.each<[string, LayerEntry, ErrorCode, string]>([
    ['an empty name', put.file(''), 'PATH_INVALID', ''],
    ['a NUL', put.file('a\0b'), 'PATH_INVALID', 'a\\x00b'],
    ['a way out', put.file('../a'), 'PATH_ESCAPES_ROOT', '../a'],
    ['a long name', put.file('n'.repeat(256)), 'LIMIT_EXCEEDED', 'n'.repeat(256)],
    ['a file for a root', put.file('./'), 'PATH_INVALID', '/'],
    ['a symlink for a root', put.symlink('/', 'x'), 'PATH_INVALID', '/'],
    ['a hard link for a root', put.link('.', 'x'), 'PATH_INVALID', '/'],
    ['a symlink to nothing', put.symlink('s', ''), 'PATH_INVALID', '/s'],
    ['a symlink with a NUL', put.symlink('s', 'a\0'), 'PATH_INVALID', '/s'],
    ['a symlink that is too long', put.symlink('s', 't'.repeat(4096)), 'LIMIT_EXCEEDED', '/s'],
    ['a file without content', entry('regular', 'f', 0o644), 'INVARIANT', '/f'],
  ])('%s', (_name, bad, code, path) => {
    const error = failure([[], [put.dir('ok'), bad]]);
    expect([error.code, error.detail.path, error.detail.layer, error.detail.offset]).toEqual([
      code,
      path,
      '1',
      512,
    ]);
  });

  test('more entries than the limit', () => {
    const entries = { length: 16_000_001 } as unknown as readonly LayerEntry[];
    try {
      flatten([{ ordinal: 3, entries }]);
      expect.unreachable();
    } catch (error) {
      expect((error as PlanishError).code).toBe('LIMIT_EXCEEDED');
      expect((error as PlanishError).detail).toEqual({
        layer: '3',
        limit: 'layerEntries',
        expected: 16_000_000,
        actual: 16_000_001,
      });
    }
  });
});

describe('size', () => {
  test('the deepest tree that paths allow, marked opaque at every level', () => {
    const entries: LayerEntry[] = [];
    for (let depth = 1; depth <= 2047; depth++) entries.push(put.dir('d/'.repeat(depth)));
    const markers = entries.slice(0, 2040).map(({ path }) => put.opaque(path.slice(0, -1)));
    const { tree } = run([entries, markers]);
    expect(tree).toHaveLength(2);
    expect(run([entries]).tree.at(-1)).toBe(`/${'d/'.repeat(2047).slice(0, -1)} directory 0755 0:0 0.0`);
  });

  test('200,000 entries with a whiteout of each second one', () => {
    const first = [put.dir('d')];
    const second: LayerEntry[] = [];
    for (let index = 0; index < 100_000; index++) {
      first.push(put.file(`d/file-${index}`, 'x'));
      if (index % 2 === 0) second.push(put.whiteout(`d/file-${index}`));
      else second.push(put.link(`d/link-${index}`, `d/file-${index}`));
    }
    const { root } = flatten(layers(first, second));
    const d = root.children.get(byteString('d')) as Directory;
    expect(d.children.size).toBe(100_000);
    expect(d.children.get(byteString('link-99999'))).toBe(d.children.get(byteString('file-99999')));
    expect(d.children.has(byteString('file-0'))).toBe(false);
  });
});

test('neighbours that have all metadata in common share it', () => {
  const meta = { uid: 1, gid: 2, sec: 3 };
  const later = { ...meta, sec: 4 };
  const none = { xattrs: NO_XATTRS };
  const entries = [
    entry('directory', 'a', 0o4755, meta, none),
    entry('fifo', 'a/b', 0o4755, meta, none),
    entry('fifo', 'a/c', 0o4755, later, none),
    entry('fifo', 'a/d', 0o4755, later, none),
  ];
  const { root } = flatten(layers(entries));
  const [a, b, c, d] = ['/a', '/a/b', '/a/c', '/a/d'].map((path) => lookup(root, byteString(path))?.metadata);
  expect([a === b, b === c, c === d]).toEqual([true, false, true]);
  expect([a?.mtime.sec, c?.mtime.sec, a?.mode, c?.uid, c?.gid]).toEqual([3, 4, 0o4755, 1, 2]);
});
