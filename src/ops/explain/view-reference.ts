/** How the two sides of `explain` are written: a source, or something that is held against one. */
import { isVerityDigest, type VerityDigest } from '../../bytes/digest.ts';
import { PlanishError } from '../../errors.ts';
import { type HostProfile, hostProfile } from '../../host/profiles.ts';

/** A parsed side. */
export type ViewReference =
  | { readonly kind: 'source'; readonly text: string }
  | { readonly kind: 'digest'; readonly text: string; readonly digest: VerityDigest }
  /** The other side under another profile. */
  | { readonly kind: 'profile'; readonly text: string; readonly profile: HostProfile }
  /** What a UKI inside an image demands; without an image, inside the other side. */
  | { readonly kind: 'uki'; readonly text: string; readonly image: string | undefined };

/** Parses a side. Throws `BAD_REFERENCE`, `BAD_OPTION` for a profile that there is not. */
export function parseViewReference(text: string): ViewReference {
  if (text.startsWith('profile:')) {
    return { kind: 'profile', text, profile: hostProfile(text.slice('profile:'.length)) };
  }
  if (text === 'uki:') return { kind: 'uki', text, image: undefined };
  if (text.startsWith('uki:')) return { kind: 'uki', text, image: text.slice('uki:'.length) };
  if (text.startsWith('digest:')) return { kind: 'digest', text, digest: parseDigest(text) };
  if (isVerityDigest(text)) return { kind: 'digest', text, digest: text };
  return { kind: 'source', text };
}

function parseDigest(text: string): VerityDigest {
  const digits = text.slice('digest:'.length).toLowerCase();
  if (isVerityDigest(digits)) return digits;
  throw new PlanishError('BAD_REFERENCE', 'an fs-verity digest has 64 or 128 hexadecimal digits', {
    actual: text.slice(0, 160),
  });
}
