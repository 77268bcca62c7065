/** `pe` and `enroll` as a user runs them, and addons that `seal` signs, against sbverify, pesign and efitools. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { prepareAuthenticode } from '../../src/boot/authenticode.ts';
import { byteSource } from '../../src/bytes/byte-source.ts';
import { bootableSource, KERNEL_VERSION } from '../support/bootable-root.ts';
import { planish, planishJson, temporaryDirectory } from '../support/cli.ts';
import { hasTool, runTool } from '../support/composefs-tools.ts';
import { keyFile, testSigner } from '../support/test-keys.ts';
import { trixieFile } from '../support/trixie.ts';
import { makePe, makeUki } from '../support/uki-maker.ts';

const folder = temporaryDirectory();
const canSbverify = hasTool('sbverify', 'signatures by pe and seal against sbverify');
const canPesign = hasTool('pesign', 'digests by pe hash against pesign');
const stub = trixieFile('usr/lib/systemd/boot/efi/addonx64.efi.stub', 'pe hash against pesign');
const canEfitools = hasTool('sign-efi-sig-list', 'enroll against efitools');

const KEYS = ['--key', keyFile('db.key'), '--cert', keyFile('db.crt')];
const cert = (name: string): string[] => ['--cert', keyFile(`${name}.crt`)];

function given(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

function sbverify(certificate: string, file: string): number | null {
  return runTool('sbverify', ['--cert', keyFile(`${certificate}.crt`), file]).status;
}

/** Status, standard output and error of a run without `--json`. */
function said(args: readonly string[]): string {
  const { status, stdout, stderr } = planish(args);
  return `${status} ${stdout.toString()}${stderr}`.trim();
}

const plain = given('os.efi', makeUki({ cmdline: 'rw' }));
const signed = join(folder, 'signed.efi');
const made = planishJson(['pe', 'sign', plain, '-o', signed, ...KEYS]);

describe('pe', () => {
  test('sections lists what the file holds, as a table and as a document', () => {
    const document = planishJson(['pe', 'sections', plain]);
    expect(document.machine).toBe(0x8664);
    expect(document.size).toBe(readFileSync(plain).length);
    expect(document.signatures).toBe(0);
    expect(document.sections.map(({ name }: { name: string }) => name)).toEqual([
      '.osrel',
      '.cmdline',
      '.linux',
      '.initrd',
    ]);
    expect(document.sections[1]).toEqual({
      name: '.cmdline',
      virtualAddress: 0x2000,
      virtualSize: 2,
      offset: 0x600,
      size: 512,
      characteristics: 0x4000_0040,
    });
    const text = said(['pe', 'sections', signed]);
    expect(text).toMatch(/^0 SECTION +ADDRESS +BYTES +OFFSET +STORED\n/);
    expect(text).toMatch(/\n\.cmdline +0x2000 +2 +0x600 +512\n/);
    expect(text).toMatch(/\n\nchecksum {3}0x[0-9a-f]+ \(right\)\nsignatures 1$/);
  });

  test('hash prints the digest that is signed, of every kind', () => {
    expect(said(['pe', 'hash', plain])).toBe(`0 ${made.digest}`);
    expect(planishJson(['pe', 'hash', signed, '--hash', 'sha384'])).toEqual({
      file: signed,
      hash: 'sha384',
      digest: expect.stringMatching(/^[0-9a-f]{96}$/),
      warnings: [],
    });
    expect(said(['pe', 'hash', plain, '--hash', 'md5'])).toMatch(/^2 planish: BAD_OPTION: /);
  });

  test.skipIf(!canPesign || stub === undefined)('hash of a real program is what pesign computes', () => {
    const ours = join(folder, 'stub.efi');
    const { digest } = planishJson(['pe', 'sign', stub ?? '', '-o', ours, ...KEYS]);
    for (const file of [stub ?? '', ours]) {
      const { stdout, stderr } = runTool('pesign', ['-h', '-i', file]);
      expect(`${stdout}${stderr}`.trim()).toBe(`hash: ${digest}`);
    }
    expect(said(['pe', 'hash', stub ?? ''])).toBe(`0 ${digest}`);
    if (canSbverify) expect([sbverify('db', ours), sbverify('other', ours)]).toEqual([0, 1]);
  });

  test('sign says what it did, and verify whether it holds', () => {
    expect(made).toEqual({
      file: plain,
      output: signed,
      size: readFileSync(signed).length,
      digest: prepareDigest(plain),
      signer: 'CN=planish test db',
      signatures: 1,
      warnings: [],
    });
    const by = 'CN=planish test db';
    expect(said(['pe', 'verify', signed, ...cert('db')])).toBe(
      `0 digest     ${made.digest}\nholds      ${by}, trusted by ${by}\nverified ${signed}`,
    );
    const document = JSON.parse(
      planish(['--json', 'pe', 'verify', signed, ...cert('other')]).stdout.toString(),
    );
    expect(document).toMatchObject({
      verified: false,
      signatures: [{ fault: { code: 'SIGNATURE_UNTRUSTED' } }],
    });
    expect(said(['pe', 'verify', plain, ...cert('db')])).toBe(
      `1 digest     ${made.digest}\nnot signed ${plain}`,
    );
  });

  test.skipIf(!canSbverify)('sbverify accepts the file, and not by another certificate', () => {
    expect([sbverify('db', signed), sbverify('other', signed), sbverify('db', plain)]).toEqual([0, 1, 1]);
  });

  test('a second signature follows the first, or takes its place', () => {
    const twice = join(folder, 'twice.efi');
    const kek = ['--key', keyFile('kek.key'), '--cert', keyFile('kek.crt')];
    expect(planishJson(['pe', 'sign', signed, '-o', twice, ...kek]).signatures).toBe(2);
    const replaced = join(folder, 'replaced.efi');
    expect(planishJson(['pe', 'sign', twice, '-o', replaced, ...KEYS, '--replace']).signatures).toBe(1);
    expect(readFileSync(replaced).equals(readFileSync(signed))).toBe(true);
    if (!canSbverify) return;
    expect([sbverify('db', twice), sbverify('kek', twice), sbverify('kek', replaced)]).toEqual([0, 0, 1]);
  });

  test('attach takes a raw signature, base64 and PKCS #7, and gives what sign gives', async () => {
    const { toBeSigned } = prepareAuthenticode(byteSource(readFileSync(plain)));
    const raw = Buffer.from(await testSigner('db').sign(toBeSigned, 'sha256'));
    const forms = [raw, Buffer.from(`${raw.toString('base64')}\n`), pkcs7Of(signed)];
    forms.forEach((bytes, index) => {
      const output = join(folder, `attached-${index}.efi`);
      const signature = ['--signature', given(`signature-${index}`, bytes)];
      const result = planishJson(['pe', 'attach', plain, '-o', output, ...signature, ...cert('db')]);
      expect(result).toEqual({ ...made, output });
      expect(readFileSync(output).equals(readFileSync(signed))).toBe(true);
    });
  });

  test('attach refuses the signature of another key, and writes nothing', () => {
    const signature = ['--signature', given('signature-of-none', Buffer.alloc(256, 1))];
    const output = join(folder, 'refused.efi');
    expect(said(['pe', 'attach', plain, '-o', output, ...signature, ...cert('db')])).toBe(
      '4 planish: SIGNATURE_INVALID: what came is no signature of this file by the key of ' +
        `CN=planish test db (${signature[1]})`,
    );
    expect(existsSync(output)).toBe(false);
  });

  test.each(['sections', 'hash', 'verify'])('%s of what is no program is one line', (verb) => {
    const text = given('text', Buffer.from('#!/bin/sh\n'.repeat(20)));
    const more = verb === 'verify' ? cert('db') : [];
    expect(said(['pe', verb, text, ...more])).toMatch(
      /^3 planish: PE_BAD_IMAGE: not a PE file: it does not begin with MZ \([^\n]*\/text[^\n]*\)$/,
    );
  });
});

function prepareDigest(file: string): string {
  const { digest } = prepareAuthenticode(byteSource(readFileSync(file)));
  return Buffer.from(digest).toString('hex');
}

/** The signature at the end of a file that has one. */
function pkcs7Of(file: string): Buffer {
  const bytes = readFileSync(file);
  const at = bytes.readUInt32LE(0x80 + 24 + 112 + 32);
  return bytes.subarray(at + 8, at + bytes.readUInt32LE(at));
}

test('seal signs addons of one UKI and of all, for firmware to accept', () => {
  const addon = (name: string): string => given(`${name}.addon.efi`, makePe([['.cmdline', name]]));
  const image = `oci:${join(folder, 'image')}:sealed`;
  const choices = ['--uki-addon', addon('one'), '--addon', addon('all'), ...KEYS];
  const text = said(['seal', bootableSource(folder), '-o', image, ...choices]);
  const paths = [
    `/boot/EFI/Linux/${KERNEL_VERSION}.efi.extra.d/one.addon.efi`,
    '/boot/loader/addons/all.addon.efi',
  ];
  for (const path of paths) {
    expect(text).toContain(`\naddon      ${path} (`);
    const file = given('addon.efi', planish(['cat', image, path]).stdout);
    expect(said(['pe', 'verify', file, ...cert('db')])).toMatch(/^0 .*\nverified [^\n]*$/s);
    if (canSbverify) expect([sbverify('db', file), sbverify('other', file)]).toEqual([0, 1]);
  }
});

describe('enroll', () => {
  const OWNER = '11223344-5566-7788-99aa-bbccddeeff00';
  const pair = (option: string, name: string): string[] => [
    ...[`--${option}`, keyFile(`${name}.crt`)],
    ...[`--${option}-key`, keyFile(`${name}.key`)],
  ];
  const keys = [...pair('pk', 'pk'), ...pair('kek', 'kek'), '--db', keyFile('db.crt')];

  test('writes what systemd-boot and bootc look for, the same everywhere', () => {
    const output = join(folder, 'keys');
    const made = planishJson(['enroll', '-o', output, ...keys]);
    expect(made.time).toBe('2020-01-01T00:00:00Z');
    expect(made.owner).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(readdirSync(output).sort()).toEqual(['KEK.auth', 'PK.auth', 'db.auth']);
    const text = said(['enroll', '--esp', join(folder, 'esp'), '--name', 'acme', ...keys]);
    expect(text.split('\n').map((line) => line.replace(/^0 /, '').split(' ')[0])).toEqual([
      'PK',
      'KEK',
      'db',
    ]);
    planishJson(['enroll', '--rootfs', join(folder, 'rootfs'), ...keys]);
    const places = [
      join(folder, 'esp/loader/keys/acme'),
      join(folder, 'rootfs/usr/lib/bootc/install/secureboot-keys/auto'),
    ];
    for (const place of places) {
      for (const name of ['PK.auth', 'KEK.auth', 'db.auth'])
        expect(readFileSync(join(place, name)).equals(readFileSync(join(output, name)))).toBe(true);
    }
  });

  test.skipIf(!canEfitools)('is what efitools write, byte for byte', () => {
    const output = join(folder, 'keys-of-ours');
    const env = { SOURCE_DATE_EPOCH: String(Date.UTC(2026, 10, 26, 15, 4, 5) / 1000) };
    planishJson(['enroll', '-o', output, ...keys, '--owner', OWNER], { env });
    const parts = [
      ['PK', 'pk', 'pk'],
      ['KEK', 'kek', 'pk'],
      ['db', 'db', 'kek'],
    ] as const;
    for (const [variable, name, by] of parts) {
      const [list, theirs] = [join(folder, `${name}.esl`), join(folder, `${name}.auth`)];
      efitool('cert-to-efi-sig-list', ['-g', OWNER, keyFile(`${name}.crt`), list]);
      const key = ['-k', keyFile(`${by}.key`), '-c', keyFile(`${by}.crt`)];
      efitool('sign-efi-sig-list', ['-t', '2026-11-26 15:04:05', ...key, variable, list, theirs]);
      expect(readFileSync(join(output, `${variable}.auth`)).toString('hex')).toBe(
        readFileSync(theirs).toString('hex'),
      );
    }
  });

  test.each<[string, readonly string[], string]>([
    ['without a place', keys, '2 planish: BAD_OPTION: one of --output, --esp and --rootfs is needed'],
    [
      'of a name that leads elsewhere',
      ['--esp', join(folder, 'none'), '--name', '../x', ...keys],
      '2 planish: BAD_OPTION: not a name of a directory of keys',
    ],
    [
      'without a certificate of boot programs',
      ['-o', join(folder, 'none'), ...keys.slice(0, -2)],
      '2 planish: BAD_OPTION: a certificate for db is needed: --db FILE',
    ],
    [
      'with the key of another',
      ['-o', join(folder, 'none'), ...pair('pk', 'pk'), '--kek', keyFile('kek.crt')].concat([
        ...['--kek-key', keyFile('other.key'), '--db', keyFile('db.crt')],
      ]),
      '3 planish: KEY_MISMATCH: the private key is not that of the certificate of CN=planish test kek',
    ],
  ])('%s is refused, and nothing is written', (_, args, expected) => {
    expect(said(['enroll', ...args])).toContain(expected);
    expect(existsSync(join(folder, 'none'))).toBe(false);
  });
});

/** They convert times to those of the machine. */
function efitool(tool: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(tool, args, { env: { ...process.env, TZ: 'UTC' } });
  if (status !== 0) throw new Error(`${tool}: ${stderr}`);
}
