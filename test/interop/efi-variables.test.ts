/** Signature lists and authenticated variables against efitools, byte for byte. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  encodeAuthenticatedVariable,
  encodeSignatureLists,
  type SecureVariable,
} from '../../src/boot/efi-variables.ts';
import { temporaryDirectory } from '../support/cli.ts';
import { hasTool } from '../support/composefs-tools.ts';
import { keyFile, testCertificate, testSigner } from '../support/test-keys.ts';

const folder = temporaryDirectory();
const OWNER = '11223344-5566-7788-99aa-bbccddeeff00';
const hasTools = hasTool('sign-efi-sig-list', 'EFI variables against efitools');

/** efitools convert times to those of the machine. */
function run(tool: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(tool, args, { env: { ...process.env, TZ: 'UTC' } });
  if (status !== 0) throw new Error(`${tool}: ${stderr}`);
}

/** The lists of a certificate by cert-to-efi-sig-list. */
function listFile(name: string): string {
  const file = join(folder, `${name}.esl`);
  run('cert-to-efi-sig-list', ['-g', OWNER, keyFile(`${name}.crt`), file]);
  return file;
}

describe.skipIf(!hasTools)('efitools', () => {
  test.each(['pk', 'kek', 'db', 'rsa3072', 'p256'])('the signature list of %s', (name) => {
    const ours = encodeSignatureLists([testCertificate(name)], OWNER);
    expect(Buffer.from(ours).toString('hex')).toBe(readFileSync(listFile(name)).toString('hex'));
  });

  test.each<[SecureVariable, string, string]>([
    ['PK', 'pk', 'pk'],
    ['KEK', 'kek', 'pk'],
    ['db', 'db', 'kek'],
    ['dbx', 'other', 'kek'],
    ['db', 'db', 'rsa3072'],
  ])('%s of %s signed by %s', async (name, certificate, by) => {
    const theirs = join(folder, `${name}.auth`);
    const key = ['-k', keyFile(`${by}.key`), '-c', keyFile(`${by}.crt`)];
    run('sign-efi-sig-list', ['-t', '2026-11-26 15:04:05', ...key, name, listFile(certificate), theirs]);
    const value = encodeSignatureLists([testCertificate(certificate)], OWNER);
    const time = Date.UTC(2026, 10, 26, 15, 4, 5) / 1000;
    const ours = await encodeAuthenticatedVariable(
      { name, value, time },
      testCertificate(by),
      testSigner(by),
    );
    expect(Buffer.from(ours).toString('hex')).toBe(readFileSync(theirs).toString('hex'));
  });
});
