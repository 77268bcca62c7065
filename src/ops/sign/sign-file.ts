/** `sign --fsverity`: the signature of a file's fs-verity digest, which the kernel checks when it is given with the file. */
import type { HashAlgorithm, VerityDigest } from '../../bytes/digest.ts';
import { VerityHasher } from '../../fsverity/verity-hasher.ts';
import { readBlob, wholeFile } from '../../io/blob-file.ts';
import { writeFileAside } from '../../io/write-file.ts';
import { signVerityDigest } from '../../sign/verity-signature.ts';
import type { CommonOptions } from '../session.ts';
import { openCertifiedSigner, type SigningKey } from './signing-key.ts';

/** Options of {@link signFile}. */
export interface SignFileOptions extends CommonOptions, SigningKey {
  /** File with the certificate of the key, which the kernel has in its keyring. */
  readonly certificate: string;
  /** Default sha512. */
  readonly algorithm?: HashAlgorithm | undefined;
  /** Where the signature is written; default: beside the file, `.sig` behind its name. */
  readonly output?: string | undefined;
}

/** Result of {@link signFile}. */
export interface SignFileResult {
  readonly file: string;
  readonly algorithm: HashAlgorithm;
  readonly digest: VerityDigest;
  /** The file with the signature, and its size. */
  readonly signature: string;
  readonly size: number;
}

/** Signs a file: PKCS #7 in DER, the bytes that `fsverity sign` writes. Throws `KEY_MISMATCH`, `SIGNER_FAILED`. */
export async function signFile(file: string, options: SignFileOptions): Promise<SignFileResult> {
  const { signer, certificate } = openCertifiedSigner(options, options.certificate);
  const algorithm = options.algorithm ?? 'sha512';
  const hasher = new VerityHasher(algorithm);
  for await (const piece of readBlob(wholeFile(file))) hasher.update(piece);
  const digest = hasher.digest();
  const bytes = await signVerityDigest(digest, certificate, signer);
  const signature = options.output ?? `${file}.sig`;
  writeFileAside(signature, bytes);
  return { file, algorithm, digest, signature, size: bytes.length };
}
