/** Optional groups: layers of their own, and images without them. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DEMO, planish, planishJson, temporaryDirectory } from '../support/cli.ts';

const source = `oci-archive:${DEMO}`;

function groupsFile(groups: unknown): string {
  const file = join(temporaryDirectory(), 'groups.json');
  writeFileSync(file, JSON.stringify({ groups }));
  return file;
}

interface Layer {
  readonly digest: string;
  readonly components: string[];
}

const FILE = groupsFile({
  net: { components: ['dpkg/iputils', 'dpkg/netbase'], layers: 2 },
  certificates: ['dpkg/ca-*', 'user/ca-bundle'],
});

function built(options: readonly string[]): { image: string; layers: Layer[]; layout: string } {
  const layout = join(temporaryDirectory(), 'image');
  const image = `oci:${layout}:x`;
  const { layers } = planishJson(['build', source, '-o', image, '--max-layers', '6', ...options]);
  return { image, layers, layout };
}

test('each group has layers of its own, which the manifest lists', () => {
  const { image, layers } = built(['--groups', FILE]);
  const members = layers.map(({ components }) => components.join(' '));
  expect(members.slice(-4)).toEqual([
    'dpkg/ca-certificates user/ca-bundle',
    'dpkg/netbase',
    'dpkg/iputils',
    expect.stringContaining('@db'),
  ]);
  const { annotations, layers: inspected } = planishJson(['inspect', image]);
  const [certificates, ...net] = layers.slice(-4, -1).map(({ digest }) => digest);
  expect(JSON.parse(annotations['org.planish.groups'])).toEqual({ certificates: [certificates], net });
  expect(inspected.at(-2).annotations['org.planish.group']).toBe('net');
});

test('without a group the other layers stay what they are, and the image is valid', () => {
  const whole = built(['--groups', FILE]);
  const rest = built(['--groups', FILE, '--without', 'net']);
  const gone = whole.layers.slice(-3, -1).map(({ digest }) => digest);
  expect(rest.layers.map(({ digest }) => digest)).toEqual(
    whole.layers.map(({ digest }) => digest).filter((digest) => !gone.includes(digest)),
  );
  expect(planish(['verify', rest.image]).status).toBe(0);
  const { differences } = planishJsonOfDiff(source, rest.image);
  const kinds = new Set(differences.map(({ kind }) => kind));
  expect([...kinds]).toEqual(['removed']);
  expect(differences.map(({ path }) => path)).toContain('/etc/services');
  const { annotations } = planishJson(['inspect', rest.image]);
  expect(Object.keys(JSON.parse(annotations['org.planish.groups']))).toEqual(['certificates']);
});

function planishJsonOfDiff(a: string, b: string): { differences: { path: string; kind: string }[] } {
  return JSON.parse(planish(['--json', 'diff', a, b, '--no-nanoseconds']).stdout.toString());
}

test.each([
  ['the database', { all: ['@db'] }, '@db is needed by everything, and cannot be in all'],
  ['a component of two groups', { a: ['dpkg/busybox'], b: ['dpkg/busy*'] }, 'dpkg/busybox is in a and in b'],
  ['a name that is none', { 'a b': ['x'] }, 'a b cannot name a group'],
  ['no layers', { a: { components: ['x'], layers: 0 } }, 'the layers of a are no whole number from 1'],
  ['an unknown field', { a: { component: 'x' } }, 'a has the unknown field component'],
])('%s is refused', (_, groups, message) => {
  const run = planish(['plan', source, '--groups', groupsFile(groups)]);
  expect([run.status, run.stderr]).toEqual([2, expect.stringContaining(`GROUPS_BAD: groups: ${message}`)]);
});

test('a group that is not there cannot be left out; one that is empty is said to be', () => {
  const run = planish(['plan', source, '--groups', FILE, '--without', 'nothing']);
  expect([run.status, run.stderr]).toEqual([2, expect.stringContaining('no such group to leave out')]);
  const { warnings } = planishJson(['plan', source, '--groups', groupsFile({ a: ['dpkg/none'] })]);
  expect(warnings.map(({ code }: { code: string }) => code)).toEqual(['COMPONENT_SETTING']);
});

test('groups that need more layers than there are, and more than Docker takes', () => {
  const run = planish(['plan', source, '--max-layers', '3', '--groups', FILE]);
  expect([run.status, run.stderr]).toEqual([
    2,
    expect.stringContaining('fewer layers than groups of files ask for'),
  ]);
  const { warnings } = planishJson(['plan', source, '--max-layers', '200']);
  expect(warnings.map(({ message }: { message: string }) => message)).toEqual([
    'up to 200 layers are allowed; Docker takes no more than 125',
  ]);
  expect(planishJson(['plan', source, '--max-layers', '1']).layers).toHaveLength(1);
  expect(planish(['plan', source, '--max-layers', '501']).status).toBe(2);
});

test('explain: who claimed a file', () => {
  const { explanation } = planishJson(['plan', source, '--explain', '/usr/bin/busybox', '--max-layers', '4']);
  expect(explanation).toMatchObject({
    component: 'dpkg/busybox',
    source: 'dpkg',
    claims: [{ source: 'dpkg', component: 'dpkg/busybox' }],
    reason: 'cheapest',
    rate: 10_363,
    changes: { days: 9, release: 2, security: 1, development: 6 },
  });
  const text = planish([
    'plan',
    source,
    '--explain',
    '/usr/bin/busybox',
    '--max-layers',
    '4',
  ]).stdout.toString();
  expect(text).toContain(
    '\nchanges    once in 96 weeks, by 9 known: 2 for a release, 1 for security, 6 for development\n',
  );
  expect(explanation.cost).toBeLessThanOrEqual(explanation.elsewhere.cost);
  expect(planish(['plan', source, '--explain', '/usr']).stderr).toContain('PATH_NOT_FOUND');
});
