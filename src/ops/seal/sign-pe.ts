/** Signing one PE file, and keeping what came of it where contents of a tree are read from. */
import { attachSignature, prepareAuthenticode } from '../../boot/authenticode.ts';
import { type ByteSource, readPieces } from '../../bytes/byte-source.ts';
import type { HashAlgorithm } from '../../bytes/digest.ts';
import { VerityHasher } from '../../fsverity/verity-hasher.ts';
import type { ContentFile } from '../../parallel/content-file.ts';
import { SpoolWriter } from '../../parallel/spool.ts';
import { signChecked } from '../../sign/signer.ts';
import type { ExternalContent } from '../../tree/tree.ts';
import type { Session } from '../session.ts';
import type { BootSigner } from './boot-signer.ts';

/** The file with one more signature. Throws `PE_BAD_IMAGE`, `SIGNER_FAILED`. */
export async function signPeSource(source: ByteSource, by: BootSigner): Promise<ByteSource> {
  const unsigned = prepareAuthenticode(source);
  const signature = await signChecked(by.signer, unsigned.toBeSigned, 'sha256');
  return attachSignature(source, unsigned.finish(signature, by.certificate, by.others));
}

/** Keeps a source in memory, or in a file without a name; gives the row by which it is read, and the content for a tree. */
export function spoolSource(
  session: Session,
  source: ByteSource,
  algorithm: HashAlgorithm,
  row: number,
): { readonly file: ContentFile; readonly content: ExternalContent } {
  const spool = session.placeSpool(source.size);
  const writer = new SpoolWriter(spool);
  const hasher = new VerityHasher(algorithm);
  for (const piece of readPieces(source)) {
    session.checkInterrupted();
    hasher.update(piece);
    writer.write(piece);
  }
  const extents = [{ at: 0, offset: 0, length: source.size }];
  return {
    file:
      spool.kind === 'file'
        ? { kind: 'descriptor', fd: spool.fd }
        : { kind: 'memory', windows: writer.windows ?? [] },
    content: {
      kind: 'external',
      size: source.size,
      verity: hasher.digest(),
      payload: undefined,
      location: { source: row, extents },
    },
  };
}
