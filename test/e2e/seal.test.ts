/** `seal` as a user runs it, on a root with nothing that could really boot. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { checkAuthenticode } from '../../src/boot/authenticode-verify.ts';
import { readUki } from '../../src/boot/uki.ts';
import { byteSource } from '../../src/bytes/byte-source.ts';
import { type BootableRoot, bootableSource, bootableTar, KERNEL_VERSION } from '../support/bootable-root.ts';
import { planish, planishJson, type RunOptions, temporaryDirectory } from '../support/cli.ts';
import { runTool } from '../support/composefs-tools.ts';
import { keyFile, testCertificate } from '../support/test-keys.ts';

const folder = temporaryDirectory();
let serial = 0;

const GUIDE_ROOT = fileURLToPath(new URL('../../fixtures/boot/root.tar', import.meta.url));
const KEYS = ['--key', keyFile('db.key'), '--cert', keyFile('db.crt')];
const UKI = `/boot/EFI/Linux/${KERNEL_VERSION}.efi`;

/** A root as a reference. */
const source = (root: BootableRoot = {}): string => bootableSource(folder, root);

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

test('the root of the guide is the one of these tests', () => {
  if (process.env['UPDATE_FIXTURES'] === '1') writeFileSync(GUIDE_ROOT, bootableTar());
  expect(readFileSync(GUIDE_ROOT).equals(bootableTar())).toBe(true);
});

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

  test('by another key is refused', () => {
    sign('other.key');
    expect(failure([waiting, '--attach', signature, '--cert', keyFile('db.crt')])).toContain(
      '4 planish: SIGNATURE_INVALID: what came is no signature of this file by the key of CN=planish test db',
    );
  });
});

describe('what cannot be sealed', () => {
  test('is one line and a status, and nothing is written', () => {
    const said = failure([source({ without: ['sysroot'] }), ...KEYS]);
    expect(said).toMatch(/^3 planish: HOST_TREE_INVALID: the tree has no \/sysroot, [^\n]*$/);
    expect(existsSync(join(folder, `out-${serial - 1}`))).toBe(false);
  });

  test('with a locked key, of which nothing is said', () => {
    const encrypted = ['--key', keyFile('db.pkcs8-encrypted.key'), '--cert', keyFile('db.crt')];
    const said = failure([source(), ...encrypted, '--verbose'], {
      env: { PLANISH_KEY_PASSPHRASE: 'hunter2' },
    });
    expect(said).toContain('3 planish: KEY_BAD: a private key cannot be decrypted: the passphrase is wrong');
    expect(said).not.toContain('hunter2');
  });
});
