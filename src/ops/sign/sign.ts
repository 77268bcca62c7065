/** `sign`: signs an image where it lies, in a layout or an archive, in the forms that clients read. */
import type { BlobDigest } from '../../bytes/digest.ts';
import { PlanishError } from '../../errors.ts';
import type { LayoutEdit } from '../../io/layout-change.ts';
import { editLayout } from '../../io/layout-editor.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Index } from '../../oci/manifest.ts';
import {
  checkImageKey,
  keyHint,
  type SignedPayload,
  signBundle,
  signPayload,
} from '../../sign/image-signature.ts';
import type { Signer } from '../../sign/signer.ts';
import type { InspectOptions } from '../look/inspect.ts';
import { type Attached, attachBundle, attachPayload } from './attach-signatures.ts';
import { locateSigned, type SignTarget } from './sign-target.ts';
import { openSigner, type SigningKey } from './signing-key.ts';

/** Form of an image signature: cosign's attachment, or a sigstore bundle. */
export type SignatureForm = 'cosign' | 'bundle';

/** Options of {@link sign}. */
export interface SignOptions extends InspectOptions, SigningKey {
  /** Default: both. */
  readonly forms?: readonly SignatureForm[] | undefined;
  /** The repository that the image is published as, without a tag. Needed for the form `cosign`. */
  readonly identity?: string | undefined;
}

/** One signature. */
export interface MadeSignature {
  readonly form: SignatureForm;
  /** What it signs. */
  readonly subject: BlobDigest;
  /** The manifest that holds it. */
  readonly manifest: BlobDigest;
  /** False when a good signature by this key was there already. */
  readonly added: boolean;
}

/** Result of {@link sign}. */
export interface SignResult {
  readonly reference: string;
  readonly manifest: BlobDigest;
  /** SHA-256 of the public key, in base64. */
  readonly key: string;
  readonly signatures: readonly MadeSignature[];
}

/**
 * Signs an image: its manifest, and where the reference names an index and no platform was asked for, the index and
 * every image of it. The same image, key and options give the same bytes; a second run changes nothing. Throws
 * `KEY_BAD`, `SIGNER_FAILED`, `BAD_OPTION` without an identity that the form `cosign` needs.
 */
export async function sign(image: string, options: SignOptions): Promise<SignResult> {
  const forms = options.forms ?? (['cosign', 'bundle'] as const);
  const identity = forms.includes('cosign') ? checkIdentity(options.identity) : '';
  const signer = openSigner(options);
  checkImageKey(signer.publicKey);
  const target = await locateSigned(image, options);
  const prepared: Prepared[] = [];
  for (const subject of target.subjects) {
    const { digest } = subject.descriptor;
    const signed = forms.includes('cosign') ? await signPayload(signer, digest, identity) : undefined;
    const bundle = forms.includes('bundle') ? await signBundle(signer, digest) : undefined;
    prepared.push({ ...subject, signed, bundle });
  }
  const signatures = await attachAll(target, prepared, signer);
  return {
    reference: target.reference,
    manifest: target.manifest,
    key: keyHint(signer.publicKey),
    signatures,
  };
}

/** A subject with what was signed of it: signing may take long, and the layout is locked only afterwards. */
interface Prepared {
  readonly descriptor: Descriptor;
  readonly created: string | undefined;
  readonly signed: SignedPayload | undefined;
  readonly bundle: Uint8Array | undefined;
}

async function attachAll(
  target: SignTarget,
  prepared: readonly Prepared[],
  signer: Signer,
): Promise<MadeSignature[]> {
  let made: MadeSignature[] = [];
  await editLayout(target, async (edit) => {
    made = [];
    let index = edit.index;
    for (const one of prepared) {
      for (const [form, attached] of await attachOne(edit, index, one, signer)) {
        index = attached.index;
        const { manifest, added } = attached;
        made.push({ form, subject: one.descriptor.digest, manifest, added });
      }
    }
    return index;
  });
  return made;
}

async function attachOne(
  edit: LayoutEdit,
  index: Index,
  { descriptor: subject, created, signed, bundle }: Prepared,
  { publicKey: key }: Signer,
): Promise<[SignatureForm, Attached][]> {
  const done: [SignatureForm, Attached][] = [];
  let current = index;
  if (signed !== undefined) {
    const attached = await attachPayload(edit, current, { subject, signed, key });
    done.push(['cosign', attached]);
    current = attached.index;
  }
  if (bundle !== undefined) {
    done.push(['bundle', await attachBundle(edit, current, { subject, bundle, key, created })]);
  }
  return done;
}

const HOST = String.raw`(?:[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?`;
const COMPONENT = String.raw`[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*`;
const REPOSITORY = new RegExp(`^(?:${HOST}/)?${COMPONENT}(?:/${COMPONENT})*$`);

/** A repository name, with or without a host. Throws `BAD_OPTION`. */
function checkIdentity(identity: string | undefined): string {
  if (identity === undefined) {
    throw new PlanishError(
      'BAD_OPTION',
      'a cosign signature names the repository that the image is published as',
      {
        hint: 'give --identity HOST/REPOSITORY, or sign with --form bundle alone',
      },
    );
  }
  if (identity.length <= 255 && REPOSITORY.test(identity)) return identity;
  throw new PlanishError('BAD_OPTION', 'an identity is a repository, without a tag or digest', {
    actual: identity.slice(0, 160),
  });
}
