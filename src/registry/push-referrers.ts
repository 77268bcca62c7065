/** Attaches artifacts to what was pushed: as referrers, or under cosign's tags. */
import { PlanishError } from '../errors.ts';
import type { ImageWriter } from '../io/image-writer.ts';
import { type AttachmentKind, attachmentTag } from '../oci/attachments.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { OnWarning } from '../warnings.ts';
import { findManifest } from './fetch-manifest.ts';
import { RegistryWriter } from './registry-writer.ts';

/** An artifact, and the kind of tag that it lies under; none where it names its subject. */
export interface PushedReferrer {
  readonly subject: Descriptor;
  readonly descriptor: Descriptor;
  readonly kind: AttachmentKind | undefined;
}

/**
 * Pushes the image under its digest and then the artifacts, in their order. A tag of cosign's that names others already is
 * left alone, with a warning. Throws what pushing throws.
 */
export async function pushReferrers(
  writer: ImageWriter,
  image: Descriptor,
  referrers: readonly PushedReferrer[],
  onWarning: OnWarning,
): Promise<void> {
  if (!(writer instanceof RegistryWriter))
    throw new PlanishError('INVARIANT', 'what is pushed goes to no registry');
  await writer.pushWhole(image, image.digest);
  for (const { subject, descriptor, kind } of referrers) {
    const tag = kind === undefined ? descriptor.digest : attachmentTag(subject.digest, kind);
    if (tag === undefined || (kind !== undefined && (await isTaken(writer, tag, descriptor)))) {
      const message = `the artifact ${descriptor.digest} is left out: the destination has others of that image`;
      onWarning({ code: 'REFERRER_IGNORED', message });
      continue;
    }
    await writer.pushWhole(descriptor, tag);
  }
}

async function isTaken({ client }: RegistryWriter, tag: string, { digest }: Descriptor): Promise<boolean> {
  const known = await findManifest(client, tag);
  return known !== undefined && known.descriptor.digest !== digest;
}
