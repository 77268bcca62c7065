/** Digests and command lines against bootc itself: what its releases printed is kept, see `fixtures/bootc/README.md`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { readUki } from '../../src/boot/uki.ts';
import { byteSource } from '../../src/bytes/byte-source.ts';
import { digest } from '../../src/ops/hosts/digest.ts';
import { digestAll } from '../../src/ops/hosts/digest-all.ts';
import { cat } from '../../src/ops/look/cat.ts';
import { seal } from '../../src/ops/seal/seal.ts';
import { bootableSource, KERNEL_VERSION } from '../support/bootable-root.ts';
import { temporaryDirectory } from '../support/cli.ts';

interface Printed {
  /** Which release printed it, and of what. */
  readonly by: string;
  /** Of ours, whose rules that is. */
  readonly profile: 'bootc' | 'bootc-1.16.0' | 'bootc-1.16.3';
  readonly digest: string;
}

const FIXTURES = fileURLToPath(new URL('../../fixtures/bootc/', import.meta.url));
const printed: readonly Printed[] = JSON.parse(readFileSync(`${FIXTURES}small.expect.json`, 'utf8')).digests;
const folder = temporaryDirectory();
const tar = join(folder, 'small.tar');
writeFileSync(tar, gunzipSync(readFileSync(`${FIXTURES}small.tar.gz`)));

test.each(printed)('a tree has the digest that bootc prints: $by', async ({ profile, digest: theirs }) => {
  expect((await digest(`tar:${tar}`, { profile })).bootable).toBe(theirs);
});

test('the tree tells all hosts that boot apart', async () => {
  const { profiles } = await digestAll(`tar:${tar}`);
  const bootable = profiles.flatMap(({ bootable: found }) => (found === undefined ? [] : [found.digest]));
  expect(new Set(bootable).size).toBe(5);
});

test('the command line of a UKI is that of bootc container ukify', async () => {
  const { files, kargs, cmdline } = JSON.parse(readFileSync(`${FIXTURES}kargs.expect.json`, 'utf8'));
  const own = ['10-console.toml', '20-arm.toml'].map((name) => [name, undefined]);
  const given = [...own, ...Object.entries(files)].map(([name, text]) => [
    `usr/lib/bootc/kargs.d/${name}`,
    text,
  ]);
  const image = `oci:${join(folder, 'sealed')}:t`;
  const source = bootableSource(folder, { files: Object.fromEntries(given) });
  const options = { jobs: 1, unsigned: true, kargs, destination: image };
  const { argument } = await seal(source, options);
  const pieces: Buffer[] = [];
  await cat(image, `/boot/EFI/Linux/${KERNEL_VERSION}.efi`, (piece) => pieces.push(Buffer.from(piece)));
  const uki = readUki(byteSource(Buffer.concat(pieces)));
  expect(uki.cmdline?.replace(argument, `composefs=${'7'.repeat(128)}`)).toBe(cmdline);
});
