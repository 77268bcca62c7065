/**
 * SBAT: lines of components and their generations, by which old boot programs are revoked
 * (https://github.com/rhboot/shim/blob/main/SBAT.md). A UKI names those of its stub, its kernel, and itself.
 */

import type { ByteSource } from '../bytes/byte-source.ts';
import { decodeUtf8, fromBytes } from '../bytes/byte-string.ts';
import { badPe, decodePe, findSection, readSection } from './pe.ts';

const FIRST_LINE = 'sbat,1,SBAT Version,sbat,1,https://github.com/rhboot/shim/blob/main/SBAT.md';

/** What any UKI says of itself. */
export const UKI_SBAT = 'uki,1,UKI,uki,1,https://uapi-group.org/specifications/specs/unified_kernel_image/';

/** What any addon says of itself. */
export const ADDON_SBAT =
  'uki-addon,1,UKI Addon,addon,1,https://www.freedesktop.org/software/systemd/man/latest/systemd-stub.html';

/** Lines of a PE file's section `.sbat` after the first, none without the section. Throws `PE_BAD_IMAGE`. */
export function readSbat(source: ByteSource): string[] {
  const section = findSection(decodePe(source), '.sbat');
  if (section === undefined) return [];
  const text = decodeUtf8(fromBytes(readSection(source, section)));
  const [first = '', ...lines] = text?.replace(/\0+$/, '').split(/\r?\n/) ?? [];
  if (text === undefined || !first.startsWith('sbat,'))
    throw badPe('the section ".sbat" is not SBAT', section.rawOffset);
  return lines.filter((line) => line !== '');
}

/** The text of these lines, as ukify 257 writes it. */
export function formatSbat(lines: readonly string[]): Uint8Array {
  return Buffer.from(`${FIRST_LINE}\n${lines.join('\n')}\n\0`);
}
