/** Addons that are put beside UKIs: for one of them in its `.extra.d`, for all in /boot/loader/addons. */
import { basename } from 'node:path';
import { composefsArguments } from '../../boot/cmdline.ts';
import { findSection, readTextSection } from '../../boot/pe.ts';
import { decodePeHeaders } from '../../boot/pe-headers.ts';
import type { ByteSource } from '../../bytes/byte-source.ts';
import { type ByteString, byteString, fromUtf8 } from '../../bytes/byte-string.ts';
import { PlanishError, withDetail } from '../../errors.ts';

/** An addon: where it goes, and what it is. */
export interface Addon {
  readonly path: ByteString;
  readonly source: ByteSource;
  readonly isSigned: boolean;
}

const SUFFIX = '.addon.efi';

/**
 * Addons given as files. Throws `BAD_OPTION` for a name that hosts don't take for one, `PE_BAD_IMAGE`, and
 * `NOT_BOOTABLE` for one that names a composefs digest: hosts would take it for that of the image.
 */
export function placeAddons(
  files: readonly string[],
  sources: readonly ByteSource[],
  directory: ByteString,
): Addon[] {
  return files.map((file, index) => {
    const name = basename(file);
    if (!name.endsWith(SUFFIX) || name.length === SUFFIX.length)
      throw new PlanishError('BAD_OPTION', `the name of an addon must end in ${SUFFIX}`, { file });
    const source = sources[index] as ByteSource;
    try {
      return { path: byteString(`${directory}/${fromUtf8(name)}`), source, isSigned: inspectAddon(source) };
    } catch (error) {
      throw withDetail(error, { file });
    }
  });
}

/** Whether it is signed. */
function inspectAddon(source: ByteSource): boolean {
  const headers = decodePeHeaders(source);
  const cmdline = findSection(headers, '.cmdline');
  const text = cmdline === undefined ? '' : Buffer.from(readTextSection(source, cmdline)).toString();
  if (findSection(headers, '.linux') !== undefined)
    throw new PlanishError('NOT_BOOTABLE', 'an addon holds a kernel: it is a UKI');
  if (composefsArguments(text).length > 0)
    throw new PlanishError('NOT_BOOTABLE', 'an addon names a composefs digest, which only a UKI may');
  return headers.certificateTable !== undefined;
}
