/** Random trees, and one or two settings changed: what is found gives the digest, and nothing smaller does. */

import { expect, test } from 'vitest';
import { byteString } from '../../src/bytes/byte-string.ts';
import type { VerityDigest } from '../../src/bytes/digest.ts';
import { DigestGoal } from '../../src/explain/goals.ts';
import { Remaker } from '../../src/explain/remaker.ts';
import { searchExplanation } from '../../src/explain/search.ts';
import { profileSettings, type ViewSettings } from '../../src/explain/settings.ts';
import type { ViewSource } from '../../src/explain/steps.ts';
import { alternatives, applyChoices, type Choice } from '../../src/explain/variables.ts';
import { hostProfile } from '../../src/host/profiles.ts';
import { copyTree } from '../../src/tree/copy.ts';
import type { Directory } from '../../src/tree/tree.ts';
import { walk } from '../../src/tree/walk.ts';
import { arbitraryTree } from '../support/arbitraries.ts';
import { fc } from '../support/property.ts';
import { dir } from '../support/tree-builder.ts';

const BASE = profileSettings(hostProfile('bootc'), 'plain');
const CHOICES = alternatives(BASE);

/** A tree that hosts take: random ones as its top directories. */
function arbitraryRoot(): fc.Arbitrary<Directory> {
  const choices = { sockets: true, nanoseconds: true, negativeTimes: true, depth: 2 };
  const tree = arbitraryTree(choices);
  return fc.tuple(tree, tree, tree, tree).map(([usr, run, boot, sysroot]) => {
    const root = dir({}, { sec: 99, nsec: 1, xattrs: { 'user.own': 'x' } });
    for (const [name, node] of Object.entries({ usr, run, boot, sysroot }))
      root.children.set(byteString(name), node);
    return root;
  });
}

function source(root: Directory): ViewSource {
  return {
    flattened: () => root,
    relabel: (input, how) => {
      const copy = copyTree(input);
      for (const { node, path } of [...walk(copy)]) {
        const value = new Uint8Array(
          Buffer.from(how === 'libselinux' && path.length % 2 === 0 ? 'lib_t' : 'host_t'),
        );
        const xattrs = new Map([...node.metadata.xattrs, [byteString('security.selinux'), value]]);
        node.metadata = { ...node.metadata, xattrs };
      }
      return copy;
    },
  };
}

/** The digest without any work shared. */
function digestOf(root: Directory, settings: ViewSettings): VerityDigest | undefined {
  try {
    return new Remaker(source(root), 'sha512').digest(settings);
  } catch {
    return undefined;
  }
}

test('one or two changes are found, and nothing smaller would do', () => {
  const picked = fc.uniqueArray(fc.constantFrom(...CHOICES), {
    minLength: 1,
    maxLength: 2,
    selector: ({ variable }: Choice) => variable,
  });
  fc.assert(
    fc.property(arbitraryRoot(), picked, (root, changes) => {
      const target = digestOf(root, applyChoices(BASE, changes));
      if (target === undefined) return;
      const goal = new DigestGoal(new Remaker(source(root), 'sha512'), target);
      const { explanations, complete } = searchExplanation(BASE, goal);
      expect(complete).toBe(true);
      expect(explanations.length).toBeGreaterThan(0);
      const size = explanations[0]?.changes.length ?? Number.NaN;
      expect(size).toBeLessThanOrEqual(changes.length);
      for (const found of explanations) {
        expect(found.changes).toHaveLength(size);
        expect(digestOf(root, applyChoices(BASE, found.changes))).toBe(target);
      }
      if (size > 0) expect(digestOf(root, BASE)).not.toBe(target);
      if (size < 2) return;
      for (const one of CHOICES) expect(digestOf(root, applyChoices(BASE, [one]))).not.toBe(target);
    }),
    { numRuns: 60 },
  );
});
