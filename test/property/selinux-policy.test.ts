/** Whatever a policy and a tree hold: a label by the rules, or an error with a name. */

import { expect, test } from 'vitest';
import { byteString } from '../../src/bytes/byte-string.ts';
import { PlanishError } from '../../src/errors.ts';
import { explainLabel, labelDifferences } from '../../src/selinux/explain.ts';
import type { LabelMode } from '../../src/selinux/file-contexts.ts';
import { labelTree } from '../../src/selinux/label.ts';
import { walk } from '../../src/tree/walk.ts';
import { arbitraryTree } from '../support/arbitraries.ts';
import { fc } from '../support/property.ts';
import {
  arbitraryRegex,
  labelLines,
  labelText,
  type PolicyTexts,
  policyOf,
} from '../support/selinux-policies.ts';
import { render } from '../support/tree-builder.ts';

const MODES: readonly LabelMode[] = ['host', 'libselinux'];

const rule = fc
  .tuple(
    fc.constantFrom('/', '/.*', '/[^/]+', '/./', ''),
    arbitraryRegex(),
    fc.constantFrom('', '-- ', '-d ', '-l '),
    fc.nat({ max: 3 }),
  )
  .map(
    ([start, regex, type, label]) => `${start}${regex} ${type}${label === 0 ? '<<none>>' : `x:${label}`}\n`,
  )
  .filter((line) => !line.startsWith(' '));

const alias = fc
  .tuple(fc.constantFrom('/a', '/b', '/a/b', '/usr'), fc.constantFrom('/a', '/b/a', '/', '/z'))
  .map((pair) => `${pair.join(' ')}\n`);

const texts: fc.Arbitrary<PolicyTexts> = fc.record({
  contexts: fc.array(rule, { maxLength: 6 }).map((lines) => lines.join('')),
  local: fc.option(rule, { nil: undefined }),
  homedirs: fc.option(rule, { nil: undefined }),
  subs: fc.option(
    fc.array(alias, { maxLength: 2 }).map((lines) => lines.join('')),
    { nil: undefined },
  ),
  subsDist: fc.option(
    fc.array(alias, { maxLength: 2 }).map((lines) => lines.join('')),
    { nil: undefined },
  ),
});

test('a labelled tree is that tree with the label that each path is explained to have', () => {
  fc.assert(
    fc.property(arbitraryTree(), texts, fc.constantFrom(...MODES), (root, policyTexts, mode) => {
      const policy = policyOf(policyTexts, mode);
      const before = render(root);
      const { root: labelled, split, labelled: count, unlabelled } = labelTree(root, policy);
      expect(render(root)).toEqual(before);
      const names = [...walk(labelled)];
      for (const { path, node } of names)
        expect(labelText(node)).toBe(explainLabel(policy, path, node.type).label);
      expect(count + unlabelled).toBe(names.length);
      expect(names.filter(({ node }) => labelText(node) !== undefined)).toHaveLength(count);
      const further = (tree: typeof root): number =>
        [...walk(tree)].filter(({ firstPath }) => firstPath !== undefined).length;
      expect(further(labelled)).toBe(further(root) - split.length);
      expect(labelLines(labelTree(labelled, policy).root)).toEqual(labelLines(labelled));
      expect(render(labelTree(labelled, undefined).root).length).toBe(before.length);
    }),
    { numRuns: 300 },
  );
});

test('differences are where the labels of the two readings differ', () => {
  fc.assert(
    fc.property(arbitraryTree(), texts, (root, policyTexts) => {
      const [host, libselinux] = [policyOf(policyTexts, 'host'), policyOf(policyTexts, 'libselinux')];
      const paths = [...walk(root)].filter(
        ({ path, node }) =>
          explainLabel(host, path, node.type).label !== explainLabel(libselinux, path, node.type).label,
      );
      expect(labelDifferences(root, host, libselinux).map(({ path }) => path)).toEqual(
        paths.map(({ path }) => path),
      );
    }),
    { numRuns: 200 },
  );
});

test('a policy that is cut or damaged is read, or refused with a name', () => {
  const whole =
    '# rules\n/usr(/.*)?\t--\tx:usr\n/etc/[^/]{2,3}\\.conf\tx:conf\n/(?!a)[[:alpha:]]+\\x20?\t<<none>>\n/a*+b\t-d\tx:e\n# \xc3\xa9\n';
  const subs = '# aliases\n/lib /usr/lib\n';
  const at = fc.nat({ max: whole.length - 1 });
  const damage = fc.oneof(
    at.map((end) => whole.slice(0, end)),
    fc
      .tuple(at, fc.nat({ max: 255 }))
      .map(([place, byte]) => whole.slice(0, place) + String.fromCharCode(byte) + whole.slice(place + 1)),
    fc.tuple(at, at).map(([from, to]) => whole.slice(0, from) + whole.slice(to)),
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
  );
  fc.assert(
    fc.property(damage, fc.boolean(), fc.constantFrom(...MODES), (text, asSubs, mode) => {
      try {
        const policy = policyOf(asSubs ? { contexts: whole, subs: text } : { contexts: text, subs }, mode);
        for (const path of ['/', '/usr/lib/x', '/etc/ab.conf', '/lib/x', '/b '])
          explainLabel(policy, byteString(path), 'regular');
      } catch (error) {
        expect(error).toBeInstanceOf(PlanishError);
        expect((error as PlanishError).code).toMatch(/^(?:SELINUX_BAD_POLICY|LIMIT_EXCEEDED)$/);
      }
    }),
    { numRuns: 3000 },
  );
});
