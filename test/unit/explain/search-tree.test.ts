import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { imageDigest } from '../../../src/erofs/image-digest.ts';
import { decodeImage } from '../../../src/erofs/reader.ts';
import { encodeImage } from '../../../src/erofs/writer.ts';
import { TreeGoal } from '../../../src/explain/goals.ts';
import { Remaker } from '../../../src/explain/remaker.ts';
import { type SearchResult, searchExplanation } from '../../../src/explain/search.ts';
import { AS_IT_IS, profileSettings } from '../../../src/explain/settings.ts';
import { alternatives, applyChoices, type Choice } from '../../../src/explain/variables.ts';
import { hostProfile } from '../../../src/host/profiles.ts';
import { copyTree } from '../../../src/tree/copy.ts';
import { flatten } from '../../../src/tree/flatten.ts';
import type { Directory } from '../../../src/tree/tree.ts';
import { lookup } from '../../../src/tree/walk.ts';
import { dir, file } from '../../support/tree-builder.ts';
import { layerSource, SPECIMEN, treeSource } from './specimen.ts';

const BASE = profileSettings(hostProfile('bootc'), 'plain');
const remaker = new Remaker(layerSource(SPECIMEN), 'sha512');
const viewed = (choices: readonly Choice[]): Directory =>
  remaker.tree(remaker.identify(applyChoices(BASE, choices)));

/** What was found, as `variable=value … | remaining …`. */
function told({ explanations }: SearchResult): string[] {
  return explanations.map(({ changes, remaining }) =>
    [
      ...changes.map(({ variable, value }) => `${variable}=${value}`),
      ...remaining.map((cause) => `!${cause}`),
    ].join(' '),
  );
}

function explainTree(root: Directory, implied: string[] = []): string[] {
  const target = { kind: 'fixed', root, format: undefined, digest: undefined } as const;
  return told(searchExplanation(BASE, new TreeGoal(remaker, target, new Set(implied.map(byteString)))));
}

function changed(change: (root: Directory) => void): Directory {
  const copy = copyTree(viewed([]));
  change(copy);
  return copy;
}

function setTime(root: Directory, path: string, sec: number, nsec = 0): void {
  const node = lookup(root, byteString(path));
  if (node === undefined) throw new Error(`no ${path}`);
  node.metadata = { ...node.metadata, mtime: { sec, nsec } };
}

describe('against a tree that is what it is', () => {
  const choices = alternatives(BASE).filter(
    ({ variable }) => variable !== 'format' && variable !== 'dialect',
  );

  test.each(choices.map((choice) => [`${choice.variable}=${choice.value}`, choice] as const))(
    '%s',
    (name, choice) => {
      const isMoot = choice.variable === 'bootTimes' || name === 'labels=none';
      expect(explainTree(viewed([choice]))).toEqual([isMoot ? '' : name]);
    },
  );

  test('what no setting accounts for is named', () => {
    expect(explainTree(changed((root) => setTime(root, '/usr/bin', 5)))).toEqual(['!directory-times']);
    expect(
      explainTree(
        changed((root) => setTime(root, '/usr/bin', 5)),
        ['/usr/bin'],
      ),
    ).toEqual(['!implied-directories']);
    expect(explainTree(changed((root) => setTime(root, '/usr/bin/gzip', 5)))).toEqual(['!file-times']);
    expect(explainTree(changed((root) => setTime(root, '/usr/bin', 1001, 9)))).toEqual(['!fractions']);
    expect(explainTree(changed((root) => root.children.delete(byteString('old'))))).toEqual(['!only-in-a']);
    expect(explainTree(changed((root) => root.children.set(byteString('new'), file())))).toEqual([
      '!only-in-b',
    ]);
    expect(explainTree(changed((root) => root.children.set(byteString('old'), dir())))).toEqual(['!types']);
  });

  test('changes of settings and what is left beside them', () => {
    const all = alternatives(BASE).filter(({ variable, value }) => `${variable}=${value}` === 'xattrs=all');
    const root = copyTree(viewed(all));
    setTime(root, '/usr/bin', 5);
    expect(explainTree(root)).toEqual(['xattrs=all !directory-times']);
  });
});

describe('against an image', () => {
  function explainImage(root: Directory, version: 0 | 1 | 2, dialect: 'rs' | 'c' = 'rs'): string[] {
    const bytes = encodeImage(root, { version, algorithm: 'sha512', dialect });
    const digest = imageDigest(bytes, 'sha512');
    const target = { kind: 'fixed', root: decodeImage(bytes).root, format: version, digest } as const;
    return told(searchExplanation(BASE, new TreeGoal(remaker, target)));
  }

  test('the same', () => {
    expect(explainImage(viewed([]), 1)).toEqual(['']);
  });

  test('of another format', () => {
    expect(explainImage(viewed([]), 2)).toEqual(['format=v2']);
    expect(explainImage(viewed([]), 0)).toEqual(['format=v0']);
  });

  test('of another writer', () => {
    expect(explainImage(viewed([]), 1, 'c')).toEqual(['dialect=c']);
  });

  test('of another format and another filter', () => {
    const all = alternatives(BASE).filter(({ variable, value }) => `${variable}=${value}` === 'xattrs=all');
    expect(explainImage(viewed(all), 2)).toEqual(['format=v2 xattrs=all']);
  });
});

describe('against another source', () => {
  const flat = flatten(SPECIMEN, { whiteouts: 'host', missingParents: 'create' }).root;
  const other = (change: (root: Directory) => void): string[] => {
    const root = copyTree(flat);
    change(root);
    const target = { kind: 'remade', remaker: new Remaker(treeSource(root), 'sha512') } as const;
    const candidates = alternatives(BASE).filter(({ ofHosts }) => ofHosts);
    return told(searchExplanation(BASE, new TreeGoal(remaker, target), { candidates }));
  };

  test('the same', () => {
    expect(other(() => undefined)).toEqual(['']);
  });

  test('what hosts do not look at makes no difference', () => {
    expect(
      other((root) => {
        setTime(root, '/', 12345);
        setTime(root, '/run', 12345);
        const usr = lookup(root, byteString('/usr'));
        if (usr !== undefined) usr.metadata = { ...usr.metadata, xattrs: new Map() };
      }),
    ).toEqual(['']);
  });

  test('fractions that only one side has', () => {
    expect(other((root) => setTime(root, '/usr/bin/gzip', 1003, 77))).toEqual(['times=whole-seconds']);
  });

  test('directories touched', () => {
    expect(other((root) => setTime(root, '/usr/bin', 9))).toEqual(['!directory-times']);
  });

  test('a file in /boot counts until it is booted', () => {
    expect(other((root) => (lookup(root, byteString('/boot')) as Directory).children.clear())).toEqual([
      'boot=yes',
    ]);
  });
});

test('a tree that no host takes is explained from what it is', () => {
  const bare = new Remaker(treeSource(dir({ f: file('x') })), 'sha512');
  const target = {
    kind: 'fixed',
    root: dir({ f: file('y') }),
    format: undefined,
    digest: undefined,
  } as const;
  const result = searchExplanation(AS_IT_IS, new TreeGoal(bare, target));
  expect(told(result)).toEqual(['!content']);
});
