import { expect, test } from 'vitest';
import { objectNeeds } from '../../../src/tree/object-needs.ts';
import type { Content } from '../../../src/tree/tree.ts';
import { dir, external, file } from '../../support/tree-builder.ts';

const [kept, changed] = [external(1000, 'kept'), external(200, 'changed')];

test('each content counts once, wherever it is; what is small or gone does not', () => {
  const present = dir({ a: file(kept), gone: file(external(5000, 'gone')), small: file('x') });
  const tree = dir({
    moved: file(kept),
    d: dir({ b: file(changed), again: file(changed) }),
    small: file('y'),
  });
  expect(objectNeeds(present, tree)).toEqual({
    total: { objects: 2, bytes: 1200 },
    missing: { objects: 1, bytes: 200 },
  });
  expect(objectNeeds(tree, tree)?.missing).toEqual({ objects: 0, bytes: 0 });
});

test('nothing is said of contents without digests, on either side', () => {
  const unknown: Content = { ...kept, verity: undefined };
  expect(objectNeeds(dir({ a: file(unknown) }), dir())).toBeUndefined();
  expect(objectNeeds(dir(), dir({ a: file(unknown) }))).toBeUndefined();
});
