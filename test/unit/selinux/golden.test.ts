/** Policies of the fixtures: every path has the label that composefs-rs and libselinux give it. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { explainLabel, labelDifferences } from '../../../src/selinux/explain.ts';
import { labelTree } from '../../../src/selinux/label.ts';
import { lookup } from '../../../src/tree/walk.ts';
import {
  labelText,
  type PolicyTexts,
  policyOf,
  SUFFIXES,
  treeOfPaths,
} from '../../support/selinux-policies.ts';

const FIXTURES = new URL('../../../fixtures/selinux/', import.meta.url);

type Labels = Readonly<Record<string, string | null>>;

function read(name: string): string | undefined {
  const file = new URL(name, FIXTURES);
  return existsSync(file) ? readFileSync(file, 'latin1') : undefined;
}

function texts(name: string): PolicyTexts {
  const found = Object.entries(SUFFIXES).map(([file, suffix]) => [
    file,
    read(`${name}.file_contexts${suffix}`),
  ]);
  return Object.fromEntries(found) as PolicyTexts;
}

test.each([
  ['small', 5],
  ['debian-12', 0],
])('%s', (name, differing) => {
  const expected = JSON.parse(read(`${name}.expect.json`) as string) as Record<'host' | 'libselinux', Labels>;
  const root = treeOfPaths((read(`${name}.paths`) as string).trimEnd().split('\n'));
  for (const mode of ['host', 'libselinux'] as const) {
    const policy = policyOf(texts(name), mode);
    const labelled = labelTree(root, policy).root;
    const labels = Object.keys(expected[mode]).map((path) => {
      const node = lookup(labelled, byteString(path));
      const explained = explainLabel(policy, byteString(path), node?.type ?? 'regular').label;
      expect(explained).toBe(labelText(node));
      return [path, labelText(node) ?? null];
    });
    expect(Object.fromEntries(labels)).toEqual(expected[mode]);
  }
  const differences = labelDifferences(
    root,
    policyOf(texts(name), 'host'),
    policyOf(texts(name), 'libselinux'),
  );
  expect(differences.filter(({ path }) => path in expected.host)).toHaveLength(differing);
});
