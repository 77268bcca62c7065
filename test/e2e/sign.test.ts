/** `sign` as a user runs it. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { DEMO, planish, planishJson, temporaryDirectory } from '../support/cli.ts';
import { keyFile } from '../support/test-keys.ts';

const work = temporaryDirectory();
const layout = join(work, 'layout');
const built = planishJson(['build', `oci-archive:${DEMO}`, '-o', `oci:${layout}:flat`]);
const KEY = ['--key', keyFile('p256.key'), '--identity', 'registry.example/demo'];

it('says what it signed, and never anything of the key', () => {
  const run = planish(['sign', `oci:${layout}:flat`, ...KEY]);
  expect([run.status, run.stderr]).toEqual([0, '']);
  const { digest } = built.manifest;
  const lines = run.stdout.toString().split('\n');
  expect(lines[0]).toMatch(new RegExp(`^cosign   ${digest} signed by sha256:[0-9a-f]{64}$`));
  expect(lines[1]).toMatch(new RegExp(`^bundle   ${digest} signed by sha256:[0-9a-f]{64}$`));
  expect(lines[2]).toMatch(new RegExp(`^signed oci:${layout}:flat with key [A-Za-z0-9+/]{43}=$`));
  expect(planish(['sign', `oci:${layout}:flat`, ...KEY]).stdout.toString()).toContain(' was signed by ');
});

it('gives the same document with --json, wherever the layout lies', () => {
  const copy = join(work, 'copy');
  cpSync(layout, copy, { recursive: true });
  const first = planishJson(['sign', `oci:${layout}:flat`, ...KEY]);
  const second = planishJson(['sign', `oci:${copy}:flat`, ...KEY]);
  expect({ ...second, reference: first.reference }).toEqual(first);
  expect(first.warnings).toEqual([]);
});

it('takes the passphrase from the environment', () => {
  const args = ['sign', `oci:${layout}:flat`, '--key', keyFile('cosign.key'), '--form', 'bundle'];
  const wrong = planish(args, { env: { PLANISH_KEY_PASSPHRASE: 'guess-work' } });
  expect([wrong.status, wrong.stderr]).toEqual([3, expect.stringContaining('planish: KEY_BAD: ')]);
  expect(wrong.stderr).not.toContain('guess-work');
  expect(planish(args, { env: { PLANISH_KEY_PASSPHRASE: 'secret' } }).status).toBe(0);
});

it('needs a key', () => {
  expect(planish(['sign', `oci:${layout}:flat`]).status).toBe(2);
});
