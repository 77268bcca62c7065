/** `seal` as a user runs it, on a root with nothing that could really boot. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkAuthenticode } from '../../src/boot/authenticode-verify.ts';
import { readUki } from '../../src/boot/uki.ts';
import { byteSource } from '../../src/bytes/byte-source.ts';
import { type BootableRoot, bootableTar, KERNEL_VERSION } from '../support/bootable-root.ts';
import { planish, planishJson, type RunOptions, temporaryDirectory } from '../support/cli.ts';
import { runTool } from '../support/composefs-tools.ts';
import { keyFile, testCertificate } from '../support/test-keys.ts';

const folder = temporaryDirectory();
let serial = 0;

const KEYS = ['--key', keyFile('db.key'), '--cert', keyFile('db.crt')];
const UKI = `/boot/EFI/Linux/${KERNEL_VERSION}.efi`;

/** A root as a reference. */
function source(root: BootableRoot = {}): string {
  const path = join(folder, `root-${serial++}.tar`);
  writeFileSync(path, bootableTar(root));
  return `tar:${path}`;
}

const destination = (): string => `oci:${join(folder, `out-${serial++}`)}:sealed`;

function fileOf(image: string, path: string): Buffer {
  return planish(['cat', image, path]).stdout;
}

/** Rules of lint that have findings. */
function lintOf(image: string): string[] {
  const { findings } = JSON.parse(planish(['--json', 'lint', image]).stdout.toString());
  return findings.map(({ rule }: { rule: string }) => rule);
}

/** Exit status and the line on standard error. */
function failure(args: readonly string[], options: RunOptions = {}): string {
  const { status, stderr } = planish(['seal', ...args, '-o', destination()], options);
  return `${status} ${stderr.trim()}`;
}

describe('a sealed image', () => {
  const image = destination();
  const result = planishJson(['seal', source(), '-o', image, ...KEYS, '--karg', 'rw', '--dump']);

  test('has the digest that hosts compute on the command line of its UKI', () => {
    const digest = planish(['digest', '--bootable', image]).stdout.toString().trim();
    const { cmdline, osRelease, uname, missing } = readUki(byteSource(fileOf(image, UKI)));
    expect(cmdline).toBe(`console=ttyS0 quiet composefs=${digest} rw`);
    expect(osRelease).toBe('ID=test\nVERSION_ID=1\nPRETTY_NAME="A test"\n');
    expect([uname, missing]).toEqual([KERNEL_VERSION, []]);
    expect(result.proof.bootable).toBe(digest);
    expect(result.argument).toBe(`composefs=${digest}`);
  });

  test('has a UKI by the key', () => {
    const { signatures, digest } = checkAuthenticode(byteSource(fileOf(image, UKI)), [testCertificate('db')]);
    expect(signatures).toEqual([
      { signer: 'CN=planish test db', anchor: 'CN=planish test db', fault: undefined },
    ]);
    expect(result.files[0]).toMatchObject({
      path: UKI,
      kind: 'uki',
      authenticode: digest,
      signer: 'CN=planish test db',
    });
  });

  test('holds no loose kernel, and the UKI in its last layer alone', () => {
    const listed = planishJson(['ls', '-R', image, '/']).entries.map(({ path }: { path: string }) => path);
    expect(listed).not.toContain(`/usr/lib/modules/${KERNEL_VERSION}/vmlinuz`);
    expect(listed).not.toContain(`/usr/lib/modules/${KERNEL_VERSION}/initramfs.img`);
    expect(listed).toContain(`/usr/lib/modules/${KERNEL_VERSION}`);
    const last = result.layers.at(-1);
    expect(last.entries).toBe(6); // the root, boot, boot/EFI, boot/EFI/Linux, the UKI, the dump
  });

  test('ships the dumpfile of the tree that was digested', () => {
    const dump = planish(['dump', '--bootable', image]).stdout;
    expect(fileOf(image, `/boot/${KERNEL_VERSION}.dump`).equals(dump)).toBe(true);
  });

  test('has the labels that bootc looks for, and both digests', () => {
    const { labels } = planishJson(['inspect', image]);
    expect(labels).toMatchObject({ 'containers.bootc': '1', 'ostree.bootable': '1' });
    expect(result.digests.bootable).toBe(result.proof.bootable);
    expect(planish(['verify', image]).status).toBe(1);
    expect(planish(['verify', image, '--cert', keyFile('db.crt'), '--require', 'uki']).status).toBe(0);
    expect(lintOf(image)).not.toContain('composefs-digest-mismatch');
  });

  test('is the same again, on one thread, and with the key behind a command', () => {
    const again = planishJson([
      'seal',
      source(),
      '-o',
      destination(),
      ...KEYS,
      '--karg',
      'rw',
      '--dump',
      '--jobs',
      '1',
    ]);
    expect(again.manifest).toEqual(result.manifest);
    const command = `exec:openssl pkeyutl -sign -inkey '${keyFile('db.key')}' -pkeyopt digest:sha256`;
    const signing = ['--cert', keyFile('db.crt'), '--sign-with', command];
    const other = planishJson(['seal', source(), '-o', destination(), ...signing, '--karg', 'rw', '--dump']);
    expect(other.manifest).toEqual(result.manifest);
  });
});

describe('choices', () => {
  test('without a signature, when asked for', () => {
    const image = destination();
    const { files, proof } = planishJson(['seal', source(), '-o', image, '--unsigned']);
    expect(files[0].signer).toBeUndefined();
    expect(proof.files[0].signatures).toEqual([]);
  });

  test('a host that reads descriptions of digests', () => {
    const image = destination();
    const { argument } = planishJson(['seal', source(), '-o', image, ...KEYS, '--profile', 'cfsctl']);
    const digest = planish(['digest', '--bootable', '--profile', 'cfsctl', image]).stdout.toString().trim();
    expect(argument).toBe(`composefs.digest=v1-sha512-12:${digest}`);
  });

  test('without fs-verity, which lint says', () => {
    const image = destination();
    const { argument } = planishJson(['seal', source(), '-o', image, ...KEYS, '--allow-missing-verity']);
    expect(argument).toMatch(/^composefs=\?[0-9a-f]{128}$/);
    expect(lintOf(image)).toContain('composefs-optional');
  });

  test('a kernel in /boot, and an initial file system from elsewhere', () => {
    const [kernel, initramfs] = ['vmlinuz', 'initramfs.img'].map(
      (name) => `usr/lib/modules/${KERNEL_VERSION}/${name}`,
    );
    const files = { [kernel as string]: undefined, [initramfs as string]: undefined };
    const initrd = join(folder, 'initrd');
    writeFileSync(initrd, 'another initramfs');
    const { testKernel } = { testKernel: fileOf(source(), `/${kernel}`) };
    const image = destination();
    const root = source({ files: { ...files, [`boot/vmlinuz-${KERNEL_VERSION}`]: testKernel } });
    planishJson(['seal', root, '-o', image, ...KEYS, '--initrd', initrd]);
    const listed = planishJson(['ls', '-R', image, '/boot']).entries.map(
      ({ path }: { path: string }) => path,
    );
    expect(listed).not.toContain(`/boot/vmlinuz-${KERNEL_VERSION}`);
    expect(fileOf(image, UKI).includes('another initramfs')).toBe(true);
  });

  test('an encrypted key', () => {
    const encrypted = ['--key', keyFile('db.pkcs8-encrypted.key'), '--cert', keyFile('db.crt')];
    const image = destination();
    const run = planish(['seal', source(), '-o', image, ...encrypted], {
      env: { PLANISH_KEY_PASSPHRASE: 'planish' },
    });
    expect([run.status, run.stderr]).toEqual([0, '']);
  });

  test('several kernels, all named', () => {
    const files = {
      'usr/lib/modules/7.0/vmlinuz': fileOf(source(), `/usr/lib/modules/${KERNEL_VERSION}/vmlinuz`),
    };
    const root = source({ files: { ...files, 'usr/lib/modules/7.0/initramfs.img': 'x' } });
    const image = destination();
    const names = ['--kernel', KERNEL_VERSION, '--kernel', '7.0'];
    const result = planishJson(['seal', root, '-o', image, ...KEYS, ...names]);
    expect(result.files.map(({ path }: { path: string }) => path)).toEqual([UKI, '/boot/EFI/Linux/7.0.efi']);
    expect(result.proof.files.length).toBe(2);
  });
});

describe('a signature from elsewhere', () => {
  const waiting = destination();
  const request = join(folder, 'request.json');
  const detached = ['--sign-with', 'detached', '--request', request];
  const { proof } = planishJson(['seal', source(), '-o', waiting, ...detached]);
  const { image, signatures } = JSON.parse(readFileSync(request, 'utf8'));
  const signature = join(folder, 'signature');

  /** By openssl, as a token would. */
  function sign(key: string): void {
    const args = ['dgst', '-sha256', '-sign', keyFile(key)];
    writeFileSync(
      signature,
      runTool('openssl', args, Buffer.from(signatures[0].toBeSigned, 'base64')).stdout,
    );
  }

  test('is asked for', () => {
    expect(image).toBe(planishJson(['inspect', waiting]).manifest.digest);
    expect(signatures).toEqual([
      {
        path: UKI,
        authenticode: checkAuthenticode(byteSource(fileOf(waiting, UKI)), []).digest,
        toBeSigned: expect.stringMatching(/^MUww/),
        digest: createHash('sha256').update(Buffer.from(signatures[0].toBeSigned, 'base64')).digest('hex'),
      },
    ]);
  });

  test('is attached, and all other layers stay', () => {
    sign('db.key');
    const image = destination();
    const result = planishJson([
      'seal',
      waiting,
      '-o',
      image,
      '--attach',
      signature,
      '--cert',
      keyFile('db.crt'),
    ]);
    expect(result.layers.map(({ carried }: { carried: boolean }) => carried)).toEqual(
      result.layers.map((_: unknown, index: number) => index < result.layers.length - 1),
    );
    expect(result.proof.bootable).toBe(proof.bootable);
    const direct = destination();
    planishJson(['seal', source(), '-o', direct, ...KEYS]);
    expect(fileOf(image, UKI).equals(fileOf(direct, UKI))).toBe(true);
  });

  test.each([
    [
      'by another key',
      'other.key',
      'db.crt',
      '4 planish: SIGNATURE_INVALID: what came is no signature of this file by the key of CN=planish test db',
    ],
    [
      'of another file',
      'db.key',
      'db.crt',
      '4 planish: SIGNATURE_INVALID: what came is no signature of this file by the key of CN=planish test db',
    ],
  ])('%s is refused', (what, key, certificate, expected) => {
    sign(key);
    const other = destination();
    if (what === 'of another file')
      planishJson([
        'seal',
        source({ files: { 'etc/hostname': 'other' } }),
        '-o',
        other,
        ...detached.slice(0, 2),
      ]);
    const image = what === 'of another file' ? other : waiting;
    expect(failure([image, '--attach', signature, '--cert', keyFile(certificate)])).toContain(expected);
  });
});

describe('what cannot be sealed is one error, and nothing is written', () => {
  const modules = `usr/lib/modules/${KERNEL_VERSION}`;
  const vmlinuz = `${modules}/vmlinuz`;
  test.each<[string, BootableRoot, readonly string[], string]>([
    [
      'no kernel',
      { files: { [vmlinuz]: undefined } },
      KEYS,
      '3 planish: NOT_BOOTABLE: the image holds no kernel (/usr/lib/modules',
    ],
    [
      'no initial file system',
      { files: { [`${modules}/initramfs.img`]: undefined } },
      KEYS,
      `3 planish: NOT_BOOTABLE: kernel ${KERNEL_VERSION} has no initial file system (/${vmlinuz}`,
    ],
    [
      'no os-release',
      { files: { 'usr/lib/os-release': undefined } },
      KEYS,
      '3 planish: NOT_BOOTABLE: the image has no os-release (/usr/lib/os-release',
    ],
    [
      'no stub',
      { files: { 'usr/lib/systemd/boot/efi/linuxx64.efi.stub': undefined } },
      KEYS,
      '3 planish: NOT_BOOTABLE: the image has no stub to make a UKI with (/usr/lib/systemd/boot/efi/linuxx64.efi.stub',
    ],
    ['no /boot', { without: ['boot'] }, KEYS, '3 planish: HOST_TREE_INVALID:'],
    ['no /sysroot', { without: ['sysroot'] }, KEYS, '3 planish: HOST_TREE_INVALID:'],
    [
      'a kernel that is no program',
      { files: { [vmlinuz]: 'a script'.repeat(20) } },
      KEYS,
      '3 planish: PE_BAD_IMAGE: the kernel is no EFI program: not a PE file',
    ],
    [
      'a UKI that is there already',
      { files: { [UKI.slice(1)]: 'x'.repeat(100) } },
      KEYS,
      `3 planish: NOT_BOOTABLE: the image holds a UKI already (${UKI}`,
    ],
    [
      'boot loader entries',
      { files: { 'boot/loader/entries/a.conf': 'title a\n' } },
      KEYS,
      '3 planish: NOT_BOOTABLE: hosts refuse images that ship boot loader entries (/boot/loader/entries/a.conf',
    ],
    [
      'a second kernel',
      { files: { 'usr/lib/modules/7.0/vmlinuz': 'x' } },
      KEYS,
      `3 planish: NOT_BOOTABLE: the image holds several kernels: ${KERNEL_VERSION}, 7.0`,
    ],
    [
      'a stub that is none',
      { files: { 'usr/lib/systemd/boot/efi/linuxx64.efi.stub': 'MZ' } },
      KEYS,
      '3 planish: PE_BAD_IMAGE: the file ends within the DOS header',
    ],
    [
      'kernel arguments with another digest',
      { files: { 'usr/lib/bootc/kargs.d/30.toml': 'kargs = ["composefs=00"]\n' } },
      KEYS,
      '3 planish: NOT_BOOTABLE: a kernel argument names a composefs digest (/usr/lib/bootc/kargs.d/30.toml',
    ],
    [
      'kernel arguments that are malformed',
      { files: { 'usr/lib/bootc/kargs.d/30.toml': 'kargs = 1\n' } },
      KEYS,
      '3 planish: NOT_BOOTABLE: kernel arguments: expected "[" (/usr/lib/bootc/kargs.d/30.toml',
    ],
    [
      'a given digest',
      {},
      [...KEYS, '--karg', 'composefs=?00'],
      '2 planish: BAD_OPTION: a kernel argument names a composefs digest',
    ],
    [
      'an open quote',
      {},
      [...KEYS, '--karg', 'a="b'],
      '2 planish: BAD_OPTION: a kernel argument has a quote that is not closed',
    ],
    [
      'a line end',
      {},
      [...KEYS, '--karg', 'a\nb'],
      '2 planish: BAD_OPTION: a kernel argument holds a control character',
    ],
    [
      'no key',
      {},
      ['--cert', keyFile('db.crt')],
      '2 planish: BAD_OPTION: either a key or a signing command is needed',
    ],
    ['no certificate', {}, ['--key', keyFile('db.key')], '2 planish: BAD_OPTION: a certificate is needed'],
    [
      'another key',
      {},
      ['--key', keyFile('other.key'), '--cert', keyFile('db.crt')],
      '3 planish: KEY_MISMATCH: the private key is not that of the certificate of CN=planish test db',
    ],
    [
      'a small key',
      {},
      ['--key', keyFile('small.key'), '--cert', keyFile('small.crt')],
      '3 planish: KEY_BAD: the RSA key of a certificate is too small',
    ],
    [
      'an elliptic key',
      {},
      ['--key', keyFile('p256.key'), '--cert', keyFile('p256.crt')],
      '3 planish: KEY_BAD: firmware takes RSA keys only, and the certificate has another',
    ],
    [
      'an expired certificate',
      {},
      ['--key', keyFile('db.key'), '--cert', keyFile('expired.crt')],
      '3 planish: CERTIFICATE_BAD: the certificate of CN=planish test expired expired on 2021-01-01',
    ],
    [
      'a certificate for servers',
      {},
      ['--key', keyFile('db.key'), '--cert', keyFile('tls.crt')],
      '3 planish: CERTIFICATE_BAD: the certificate of CN=planish test tls is not for code',
    ],
    [
      'a command that fails',
      {},
      ['--cert', keyFile('db.crt'), '--sign-with', 'exec:exit 7'],
      '5 planish: SIGNER_FAILED: the signing command failed with status 7',
    ],
    [
      'a host without boot',
      {},
      [...KEYS, '--profile', 'mkcomposefs'],
      '2 planish: BAD_OPTION: the profile mkcomposefs makes no bootable images',
    ],
  ])('%s', (_, root, args, expected) => {
    expect(failure([source(root), ...args])).toContain(expected);
    const out = join(folder, `out-${serial - 1}`);
    expect(() => readFileSync(join(out, 'index.json'))).toThrow('ENOENT');
  });

  test('a locked key, of which nothing is said', () => {
    const encrypted = ['--key', keyFile('db.pkcs8-encrypted.key'), '--cert', keyFile('db.crt')];
    const said = failure([source(), ...encrypted, '--verbose'], {
      env: { PLANISH_KEY_PASSPHRASE: 'hunter2' },
    });
    expect(said).toContain('3 planish: KEY_BAD: a private key cannot be decrypted: the passphrase is wrong');
    expect(said).not.toContain('hunter2');
  });
});
