import { expect, test } from 'vitest';
import { PlanishError } from '../../src/errors.ts';
import type { LayerEntry } from '../../src/tree/entry.ts';
import { type FlattenResult, flatten } from '../../src/tree/flatten.ts';
import type { FlattenOptions } from '../../src/tree/flatten-state.ts';
import { validateTree } from '../../src/tree/validate.ts';
import { arbitraryLayers, arbitraryName, arbitraryTree } from '../support/arbitraries.ts';
import { fc } from '../support/property.ts';
import { entriesOf, entry, layers, put, render } from '../support/tree-builder.ts';

const CHOICES = { nanoseconds: true, negativeTimes: true };
const isMarker = ({ path }: LayerEntry): boolean => /(?:^|\/)\.wh\./.test(path);

function tree(list: readonly (readonly LayerEntry[])[], options?: FlattenOptions): string[] {
  return render(flatten(layers(...list), options).root);
}

test('a tree written as one layer comes back', () => {
  fc.assert(
    fc.property(arbitraryTree(CHOICES), (root) => {
      const result = flatten(layers(entriesOf(root)));
      expect(render(result.root)).toEqual(render(root));
      expect(result.implied).toEqual([]);
    }),
  );
});

test('without whiteouts, one layer is as good as the same entries in many', () => {
  fc.assert(
    fc.property(arbitraryTree(CHOICES), arbitraryTree(CHOICES), fc.array(fc.nat()), (first, second, cuts) => {
      const entries = [...entriesOf(first), ...entriesOf(second)];
      const places = cuts.map((cut) => cut % entries.length).sort((a, b) => a - b);
      const split = [0, ...places].map((start, index) =>
        entries.slice(start, places[index] ?? entries.length),
      );
      for (const whiteouts of ['oci', 'host'] as const) {
        expect(tree(split, { whiteouts })).toEqual(tree([entries], { whiteouts }));
      }
    }),
  );
});

test('in the OCI reading it does not matter where whiteouts stand', () => {
  const seeds = fc.array(fc.nat(), { minLength: 8, maxLength: 8 });
  fc.assert(
    fc.property(arbitraryLayers(), seeds, (list, places) => {
      const moved = list.map((entries) => {
        const rest = entries.filter((one) => !isMarker(one));
        for (const [index, marker] of entries.filter(isMarker).entries()) {
          rest.splice((places[index] ?? 0) % (rest.length + 1), 0, marker);
        }
        return rest;
      });
      expect(tree(moved)).toEqual(tree(list));
    }),
  );
});

test('where markers come first, both readings agree and no order is warned of', () => {
  fc.assert(
    fc.property(arbitraryLayers(), (list) => {
      const codes: string[] = [];
      expect(tree(list, { onWarning: ({ code }) => codes.push(code) })).toEqual(
        tree(list, { whiteouts: 'host' }),
      );
      expect(codes).not.toContain('WHITEOUT_ORDER');
    }),
  );
});

test('where the readings give different trees, the OCI reading warns', () => {
  const name = fc.constantFrom('a', 'b', 'd', 'd/a', 'd/b');
  const one = fc.oneof(
    name.map((path) => put.whiteout(path)),
    fc.constantFrom(put.opaque(''), put.opaque('d'), put.dir('d'), put.dir('a')),
    name.map((path) => put.file(path, 'x')),
  );
  const options: FlattenOptions = { missingParents: 'create' };
  fc.assert(
    fc.property(fc.array(fc.array(one, { maxLength: 6 }), { maxLength: 3 }), (list) => {
      const codes: string[] = [];
      const onWarning: FlattenOptions['onWarning'] = ({ code }) => codes.push(code);
      const [oci, host] = [
        attempt(() => tree(list, { ...options, onWarning })),
        attempt(() => tree(list, { ...options, whiteouts: 'host' })),
      ];
      if (Array.isArray(oci) && Array.isArray(host) && oci.join('\n') !== host.join('\n')) {
        expect(codes).toContain('WHITEOUT_ORDER');
      }
    }),
    { numRuns: 2000 },
  );
});

test('any entries give a valid tree or one error with its place', () => {
  const word = fc.oneof(
    fc.constantFrom(
      '.',
      '..',
      '',
      '.wh.a',
      '.wh..wh..opq',
      '.wh..wh.aufs',
      '.wh.',
      'a',
      'b',
      '\0',
      'n'.repeat(256),
    ),
    arbitraryName(),
  );
  const path = fc.array(word, { maxLength: 4 }).map((words) => words.join('/'));
  const type = fc.constantFrom('regular', 'directory', 'symlink', 'hardlink', 'fifo', 'character' as const);
  const one = fc.tuple(type, path, path).map(([kind, where, target]): LayerEntry => {
    const built = kind === 'regular' ? put.file(where, 'x') : entry(kind, where, 0o644);
    return { ...built, linkTarget: put.link('x', target).linkTarget };
  });
  const options = fc.record({
    whiteouts: fc.constantFrom('oci' as const, 'host' as const),
    missingParents: fc.constantFrom('refuse' as const, 'create' as const),
  });
  fc.assert(
    fc.property(fc.array(fc.array(one, { maxLength: 6 }), { maxLength: 3 }), options, (list, chosen) => {
      const result = attempt(() => flatten(layers(...list), chosen));
      if (result instanceof PlanishError) {
        expect(result.kind).toBe('input');
        expect(result.detail.layer).toMatch(/^[012]$/);
        expect(result.detail.offset).toBeGreaterThanOrEqual(0);
        expect(result.detail.path).toBeTypeOf('string');
      } else {
        validateTree((result as FlattenResult).root);
      }
    }),
    { numRuns: 2000 },
  );
});

/** The result, or the error of ours; any other exception passes through and fails the test. */
function attempt<T>(action: () => T): T | PlanishError {
  try {
    return action();
  } catch (error) {
    if (error instanceof PlanishError) return error;
    throw error;
  }
}
