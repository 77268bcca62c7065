/**
 * Unified kernel images: a PE file whose sections hold kernel, initrd, command line and os-release (UAPI group
 * specification "Unified Kernel Image"). Of several sections of one name the first counts, as for composefs hosts.
 */

import type { ByteSource } from '../bytes/byte-source.ts';
import { decodeUtf8, fromBytes } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';
import { decodePe, findSection, type PeImage, readTextSection } from './pe.ts';

/** Sections without which hosts do not take a PE file for a UKI. */
export const REQUIRED_SECTIONS = ['.cmdline', '.osrel', '.linux', '.initrd'] as const;

/** Name of a section that hosts require. */
export type RequiredSection = (typeof REQUIRED_SECTIONS)[number];

/** What a UKI says. Texts are exactly the bytes of their sections, trailing NULs and newlines included. */
export interface Uki {
  readonly image: PeImage;
  /** Required sections that are not there. */
  readonly missing: readonly RequiredSection[];
  readonly cmdline: string | undefined;
  readonly osRelease: string | undefined;
  /** Whether it has profiles: other command lines, and parts, that can be chosen at boot. */
  readonly hasProfiles: boolean;
  /** Kernel release, which names the directory of its modules. */
  readonly uname: string | undefined;
}

/**
 * Reads tables and texts of a UKI. Throws `PE_BAD_IMAGE` for what `pe.ts` refuses and for texts that are not UTF-8, and
 * `LIMIT_EXCEEDED`.
 */
export function readUki(source: ByteSource): Uki {
  const image = decodePe(source);
  return {
    image,
    missing: REQUIRED_SECTIONS.filter((name) => findSection(image, name) === undefined),
    cmdline: readText(source, image, '.cmdline'),
    osRelease: readText(source, image, '.osrel'),
    uname: readText(source, image, '.uname'),
    hasProfiles: findSection(image, '.profile') !== undefined,
  };
}

function readText(source: ByteSource, image: PeImage, name: string): string | undefined {
  const section = findSection(image, name);
  if (section === undefined) return undefined;
  const text = decodeUtf8(fromBytes(readTextSection(source, section)));
  if (text !== undefined) return text;
  const detail = { offset: section.rawOffset };
  throw new PlanishError('PE_BAD_IMAGE', `section "${name}" of a UKI is not UTF-8`, detail);
}
