/** The key that signs, as an option names it: a file, or a command that is asked for signatures. */
import { createPublicKey, type KeyObject } from 'node:crypto';
import { PlanishError } from '../../errors.ts';
import { execSigner } from '../../io/exec-signer.ts';
import { loadCertificate, loadPrivateKey, loadPublicKey } from '../../io/key-files.ts';
import type { Certificate } from '../../sign/certificate.ts';
import { keySigner, type Signer } from '../../sign/signer.ts';

/** A key and what it needs. */
export interface SigningKey {
  /** File of the private key. */
  readonly key?: string | undefined;
  /** Instead of a key: `exec:COMMAND`, which is given a digest and returns a signature. */
  readonly signWith?: string | undefined;
  /** File with the public key, or a certificate of it: needed with `signWith`. */
  readonly publicKey?: string | undefined;
  /** File whose first line is the passphrase of the key. */
  readonly passphraseFile?: string | undefined;
  /** Where the variable `PLANISH_KEY_PASSPHRASE` is looked for when no file is named; default: nowhere. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
}

const EXEC = 'exec:';

/** Opens the key. Throws `KEY_BAD`, `KEY_MISMATCH`, `BAD_OPTION`, `SYSCALL_FAILED`. */
export function openSigner({ key, signWith, publicKey, passphraseFile, environment }: SigningKey): Signer {
  if ((key === undefined) === (signWith === undefined))
    throw new PlanishError('BAD_OPTION', 'either a key or a signing command is needed: --key or --sign-with');
  const expected = publicKey === undefined ? undefined : loadPublicKey(publicKey);
  if (signWith !== undefined) return openCommand(signWith, expected);
  const privateKey = loadPrivateKey(key ?? '', environment ?? {}, passphraseFile);
  const own = createPublicKey(privateKey);
  if (expected !== undefined && !own.equals(expected)) {
    throw new PlanishError('KEY_MISMATCH', 'the public key or certificate is not that of the private key', {
      file: publicKey,
    });
  }
  return keySigner(privateKey, own);
}

/** Opens `exec:COMMAND`, which signs by the key of `expected`. Throws `BAD_OPTION`. */
export function openCommand(signWith: string, expected: KeyObject | undefined): Signer {
  if (!signWith.startsWith(EXEC) || signWith.length === EXEC.length) {
    throw new PlanishError('BAD_OPTION', 'a signing command is written exec:COMMAND', {
      actual: signWith,
      hint: 'PKCS #11 URIs are not supported: a command can use them',
    });
  }
  if (expected !== undefined) return execSigner(signWith.slice(EXEC.length), expected);
  throw new PlanishError('BAD_OPTION', 'a signing command does not tell its public key', {
    hint: 'name the file of the public key, or of its certificate',
  });
}

/** Opens a key whose certificate is named as well, and is that of the key. Throws as {@link openSigner} does. */
export function openCertifiedSigner(
  key: SigningKey,
  file: string,
): { readonly signer: Signer; readonly certificate: Certificate } {
  const certificate = loadCertificate(file);
  const signer = openSigner({ ...key, publicKey: key.publicKey ?? file });
  if (signer.publicKey.equals(certificate.publicKey)) return { signer, certificate };
  throw new PlanishError('KEY_MISMATCH', `the key is not that of the certificate of ${certificate.subject}`, {
    file,
  });
}
