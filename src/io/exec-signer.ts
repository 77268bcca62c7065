/**
 * A signing command: it is given a digest and returns a signature, so a private key may be wherever the command
 * reaches it (a token, a cloud service, another machine).
 *
 * The command is run by the shell. On its standard input is the digest, as raw bytes. On its standard output it
 * writes the signature: raw bytes of an RSA PKCS #1 v1.5 signature, or an ECDSA signature in DER, or either in
 * base64. `PLANISH_HASH` is `sha256`, `sha384` or `sha512`, `PLANISH_DIGEST` the digest in hexadecimal,
 * `PLANISH_KEY_KIND` `rsa` or `ecdsa`.
 */
import { spawn } from 'node:child_process';
import { createHash, type KeyObject } from 'node:crypto';
import { PlanishError } from '../errors.ts';
import { keyKind, type SignatureHash } from '../sign/algorithms.ts';
import type { Signer } from '../sign/signer.ts';

/** More than any signature has. */
const OUTPUT_MAX = 64 * 1024;

/** Asks a command for every signature. What it writes to standard error goes there. */
export function execSigner(command: string, publicKey: KeyObject): Signer {
  return {
    publicKey,
    sign: async (message, hash) => decodeSignatureText(await askCommand(command, publicKey, message, hash)),
  };
}

/** A signature as commands and people hand it over: raw bytes, unless it is all base64. */
export function decodeSignatureText(output: Buffer): Uint8Array {
  const text = output.toString('latin1').trim();
  const isBase64 = /^[A-Za-z0-9+/\s]+={0,2}$/.test(text) && text.replace(/\s/g, '').length % 4 === 0;
  return isBase64 ? Buffer.from(text, 'base64') : output;
}

function askCommand(
  command: string,
  key: KeyObject,
  message: Uint8Array,
  hash: SignatureHash,
): Promise<Buffer> {
  const digest = createHash(hash).update(message).digest();
  const environment = {
    PLANISH_HASH: hash,
    PLANISH_DIGEST: digest.toString('hex'),
    PLANISH_KEY_KIND: keyKind(key),
  };
  return new Promise((resolve, reject) => {
    const child = spawn(command, {
      shell: true,
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...environment },
    });
    const fail = (why: string, cause?: unknown): void =>
      reject(new PlanishError('SIGNER_FAILED', `the signing command ${why}`, {}, cause));
    const pieces: Buffer[] = [];
    let length = 0;
    child.stdout.on('data', (piece: Buffer) => {
      length += piece.length;
      if (length > OUTPUT_MAX)
        child.stdout.destroy(); // whoever still writes ends with it
      else pieces.push(piece);
    });
    child.stdin.on('error', () => undefined); // a command that goes by PLANISH_DIGEST does not read
    child.on('error', (error) => fail('cannot be run', error));
    child.on('close', (status, signal) => {
      if (length > OUTPUT_MAX) fail('wrote more than a signature');
      else if (status !== 0) fail(`failed with ${signal ?? `status ${status}`}`);
      else resolve(Buffer.concat(pieces));
    });
    child.stdin.end(digest);
  });
}
