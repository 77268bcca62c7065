/**
 * Makes unified kernel images and addons out of systemd's stubs, with the sections and in the order of ukify 257, byte for
 * byte. Kernel and initrd are not held in memory.
 */

import { type ByteSource, byteSource, concatSources, zeroSource } from '../bytes/byte-source.ts';
import { type ErrorDetail, isPlanishError, withDetail } from '../errors.ts';
import { badPe, findSection, quoteSection } from './pe.ts';
import { decodePeHeaders, NX_COMPAT, type PeHeaders } from './pe-headers.ts';
import { addSections, type NewSection, roomFor } from './pe-writer.ts';
import { ADDON_SBAT, formatSbat, readSbat, UKI_SBAT } from './sbat.ts';

/** What addons and UKIs may hold. */
export interface AddonParts {
  /** `linuxARCH.efi.stub` for a UKI, `addonARCH.efi.stub` for an addon. */
  readonly stub: Uint8Array;
  readonly cmdline?: string | undefined;
  readonly uname?: string | undefined;
  /** A device tree. */
  readonly dtb?: Uint8Array | undefined;
  /** Processor microcode, as a cpio. */
  readonly microcode?: ByteSource | undefined;
  /** Initial file systems, cpio in any compression; each but the last is filled up to a multiple of four bytes. */
  readonly initrds?: readonly ByteSource[] | undefined;
}

/** Where a part lies, for errors about it. */
export type PartPlace = Pick<ErrorDetail, 'path' | 'file'>;

/** What a UKI is made of. Text is taken as it is. */
export interface UkiParts extends AddonParts {
  readonly stubPlace?: PartPlace | undefined;
  readonly linuxPlace?: PartPlace | undefined;
  readonly osRelease: Uint8Array;
  readonly linux: ByteSource;
  /** A picture (BMP). */
  readonly splash?: Uint8Array | undefined;
  /** Public key of signatures of expected measurements, PEM. */
  readonly pcrPublicKey?: Uint8Array | undefined;
}

/** A UKI or addon that was made. */
export interface BuiltUki {
  readonly source: ByteSource;
  /** Whether revocation lines of kernel and UKI are in it; old stubs have no room for them. */
  readonly sbatMerged: boolean;
}

/**
 * A UKI, not signed. Throws `PE_BAD_IMAGE` for a stub or kernel that is malformed, a stub for another machine than the
 * kernel is for, a stub that is signed, has no room or is a UKI itself, and `LIMIT_EXCEEDED` for a UKI beyond 4 GiB.
 */
export function buildUki(parts: UkiParts): BuiltUki {
  const kernel = at(parts.linuxPlace, () => readKernel(parts.linux));
  return at(parts.stubPlace, () => buildAround(parts, kernel));
}

function at<T>(place: PartPlace | undefined, work: () => T): T {
  try {
    return work();
  } catch (error) {
    // A UKI that is too large is not the stub's fault.
    throw isPlanishError(error, 'LIMIT_EXCEEDED') ? error : withDetail(error, place ?? {});
  }
}

/** What the rest of a UKI must fit. */
interface KernelFacts {
  readonly headers: PeHeaders;
  readonly sbat: readonly string[];
}

function buildAround(parts: UkiParts, kernel: KernelFacts): BuiltUki {
  const stub = byteSource(parts.stub);
  checkStub(decodePeHeaders(stub), kernel.headers);
  const sbat = sbatSection(stub, [...readSbat(stub), ...kernel.sbat, UKI_SBAT]);
  const sections = [
    ...bytes('.osrel', parts.osRelease),
    ...text('.cmdline', parts.cmdline),
    ...bytes('.dtb', parts.dtb),
    ...text('.uname', parts.uname),
    ...bytes('.splash', parts.splash),
    ...bytes('.pcrpkey', parts.pcrPublicKey),
    { name: '.linux', content: parts.linux, code: true },
    ...payload(parts),
    ...sbat,
  ];
  const clearNxCompat = (kernel.headers.dllCharacteristics & NX_COMPAT) === 0;
  return { source: addSections(parts.stub, sections, { clearNxCompat }), sbatMerged: sbat.length > 0 };
}

/** Sections of finished UKIs. A stub that has one would bring what was not asked for, as a profile of its own. */
const NOT_IN_STUBS = ['.linux', '.initrd', '.cmdline', '.profile', '.pcrsig', '.dtb', '.dtbauto', '.hwids'];

function checkStub(stub: PeHeaders, kernel: PeHeaders): void {
  const foreign = NOT_IN_STUBS.map((name) => findSection(stub, name)).find(
    (section) => section !== undefined,
  );
  if (foreign !== undefined) {
    throw badPe(
      `the stub has section ${quoteSection(foreign.name)}: it is no stub, but a UKI`,
      foreign.rawOffset,
    );
  }
  if (kernel.machine === stub.machine) return;
  throw badPe('the stub is for another machine than the kernel', 0, {
    expected: `0x${kernel.machine.toString(16)}`,
    actual: `0x${stub.machine.toString(16)}`,
  });
}

/** An addon, not signed. Throws as {@link buildUki}. */
export function buildAddon(parts: AddonParts): BuiltUki {
  const sbat = sbatSection(byteSource(parts.stub), [ADDON_SBAT]);
  const sections = [
    ...text('.cmdline', parts.cmdline),
    ...bytes('.dtb', parts.dtb),
    ...text('.uname', parts.uname),
    ...payload(parts),
    ...sbat,
  ];
  return { source: addSections(parts.stub, sections), sbatMerged: sbat.length > 0 };
}

function payload({ initrds = [], microcode }: AddonParts): NewSection[] {
  const content = joinInitrds(initrds);
  return [
    ...(content.size === 0 ? [] : [{ name: '.initrd', content }]),
    ...(microcode === undefined ? [] : [{ name: '.ucode', content: microcode }]),
  ];
}

/** Several are each filled up to four bytes, one is left as it is. */
function joinInitrds(initrds: readonly ByteSource[]): ByteSource {
  if (initrds.length === 1) return concatSources(initrds);
  return concatSources(initrds.flatMap((initrd) => [initrd, zeroSource((4 - (initrd.size % 4)) % 4)]));
}

function readKernel(linux: ByteSource): KernelFacts {
  try {
    return { headers: decodePeHeaders(linux), sbat: readSbat(linux) };
  } catch (error) {
    if (!isPlanishError(error, 'PE_BAD_IMAGE')) throw error;
    throw badPe(`the kernel is no EFI program: ${error.message}`, Number(error.detail.offset ?? 0));
  }
}

/** None where the stub has a section that is too small. */
function sbatSection(stub: ByteSource, lines: readonly string[]): NewSection[] {
  const headers = decodePeHeaders(stub);
  const content = byteSource(formatSbat(lines));
  const section = findSection(headers, '.sbat');
  const fits = section === undefined || content.size <= roomFor(headers, section);
  return fits ? [{ name: '.sbat', content }] : [];
}

function text(name: string, value: string | undefined): NewSection[] {
  return value === undefined || value === '' ? [] : [{ name, content: byteSource(Buffer.from(value)) }];
}

function bytes(name: string, value: Uint8Array | undefined): NewSection[] {
  return value === undefined || value.length === 0 ? [] : [{ name, content: byteSource(value) }];
}
