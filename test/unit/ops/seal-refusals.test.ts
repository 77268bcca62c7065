/** What `seal` refuses: one error that says why, and nothing is written. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, test } from 'vitest';
import { peSign } from '../../../src/ops/seal/pe.ts';
import { type SealOptions, seal } from '../../../src/ops/seal/seal.ts';
import { type BootableRoot, bootableSource, KERNEL_VERSION } from '../../support/bootable-root.ts';
import { temporaryDirectory as newDirectory } from '../../support/cli.ts';
import { keyFile } from '../../support/test-keys.ts';
import { makePe, makeStub, makeUki, SECTION_TABLE_AT } from '../../support/uki-maker.ts';
import { failure } from '../io/sample-image.ts';

type Choices = Omit<SealOptions, 'destination'>;

const folder = newDirectory();
const STUB = 'usr/lib/systemd/boot/efi/linuxx64.efi.stub';
const UKI = `/boot/EFI/Linux/${KERNEL_VERSION}.efi`;
/** In 2026. */
const NOW = 1_795_000_000;
let serial = 0;

function pair(key: string, certificate: string): Choices {
  return { key: keyFile(key), certificate: keyFile(certificate) };
}
const KEYS = pair('db.key', 'db.crt');

/** The error as one line. Demands that neither the destination nor a temporary file is left. */
async function refusal(root: BootableRoot, choices: Choices): Promise<string> {
  const arena = join(folder, `arena-${serial++}`);
  const temporaryDirectory = join(arena, 'tmp');
  mkdirSync(temporaryDirectory, { recursive: true });
  const destination = `oci:${join(arena, 'out')}:sealed`;
  const source = bootableSource(arena, root);
  const error = await failure(() =>
    seal(source, { jobs: 1, time: NOW, temporaryDirectory, ...choices, destination }),
  );
  expect(existsSync(join(arena, 'out'))).toBe(false);
  expect(readdirSync(temporaryDirectory)).toEqual([]);
  const { expected, actual } = error.detail;
  const place = error.detail.path ?? error.detail.file?.replace(/.*\//, '');
  const where = place === undefined ? '' : ` (${place})`;
  const what = expected === undefined ? '' : ` [${expected}, not ${actual}]`;
  return `${error.code}: ${error.message}${where}${what}`;
}

const ADDON = makePe([['.cmdline', 'debug']]);

/** A file that is named on the command line. */
function given(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

async function signedStub(): Promise<Buffer> {
  const output = join(folder, 'signed.stub');
  await peSign(given('plain.stub', makeStub()), output, KEYS);
  return readFileSync(output);
}

const SIGNED_STUB = await signedStub();

function overlappingStub(): Buffer {
  const stub = makeStub();
  stub.copy(stub, SECTION_TABLE_AT + 60, SECTION_TABLE_AT + 20, SECTION_TABLE_AT + 24);
  return stub;
}

/** Without sections, and cut where their table begins. */
function headersBeyondEnd(): Buffer {
  const stub = makeStub().subarray(0, SECTION_TABLE_AT);
  stub.writeUInt16LE(0, stub.readUInt32LE(0x3c) + 6);
  return stub;
}

function foreignStub(): Buffer {
  const stub = makeStub();
  stub.writeUInt16LE(0xaa64, stub.readUInt32LE(0x3c) + 4);
  return stub;
}

describe('what cannot be sealed is one error, and nothing is written', () => {
  const modules = `usr/lib/modules/${KERNEL_VERSION}`;
  const vmlinuz = `${modules}/vmlinuz`;
  test.each<[string, BootableRoot, Choices, string]>([
    [
      'no kernel',
      { files: { [vmlinuz]: undefined } },
      KEYS,
      'NOT_BOOTABLE: the image holds no kernel (/usr/lib/modules)',
    ],
    [
      'no initial file system',
      { files: { [`${modules}/initramfs.img`]: undefined } },
      KEYS,
      `NOT_BOOTABLE: kernel ${KERNEL_VERSION} has no initial file system (/${vmlinuz})`,
    ],
    [
      'no os-release',
      { files: { 'usr/lib/os-release': undefined } },
      KEYS,
      'NOT_BOOTABLE: the image has no os-release (/usr/lib/os-release)',
    ],
    [
      'no stub',
      { files: { [STUB]: undefined } },
      KEYS,
      'NOT_BOOTABLE: the image has no stub to make a UKI with (/usr/lib/systemd/boot/efi/linuxx64.efi.stub)',
    ],
    [
      'no /boot',
      { without: ['boot'] },
      KEYS,
      'HOST_TREE_INVALID: the tree has no /boot, so hosts compute no bootable digest of it (/boot)',
    ],
    [
      'no /sysroot',
      { without: ['sysroot'] },
      KEYS,
      'HOST_TREE_INVALID: the tree has no /sysroot, so hosts compute no bootable digest of it (/sysroot)',
    ],
    [
      'a kernel that is no program',
      { files: { [vmlinuz]: 'a script'.repeat(20) } },
      KEYS,
      `PE_BAD_IMAGE: the kernel is no EFI program: not a PE file: it does not begin with MZ (/${vmlinuz})`,
    ],
    [
      'a UKI that is there already',
      { files: { [UKI.slice(1)]: 'x'.repeat(100) } },
      KEYS,
      `NOT_BOOTABLE: the image holds a UKI already (${UKI})`,
    ],
    [
      'boot loader entries',
      { files: { 'boot/loader/entries/a.conf': 'title a\n' } },
      KEYS,
      'NOT_BOOTABLE: hosts refuse images that ship boot loader entries (/boot/loader/entries/a.conf)',
    ],
    [
      'a second kernel',
      { files: { 'usr/lib/modules/7.0/vmlinuz': 'x' } },
      KEYS,
      `NOT_BOOTABLE: the image holds several kernels: ${KERNEL_VERSION}, 7.0`,
    ],
    [
      'a stub that is none',
      { files: { [STUB]: 'MZ' } },
      KEYS,
      `PE_BAD_IMAGE: the file ends within the DOS header (/${STUB})`,
    ],
    [
      'kernel arguments with another digest',
      { files: { 'usr/lib/bootc/kargs.d/30.toml': 'kargs = ["composefs=00"]\n' } },
      KEYS,
      'NOT_BOOTABLE: a kernel argument names a composefs digest (/usr/lib/bootc/kargs.d/30.toml)',
    ],
    [
      'kernel arguments that are malformed',
      { files: { 'usr/lib/bootc/kargs.d/30.toml': 'kargs = 1\n' } },
      KEYS,
      'NOT_BOOTABLE: kernel arguments: expected "[" (/usr/lib/bootc/kargs.d/30.toml)',
    ],
    [
      'a given digest',
      {},
      { ...KEYS, kargs: ['composefs=?00'] },
      'BAD_OPTION: a kernel argument names a composefs digest',
    ],
    [
      'an open quote',
      {},
      { ...KEYS, kargs: ['a="b'] },
      'BAD_OPTION: a kernel argument has a quote that is not closed',
    ],
    [
      'a line end',
      {},
      { ...KEYS, kargs: ['a\nb'] },
      'BAD_OPTION: a kernel argument holds a control character',
    ],
    [
      'no key',
      {},
      { certificate: keyFile('db.crt') },
      'BAD_OPTION: either a key or a signing command is needed: --key or --sign-with',
    ],
    ['no certificate', {}, { key: keyFile('db.key') }, 'BAD_OPTION: a certificate is needed: --cert FILE'],
    [
      'another key',
      {},
      pair('other.key', 'db.crt'),
      'KEY_MISMATCH: the private key is not that of the certificate of CN=planish test db',
    ],
    [
      'a small key',
      {},
      pair('small.key', 'small.crt'),
      'KEY_BAD: the RSA key of a certificate is too small (small.crt) [2048 bits, not 1024 bits]',
    ],
    [
      'an elliptic key',
      {},
      pair('p256.key', 'p256.crt'),
      'KEY_BAD: firmware takes RSA keys only, and the certificate has another (p256.crt)',
    ],
    [
      'an expired certificate',
      {},
      pair('db.key', 'expired.crt'),
      'CERTIFICATE_BAD: the certificate of CN=planish test expired expired on 2021-01-01',
    ],
    [
      'a certificate for servers',
      {},
      pair('db.key', 'tls.crt'),
      'CERTIFICATE_BAD: the certificate of CN=planish test tls is not for code: its extended key usage lacks codeSigning',
    ],
    [
      'a command that fails',
      {},
      { certificate: keyFile('db.crt'), signWith: 'exec:exit 7' },
      'SIGNER_FAILED: the signing command failed with status 7',
    ],
    [
      'a host without boot',
      {},
      { ...KEYS, profile: 'mkcomposefs' },
      'BAD_OPTION: the profile mkcomposefs makes no bootable images',
    ],
    [
      'a stub that is signed already',
      { files: { [STUB]: SIGNED_STUB } },
      KEYS,
      `PE_BAD_IMAGE: the stub is signed already (/${STUB})`,
    ],
    [
      'a stub whose sections overlap',
      { files: { [STUB]: overlappingStub() } },
      KEYS,
      `PE_BAD_IMAGE: section ".sbat" overlaps what is before it (/${STUB})`,
    ],
    [
      'a stub whose headers have no room',
      { files: { [STUB]: makePe([['.text', 'code']]) } },
      KEYS,
      `PE_BAD_IMAGE: the stub has no room in its headers for section ".uname" (/${STUB})`,
    ],
    [
      'a stub that ends within what it says are its headers',
      { files: { [STUB]: headersBeyondEnd() } },
      KEYS,
      `PE_BAD_IMAGE: the headers of the stub end behind it (/${STUB})`,
    ],
    [
      'a stub for another machine',
      { files: { [STUB]: foreignStub() } },
      KEYS,
      `PE_BAD_IMAGE: the stub is for another machine than the kernel (/${STUB}) [0x8664, not 0xaa64]`,
    ],
    [
      'a given stub that has no room',
      {},
      { ...KEYS, stub: given('full.stub', makePe([['.text', 'code']])) },
      'PE_BAD_IMAGE: the stub has no room in its headers for section ".uname" (full.stub)',
    ],
    ...(['.linux', '.profile', '.pcrsig', '.dtb'] as const).map(
      (name): [string, BootableRoot, Choices, string] => [
        `a given stub with ${name}`,
        {},
        {
          ...KEYS,
          stub: given(
            `with${name}.stub`,
            makePe(
              [
                ['.text', 'code'],
                [name, 'content'],
              ],
              16,
            ),
          ),
        },
        `PE_BAD_IMAGE: the stub has section "${name}": it is no stub, but a UKI (with${name}.stub)`,
      ],
    ),
    [
      'a given stub that is cut',
      {},
      { ...KEYS, stub: given('cut.stub', makeStub().subarray(0, 700)) },
      'PE_BAD_IMAGE: section ".text" ends beyond the file (cut.stub) [2048 bytes, not 700 bytes]',
    ],
    [
      'a kernel that is named and not there',
      {},
      { ...KEYS, kernels: ['9.9'] },
      'BAD_OPTION: the image has no kernel of that version',
    ],
    [
      'a key of no certificate, and nothing to sign',
      {},
      { ...KEYS, unsigned: true },
      'BAD_OPTION: a key was given, and nothing is to be signed',
    ],
    [
      'an addon by another name',
      {},
      { ...KEYS, addons: [given('x.efi', ADDON)] },
      'BAD_OPTION: the name of an addon must end in .addon.efi (x.efi)',
    ],
    [
      'an addon by no name',
      {},
      { ...KEYS, ukiAddons: [given('.addon.efi', ADDON)] },
      'BAD_OPTION: the name of an addon must end in .addon.efi (.addon.efi)',
    ],
    [
      'an addon that is no program',
      {},
      { ...KEYS, addons: [given('text.addon.efi', Buffer.alloc(200))] },
      'PE_BAD_IMAGE: not a PE file: it does not begin with MZ (text.addon.efi)',
    ],
    [
      'an addon that is a UKI',
      {},
      { ...KEYS, ukiAddons: [given('uki.addon.efi', makeUki({}))] },
      'NOT_BOOTABLE: an addon holds a kernel: it is a UKI (uki.addon.efi)',
    ],
    [
      'an addon with a digest',
      {},
      { ...KEYS, addons: [given('digest.addon.efi', makePe([['.cmdline', 'composefs=00']]))] },
      'NOT_BOOTABLE: an addon names a composefs digest, which only a UKI may (digest.addon.efi)',
    ],
  ])('%s', async (_, root, choices, expected) => {
    expect(await refusal(root, choices)).toBe(expected);
  });
});

test('a locked key, of which nothing is said', async () => {
  const error = await failure(() =>
    seal(bootableSource(folder), {
      ...pair('db.pkcs8-encrypted.key', 'db.crt'),
      environment: { PLANISH_KEY_PASSPHRASE: 'hunter2' },
      destination: `oci:${join(folder, 'locked')}:sealed`,
      jobs: 1,
    }),
  );
  expect(error.code).toBe('KEY_BAD');
  expect(error.message).toBe('a private key cannot be decrypted: the passphrase is wrong');
  expect(inspect(error, { depth: 9 })).not.toContain('hunter2');
  expect(existsSync(join(folder, 'locked'))).toBe(false);
});
