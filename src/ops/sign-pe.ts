/** Signing one PE file, and keeping what came of it where contents of a tree are read from. */
import { attachSignature, prepareAuthenticode } from '../boot/authenticode.ts';
import { type ByteSource, readPieces } from '../bytes/byte-source.ts';
import type { HashAlgorithm } from '../bytes/digest.ts';
import { VerityHasher } from '../fsverity/verity-hasher.ts';
import { writeFully } from '../io/durable-file.ts';
import type { ContentFile } from '../parallel/content-file.ts';
import { signChecked } from '../sign/signer.ts';
import type { ExternalContent } from '../tree/tree.ts';
import type { BootSigner } from './boot-signer.ts';
import type { Session } from './session.ts';

/** The file with one more signature. Throws `PE_BAD_IMAGE`, `SIGNER_FAILED`. */
export async function signPeSource(source: ByteSource, by: BootSigner): Promise<ByteSource> {
  const unsigned = prepareAuthenticode(source);
  const signature = await signChecked(by.signer, unsigned.toBeSigned, 'sha256');
  return attachSignature(source, unsigned.finish(signature, by.certificate, by.others));
}

/** Writes a source to a file without a name; gives the row by which it is read, and the content for a tree. */
export function spoolSource(
  session: Session,
  source: ByteSource,
  algorithm: HashAlgorithm,
  row: number,
): { readonly file: ContentFile; readonly content: ExternalContent } {
  const fd = session.openSpool();
  const hasher = new VerityHasher(algorithm);
  for (const piece of readPieces(source)) {
    session.checkInterrupted();
    hasher.update(piece);
    writeFully(fd, piece, 'temporary file');
  }
  const extents = [{ at: 0, offset: 0, length: source.size }];
  return {
    file: { kind: 'descriptor', fd, base: 0 },
    content: {
      kind: 'external',
      size: source.size,
      verity: hasher.digest(),
      payload: undefined,
      location: { source: row, extents },
    },
  };
}
