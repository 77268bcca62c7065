import { describe, expect, test } from 'vitest';
import { type ByteString, byteString } from '../../../src/bytes/byte-string.ts';
import { addWhiteouts, memberTree, orderMembers, selectMembers } from '../../../src/layer/members.ts';
import { parentPath } from '../../../src/tree/path.ts';
import { walk } from '../../../src/tree/walk.ts';
import { arbitraryTree } from '../../support/arbitraries.ts';
import { fc } from '../../support/property.ts';
import { dir, file, render } from '../../support/tree-builder.ts';

const paths = (...names: string[]): ByteString[] => names.map(byteString);

describe('the members of a layer in another order', () => {
  test('are those named first, behind their ancestors, and then the others by path', () => {
    const root = dir({ a: dir({ x: file(), y: file() }), b: dir({ z: file() }), c: file() });
    const members = selectMembers(root, paths('/a/x', '/a/y', '/b/z', '/c'));
    const ordered = orderMembers(members, paths('/c', '/gone', '/b/z', '/a/y', '/', '/a'));
    expect(ordered.map(({ path }) => path)).toEqual(['/', '/c', '/b', '/b/z', '/a', '/a/y', '/a/x']);
    expect(orderMembers(members, [])).toBe(members);
  });

  test('link to the name that comes first', () => {
    const shared = file('shared');
    const root = dir({ a: shared, b: shared, c: shared });
    const ordered = orderMembers(selectMembers(root, paths('/a', '/b', '/c')), paths('/b', '/c'));
    expect(ordered.map(({ path, linkTo }) => [path, linkTo])).toEqual([
      ['/', undefined],
      ['/b', undefined],
      ['/c', '/b'],
      ['/a', '/b'],
    ]);
  });

  test('have whiteouts that are new behind all else', () => {
    const members = selectMembers(dir({ a: file(), b: file() }), paths('/a', '/b'));
    const ordered = orderMembers(addWhiteouts(members, paths('/old')), paths('/b', '/a'));
    expect(ordered.map(({ path }) => path)).toEqual(['/', '/b', '/a', '/.wh.old']);
  });

  test('are the same tree in any order, parents before what is in them', () => {
    const cases = arbitraryTree().chain((root) => {
      const all = [...walk(root)].map(({ path }) => path);
      return fc.tuple(fc.constant(root), fc.constant(all), fc.shuffledSubarray(all));
    });
    fc.assert(
      fc.property(cases, ([root, all, order]) => {
        const ordered = orderMembers(selectMembers(root, all), order);
        expect(render(memberTree(ordered)).sort()).toEqual(render(root).sort());
        const seen = new Set<ByteString>(paths('/'));
        for (const { path, linkTo } of ordered) {
          expect(path === '/' || seen.has(parentPath(path))).toBe(true);
          expect(linkTo === undefined || seen.has(linkTo)).toBe(true);
          seen.add(path);
        }
        const named = new Set(order);
        const mine = ordered.map(({ path }) => path);
        const lastNamed = mine.findLastIndex((path) => named.has(path));
        expect(mine.slice(lastNamed + 1)).toEqual(
          all.filter((path) => !mine.slice(0, lastNamed + 1).includes(path)),
        );
      }),
      { numRuns: 50 },
    );
  });
});
