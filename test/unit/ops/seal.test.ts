/** Choices of `seal`: what they change of the image, and what it holds then. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { checkAuthenticode } from '../../../src/boot/authenticode-verify.ts';
import { readUki } from '../../../src/boot/uki.ts';
import { byteSource } from '../../../src/bytes/byte-source.ts';
import { digest } from '../../../src/ops/hosts/digest.ts';
import { lint } from '../../../src/ops/lint/lint.ts';
import { cat } from '../../../src/ops/look/cat.ts';
import { ls } from '../../../src/ops/look/ls.ts';
import { peSign } from '../../../src/ops/seal/pe.ts';
import { type SealOptions, type SealResult, seal } from '../../../src/ops/seal/seal.ts';
import { attachSignatures } from '../../../src/ops/seal/seal-attach.ts';
import { verify } from '../../../src/ops/verify/verify.ts';
import { type BootableRoot, bootableSource, KERNEL_VERSION } from '../../support/bootable-root.ts';
import { temporaryDirectory } from '../../support/cli.ts';
import { FakeRegistry } from '../../support/fake-registry.ts';
import { keyFile, testCertificate, testSigner } from '../../support/test-keys.ts';
import { makePe } from '../../support/uki-maker.ts';
import { failure } from '../io/sample-image.ts';

const folder = temporaryDirectory();
const UKI = `/boot/EFI/Linux/${KERNEL_VERSION}.efi`;
const MODULES = `usr/lib/modules/${KERNEL_VERSION}`;
const KEYS = { key: keyFile('db.key'), certificate: keyFile('db.crt') };
let serial = 0;

const fresh = (): string => `oci:${join(folder, `out-${serial++}`)}:sealed`;

async function sealed(
  choices: Omit<SealOptions, 'destination'>,
  root: BootableRoot = {},
): Promise<SealResult & { readonly image: string }> {
  const image = fresh();
  return {
    ...(await seal(bootableSource(folder, root), { jobs: 1, ...choices, destination: image })),
    image,
  };
}

async function fileOf(image: string, path: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  await cat(image, path, (piece) => pieces.push(Buffer.from(piece)), { jobs: 1 });
  return Buffer.concat(pieces);
}

async function pathsOf(image: string): Promise<string[]> {
  const { entries } = await ls(image, { jobs: 1, recursive: true, path: '/boot' });
  return entries.map(({ path }) => path);
}

function given(name: string, bytes: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

describe('choices', () => {
  test('without a signature, when asked for', async () => {
    const { files, proof } = await sealed({ unsigned: true });
    expect(files.map(({ signer }) => signer)).toEqual([undefined]);
    expect(proof.files[0]?.signatures).toEqual([]);
  });

  test('a registry as the destination, proven by what is there', async () => {
    const registry = await FakeRegistry.start();
    onTestFinished(() => registry.stop());
    const there = { jobs: 1, registry: { tlsVerify: false } };
    const destination = `docker://${registry.host}/os:42`;
    const { manifest, proof } = await seal(bootableSource(folder), { ...there, ...KEYS, destination });
    expect(proof.files).toHaveLength(1);
    const { manifest: verified, findings } = await verify(destination, {
      ...there,
      certificates: [KEYS.certificate],
    });
    expect({ verified, findings }).toEqual({ verified: manifest.digest, findings: 0 });
  });

  test('a host that reads descriptions of digests', async () => {
    const { argument, image } = await sealed({ ...KEYS, profile: 'cfsctl' });
    const { bootable } = await digest(image, { jobs: 1, profile: 'cfsctl' });
    expect(argument).toBe(`composefs.digest=v1-sha512-12:${bootable}`);
  });

  test('without fs-verity, which lint says', async () => {
    const { argument, image } = await sealed({ ...KEYS, allowMissingVerity: true });
    expect(argument).toMatch(/^composefs=\?[0-9a-f]{128}$/);
    const { findings } = await lint(image, { jobs: 1 });
    expect(findings.map(({ rule }) => rule)).toContain('composefs-optional');
  });

  test('a kernel in /boot, and an initial file system from elsewhere', async () => {
    const kernel = makePe([['.text', 'a kernel of Debian']]);
    const { image } = await sealed(
      { ...KEYS, initrds: [given('initrd', 'another initramfs')] },
      {
        files: {
          [`${MODULES}/vmlinuz`]: undefined,
          [`${MODULES}/initramfs.img`]: undefined,
          [`boot/vmlinuz-${KERNEL_VERSION}`]: kernel,
        },
      },
    );
    expect(await pathsOf(image)).not.toContain(`/boot/vmlinuz-${KERNEL_VERSION}`);
    const uki = await fileOf(image, UKI);
    expect([uki.includes('another initramfs'), uki.includes('a kernel of Debian')]).toEqual([true, true]);
  });

  test('an encrypted key', async () => {
    const key = keyFile('db.pkcs8-encrypted.key');
    const environment = { PLANISH_KEY_PASSPHRASE: 'planish' };
    const { manifest } = await sealed({ ...KEYS, key, environment });
    expect(manifest).toEqual((await sealed(KEYS)).manifest);
  });

  test('several kernels, all named', async () => {
    const second = makePe([['.text', 'a second kernel']]);
    const { files, proof } = await sealed(
      { ...KEYS, kernels: [KERNEL_VERSION, '7.0'] },
      { files: { 'usr/lib/modules/7.0/vmlinuz': second, 'usr/lib/modules/7.0/initramfs.img': 'x' } },
    );
    expect(files.map(({ path }) => path)).toEqual([UKI, '/boot/EFI/Linux/7.0.efi']);
    expect(proof.files.length).toBe(2);
  });
});

describe('addons', () => {
  const plain = given('debug.addon.efi', makePe([['.cmdline', 'debug']]));
  const extra = `${UKI}.extra.d/debug.addon.efi`;

  test('of one UKI and of all are signed, and change nothing of the digest', async () => {
    const all = given('all.addon.efi', makePe([['.cmdline', 'all']]));
    const { image, files, proof } = await sealed({ ...KEYS, ukiAddons: [plain], addons: [all] });
    const shared = '/boot/loader/addons/all.addon.efi';
    expect(files.map(({ path, kind, signer }) => [path, kind, signer])).toEqual([
      [UKI, 'uki', 'CN=planish test db'],
      [extra, 'addon', 'CN=planish test db'],
      [shared, 'addon', 'CN=planish test db'],
    ]);
    for (const path of [extra, shared]) {
      const verdict = checkAuthenticode(byteSource(await fileOf(image, path)), [testCertificate('db')]);
      expect(verdict.verified).toBe(true);
    }
    expect(proof.bootable).toBe((await sealed(KEYS)).proof.bootable);
  });

  test('of several kernels lie beside each UKI', async () => {
    const second = makePe([['.text', 'a second kernel']]);
    const { image } = await sealed(
      { ...KEYS, kernels: [KERNEL_VERSION, '7.0'], ukiAddons: [plain] },
      { files: { 'usr/lib/modules/7.0/vmlinuz': second, 'usr/lib/modules/7.0/initramfs.img': 'x' } },
    );
    expect((await pathsOf(image)).filter((path) => path.endsWith('.addon.efi'))).toEqual([
      extra,
      '/boot/EFI/Linux/7.0.efi.extra.d/debug.addon.efi',
    ]);
  });

  test('that are signed already stay as they are', async () => {
    const vendor = join(folder, 'vendor.addon.efi');
    const kek = { key: keyFile('kek.key'), certificate: keyFile('kek.crt') };
    await peSign(given('unsigned.efi', makePe([['.cmdline', 'vendor']])), vendor, kek);
    const { image, files } = await sealed({ ...KEYS, addons: [vendor] });
    expect(files[1]?.signer).toBeUndefined();
    const path = '/boot/loader/addons/vendor.addon.efi';
    const verdict = checkAuthenticode(byteSource(await fileOf(image, path)), [testCertificate('kek')]);
    expect(verdict.signatures.map(({ anchor }) => anchor)).toEqual(['CN=planish test kek']);
  });

  test('are signed elsewhere with their UKI, each by its path', async () => {
    const { image, request } = await sealed({ signWith: 'detached', ukiAddons: [plain] });
    expect(request?.signatures.map(({ path }) => path)).toEqual([UKI, extra]);
    const signatures = await Promise.all(
      (request?.signatures ?? []).map(async ({ path, toBeSigned }, index) => {
        const bytes = await testSigner('db').sign(Buffer.from(toBeSigned, 'base64'), 'sha256');
        return { path, file: given(`signature-${index}`, bytes) };
      }),
    );
    const destination = fresh();
    const options = { jobs: 1, destination, certificate: keyFile('db.crt') };
    await attachSignatures(image, { ...options, signatures });
    const direct = await sealed({ ...KEYS, ukiAddons: [plain] });
    for (const path of [UKI, extra])
      expect((await fileOf(destination, path)).equals(await fileOf(direct.image, path))).toBe(true);
  });
});

test('a signature of another file is refused', async () => {
  const { request } = await sealed({ signWith: 'detached' });
  const toBeSigned = Buffer.from(request?.signatures[0]?.toBeSigned ?? '', 'base64');
  const file = given('signature-of-another', await testSigner('db').sign(toBeSigned, 'sha256'));
  const { image } = await sealed({ signWith: 'detached' }, { files: { 'etc/hostname': 'other' } });
  expect(readUki(byteSource(await fileOf(image, UKI))).missing).toEqual([]);
  const options = { jobs: 1, destination: fresh(), certificate: keyFile('db.crt') };
  const error = await failure(() => attachSignatures(image, { ...options, signatures: [{ file }] }));
  expect([error.code, error.message]).toEqual([
    'SIGNATURE_INVALID',
    'what came is no signature of this file by the key of CN=planish test db',
  ]);
});

test('keeps the order of the image before in what it writes anew', async () => {
  const choices = { ...KEYS, compression: 'none' } as const;
  const before = await sealed(choices, { files: { 'opt/a/m': 'm' } });
  const root = { files: { 'opt/a/m': 'm', 'opt/a/b': 'new' } };
  const after = await sealed({ ...choices, previous: before.image, order: 'previous' }, root);
  const byPath = await sealed({ ...choices, previous: before.image }, root);
  expect([after, byPath].map((image) => namesOf(image).slice(-2))).toEqual([
    ['opt/a/m', 'opt/a/b'],
    ['opt/a/b', 'opt/a/m'],
  ]);
  expect(after.digests).toEqual(byPath.digests);
});

/** Names in the tar of the layer that holds `/opt/a`. */
function namesOf({ layers, image }: SealResult & { readonly image: string }): string[] {
  const digest = layers.find(({ components }) => components.includes('rest/opt/a'))?.digest ?? '';
  const blob = join(image.split(':')[1] ?? '', 'blobs', ...digest.split(':'));
  return execFileSync('tar', ['-tf', blob], { encoding: 'utf8' }).trimEnd().split('\n');
}
