/** What `seal` takes out of the image: kernels, kernel arguments, os-release, the stub. */

import { findBootEntries } from '../../boot/boot-entries.ts';
import type { EfiMachine } from '../../boot/efi-machine.ts';
import { findKernels, type Kernel } from '../../boot/kernels.ts';
import { badPe } from '../../boot/pe.ts';
import { decodePeHeaders } from '../../boot/pe-headers.ts';
import { type KargsText, kargsOf } from '../../boot/sealed-cmdline.ts';
import type { ByteSource } from '../../bytes/byte-source.ts';
import { type ByteString, byteString, decodeUtf8, display, fromBytes } from '../../bytes/byte-string.ts';
import { type ErrorDetail, PlanishError, withDetail } from '../../errors.ts';
import { LIMITS } from '../../limits.ts';
import type { ContentReader } from '../../parallel/content-file.ts';
import type { Directory, RegularFile } from '../../tree/tree.ts';
import { joinPath, lookup, sortedChildren } from '../../tree/walk.ts';
import { contentSource } from '../load/content-source.ts';

const OS_RELEASE = byteString('/usr/lib/os-release');
const STUBS = byteString('/usr/lib/systemd/boot/efi');
const KARGS = byteString('/usr/lib/bootc/kargs.d');

/** The kernels to seal. Throws `NOT_BOOTABLE`, `BAD_OPTION` for a version that is not there. */
export function chooseKernels(root: Directory, wanted: readonly string[]): Kernel[] {
  const entries = findBootEntries(root);
  const [uki] = entries.ukis;
  const [entry] = entries.type1;
  if (uki !== undefined) throw unfit('the image holds a UKI already', uki.path);
  if (entry !== undefined) throw unfit('hosts refuse images that ship boot loader entries', entry);
  const kernels = findKernels(root);
  const missing = wanted.find((version) => !kernels.some((kernel) => kernel.version === version));
  if (missing !== undefined) {
    const hint = `kernels: ${kernels.map(({ version }) => version).join(', ') || 'none'}`;
    throw new PlanishError('BAD_OPTION', 'the image has no kernel of that version', {
      actual: missing,
      hint,
    });
  }
  if (kernels.length === 0) throw unfit('the image holds no kernel', byteString('/usr/lib/modules'));
  const others = kernels.filter(({ version }) => !wanted.includes(version));
  if (others.length > 0 && (kernels.length > 1 || wanted.length > 0)) {
    const versions = kernels.map(({ version }) => version).join(', ');
    throw new PlanishError('NOT_BOOTABLE', `the image holds several kernels: ${versions}`, {
      hint: 'remove all but one from the image, or name every one with --kernel',
    });
  }
  return kernels;
}

/** Throws `NOT_BOOTABLE`. */
export function readOsRelease(root: Directory, reader: ContentReader): Uint8Array {
  const source = textFile(root, reader, OS_RELEASE);
  if (source !== undefined) return source.read(0, source.size);
  throw unfit('the image has no os-release', OS_RELEASE);
}

/** Where an image has systemd's stub. */
export function stubPath(kind: 'linux' | 'addon', { efi }: EfiMachine): ByteString {
  return joinPath(STUBS, byteString(`${kind}${efi}.efi.stub`));
}

/** systemd's stub of the image, for UKIs or addons. Throws `NOT_BOOTABLE`. */
export function readStub(
  root: Directory,
  reader: ContentReader,
  kind: 'linux' | 'addon',
  machine: EfiMachine,
): Uint8Array {
  const path = stubPath(kind, machine);
  const source = fileSource(root, reader, path);
  if (source === undefined) {
    const hint = 'install systemd-boot-efi into the image, or give one with --stub';
    throw new PlanishError('NOT_BOOTABLE', 'the image has no stub to make a UKI with', {
      path: display(path),
      hint,
    });
  }
  return wholeStub(source, { path: display(path) });
}

/** The bytes of a stub that lies at `place`. Throws `LIMIT_EXCEEDED` (`peStubBytes`), `PE_BAD_IMAGE`. */
export function wholeStub(source: ByteSource, place: Pick<ErrorDetail, 'path' | 'file'>): Uint8Array {
  if (source.size > LIMITS.peStubBytes) {
    const detail = { ...place, limit: 'peStubBytes', expected: LIMITS.peStubBytes, actual: source.size };
    throw new PlanishError('LIMIT_EXCEEDED', 'a stub is too large', detail);
  }
  try {
    const { certificateTable } = decodePeHeaders(source);
    if (certificateTable !== undefined) throw badPe('the stub is signed already', certificateTable.offset);
  } catch (error) {
    throw withDetail(error, place);
  }
  return source.read(0, source.size);
}

/** Arguments of kargs.d. Throws `NOT_BOOTABLE`. */
export function readKargs(root: Directory, reader: ContentReader, { rust }: EfiMachine): string[] {
  const directory = lookup(root, KARGS);
  if (directory?.type !== 'directory') return [];
  const texts = sortedChildren(directory)
    .filter(([name, node]) => name.endsWith('.toml') && node.type !== 'directory')
    .map(([name]) => readKargsFile(root, reader, joinPath(KARGS, name)));
  return kargsOf(texts, rust);
}

function readKargsFile(root: Directory, reader: ContentReader, path: ByteString): KargsText {
  const source = textFile(root, reader, path);
  if (source === undefined) throw unfit('kernel arguments are in no regular file', path);
  const text = decodeUtf8(fromBytes(source.read(0, source.size)));
  if (text === undefined) throw unfit('kernel arguments are not UTF-8', path);
  return { name: display(path), text };
}

/** A file that is small enough to be a text. */
function textFile(root: Directory, reader: ContentReader, path: ByteString): ByteSource | undefined {
  const source = fileSource(root, reader, path);
  if (source === undefined || source.size <= LIMITS.peTextBytes) return source;
  const detail = { path: display(path), limit: 'peTextBytes', expected: LIMITS.peTextBytes };
  throw new PlanishError('LIMIT_EXCEEDED', 'a text of the image is too long for a UKI', detail);
}

function fileSource(root: Directory, reader: ContentReader, path: ByteString): ByteSource | undefined {
  const file = lookup(root, path);
  return file?.type === 'regular' ? contentSource(reader, (file as RegularFile).content) : undefined;
}

function unfit(message: string, path: ByteString): PlanishError {
  return new PlanishError('NOT_BOOTABLE', message, { path: display(path) });
}
