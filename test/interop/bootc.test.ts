/** Bootable digests against bootc itself: what its releases printed is kept, see `fixtures/bootc/README.md`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { digest } from '../../src/ops/hosts/digest.ts';
import { digestAll } from '../../src/ops/hosts/digest-all.ts';
import { temporaryDirectory } from '../support/cli.ts';

interface Printed {
  readonly release: string;
  /** Of ours, whose rules that release has. */
  readonly profile: 'bootc' | 'bootc-1.16.3' | 'bootc-1.15';
  readonly digest: string;
}

const FIXTURES = fileURLToPath(new URL('../../fixtures/bootc/', import.meta.url));
const printed: readonly Printed[] = JSON.parse(readFileSync(`${FIXTURES}small.expect.json`, 'utf8')).digests;
const folder = temporaryDirectory();
const tar = join(folder, 'small.tar');
writeFileSync(tar, gunzipSync(readFileSync(`${FIXTURES}small.tar.gz`)));

test.each(printed)('a tree has the digest of bootc $release', async ({ profile, digest: theirs }) => {
  expect((await digest(`tar:${tar}`, { profile })).bootable).toBe(theirs);
});

test('the tree tells all hosts that boot apart', async () => {
  const { profiles } = await digestAll(`tar:${tar}`);
  const bootable = profiles.flatMap(({ bootable: found }) => (found === undefined ? [] : [found.digest]));
  expect(new Set(bootable).size).toBe(5);
});
