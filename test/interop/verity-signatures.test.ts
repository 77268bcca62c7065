/** fs-verity signatures against fsverity (byte for byte) and openssl, which accepts ours and refuses what is not so. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { formatDigestForSigning } from '../../src/fsverity/descriptor.ts';
import { signFile } from '../../src/ops/sign/sign-file.ts';
import { verifyVeritySignature } from '../../src/sign/verity-signature.ts';
import { pseudoRandom } from '../support/tar-maker.ts';
import { keyFile, testCertificate } from '../support/test-keys.ts';

function has(program: string, argument: string): boolean {
  const found = spawnSync(program, [argument]).status === 0;
  if (!found) process.stderr.write(`SKIPPED: fs-verity signatures against ${program}: it is not installed\n`);
  return found;
}

const hasFsverity = has('fsverity', '--version');
const hasOpenssl = has('openssl', 'version');

const work = mkdtempSync(join(tmpdir(), 'planish-test-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const SIZES = [0, 1, 4096, 600_000];
const CASES = (['sha256', 'sha512'] as const).flatMap((algorithm) =>
  ['db', 'rsa3072', 'p256', 'p384'].map((name) => [algorithm, name] as const),
);

async function signed(algorithm: 'sha256' | 'sha512', name: string, size: number) {
  const file = join(work, `file-${size}`);
  writeFileSync(file, pseudoRandom(size));
  const output = join(work, `${name}-${algorithm}-${size}.sig`);
  const options = { key: keyFile(`${name}.key`), certificate: keyFile(`${name}.crt`), algorithm, output };
  return { ...(await signFile(file, options)), bytes: readFileSync(output) };
}

describe.skipIf(!hasFsverity)('fsverity', () => {
  it.each(CASES.filter(([, name]) => name.startsWith('db') || name.startsWith('rsa')))(
    'signs the same bytes with %s and %s',
    async (algorithm, name) => {
      for (const size of SIZES) {
        const ours = await signed(algorithm, name, size);
        const theirs = join(work, 'theirs.sig');
        rmSync(theirs, { force: true });
        const keys = [`--key=${keyFile(`${name}.key`)}`, `--cert=${keyFile(`${name}.crt`)}`];
        const run = spawnSync('fsverity', ['sign', ours.file, theirs, ...keys, `--hash-alg=${algorithm}`]);
        expect(String(run.stderr)).toBe('');
        expect(String(run.stdout)).toContain(`(${algorithm}:${ours.digest})`);
        expect(ours.bytes).toEqual(readFileSync(theirs));
      }
    },
  );

  it('signs with ECDSA what we verify, of the same size but for random numbers', async () => {
    for (const [algorithm, name] of CASES.filter(([, key]) => key.startsWith('p'))) {
      const ours = await signed(algorithm, name, 4096);
      const theirs = join(work, 'theirs.sig');
      rmSync(theirs, { force: true });
      const keys = [`--key=${keyFile(`${name}.key`)}`, `--cert=${keyFile(`${name}.crt`)}`];
      spawnSync('fsverity', ['sign', ours.file, theirs, ...keys, `--hash-alg=${algorithm}`]);
      const bytes = readFileSync(theirs);
      expect(Math.abs(bytes.length - ours.bytes.length)).toBeLessThan(8);
      const { signer } = verifyVeritySignature(bytes, ours.digest, [testCertificate(name)]);
      expect(signer.subject).toBe(testCertificate(name).subject);
    }
  });
});

describe.skipIf(!hasOpenssl)('openssl', () => {
  /** Whether either program of openssl takes a signature of some bytes by a certificate. */
  function accepts(tool: 'cms' | 'smime', signature: Buffer, content: Uint8Array, name: string): boolean {
    writeFileSync(join(work, 'signature'), signature);
    writeFileSync(join(work, 'content'), content);
    const certificate = ['-certfile', keyFile(`${name}.crt`), '-nointern', '-noverify', '-purpose', 'any'];
    const args = ['-verify', '-binary', '-inform', 'DER', '-in', join(work, 'signature'), ...certificate];
    const run = spawnSync('openssl', [tool, ...args, '-content', join(work, 'content'), '-out', '/dev/null']);
    return run.status === 0;
  }

  it.each(CASES)('accepts ours with %s and %s, and nothing else', async (algorithm, name) => {
    const { digest, bytes } = await signed(algorithm, name, 4096);
    const content = formatDigestForSigning(algorithm, Buffer.from(digest, 'hex'));
    const changed = Buffer.from(content);
    changed[20] = (changed[20] ?? 0) ^ 1;
    for (const tool of ['cms', 'smime'] as const) {
      expect(accepts(tool, bytes, content, name)).toBe(true);
      expect(accepts(tool, bytes, changed, name)).toBe(false);
      expect(accepts(tool, bytes, content, 'other')).toBe(false);
      expect(accepts(tool, bytes.subarray(0, -1), content, name)).toBe(false);
    }
  });
});
