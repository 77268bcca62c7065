/** Reads a sealed image again and holds it against its UKIs. */
import { checkAuthenticode, type SignatureVerdict } from '../../boot/authenticode-verify.ts';
import { findBootEntries } from '../../boot/boot-entries.ts';
import { composefsArguments } from '../../boot/cmdline.ts';
import { readUki } from '../../boot/uki.ts';
import { display } from '../../bytes/byte-string.ts';
import type { VerityDigest } from '../../bytes/digest.ts';
import { PlanishError, withDetail } from '../../errors.ts';
import { ContentReader } from '../../parallel/content-file.ts';
import type { Certificate } from '../../sign/certificate.ts';
import { hostDigests, hostInput } from '../hosts/host-digests.ts';
import { contentSource } from '../load/content-source.ts';
import { type LoadedTree, type SourceOptions, withTree } from '../load/load-tree.ts';
import { Session } from '../session.ts';
import type { BootProfile } from './seal-digest.ts';

/** A UKI or addon as it was found. */
export interface ProvenFile {
  readonly path: string;
  /** Digests on the command line of a UKI, in their order. */
  readonly digests: readonly string[];
  readonly signatures: readonly SignatureVerdict[];
}

/** What was found. */
export interface ProvenSeal {
  /** What hosts compute of the layers. */
  readonly bootable: VerityDigest;
  readonly files: readonly ProvenFile[];
}

/** What must be found. */
export interface ProofOptions extends SourceOptions {
  readonly profile: BootProfile;
  readonly digest: VerityDigest;
  /** By which every file must be signed; none: signatures are not asked for. */
  readonly certificates: readonly Certificate[];
}

/**
 * Recomputes the digest from the layers and compares it with every UKI. Throws `DIGEST_MISMATCH`, `SIGNATURE_INVALID`,
 * `SIGNATURE_UNTRUSTED`.
 */
export async function proveSeal(reference: string, options: ProofOptions): Promise<ProvenSeal> {
  return await Session.use(options, (session) =>
    withTree(session, reference, options, { contents: true, digests: true }, async (tree) => {
      const { bootable } = await hostDigests(session, hostInput(tree), options.profile);
      const digest = bootable?.digest;
      if (digest === undefined || digest !== options.digest) throw mismatch(options.digest, digest);
      return { bootable: digest, files: proveFiles(tree, options) };
    }),
  );
}

function proveFiles(tree: LoadedTree, { digest, certificates }: ProofOptions): ProvenFile[] {
  const reader = new ContentReader(tree.contents);
  const { ukis, addons } = findBootEntries(tree.root);
  try {
    return [...ukis, ...addons].map(({ path, file }) => {
      const source = contentSource(reader, file.content);
      const isUki = !addons.some((addon) => addon.path === path);
      try {
        const digests = composefsArguments(readUki(source).cmdline ?? '').map((argument) => argument.digest);
        if (isUki && (digests.length !== 1 || digests[0] !== digest))
          throw mismatch(digest, digests.join(' '));
        const { signatures, verified } = checkAuthenticode(source, certificates);
        const fault = signatures[0]?.fault ?? {
          code: 'SIGNATURE_INVALID' as const,
          message: 'a PE file has no signature',
        };
        if (certificates.length > 0 && isUki && !verified) throw new PlanishError(fault.code, fault.message);
        return { path: display(path), digests, signatures };
      } catch (error) {
        throw withDetail(error, { path: display(path) });
      }
    });
  } finally {
    reader.close();
  }
}

function mismatch(expected: string, actual: string | undefined): PlanishError {
  return new PlanishError('DIGEST_MISMATCH', 'the image that was written is not the one that was sealed', {
    expected,
    actual: actual ?? 'none',
  });
}
