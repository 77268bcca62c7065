/**
 * What a signature of a PE file covers (Microsoft "Windows Authenticode Portable Executable Signature Format"), and the
 * checksum of its header.
 *
 * Covered is the whole file but for the checksum, the entry that names the certificate table, and that table. The
 * specification goes by sections, in the order of their offsets, so it would leave out what lies between them; a file
 * with anything there is refused, and then both readings are one. Signers fill a file up to a multiple of eight bytes
 * before they hash.
 */
import { createHash } from 'node:crypto';
import { type ByteSource, readPieces } from '../bytes/byte-source.ts';
import { badPe, quoteSection } from './pe.ts';
import { OPTIONAL, type PeHeaders } from './pe-headers.ts';

/** Hash algorithms of Authenticode in use. */
export type AuthenticodeHash = 'sha256' | 'sha384' | 'sha512';

/** Multiple of bytes that a file is filled up to before it is signed. */
export const SIGNATURE_ALIGNMENT = 8;

/** The digest that a signature names. Throws `PE_BAD_IMAGE` for files that readers would hash in different ways. */
export function authenticodeDigest(
  source: ByteSource,
  headers: PeHeaders,
  hash: AuthenticodeHash = 'sha256',
): Uint8Array {
  checkNoGaps(headers);
  const checkSum = headers.optionalHeader + OPTIONAL.checkSum;
  const end = headers.certificateTable?.offset ?? source.size;
  const hasher = createHash(hash);
  for (const [from, to] of [
    [0, checkSum],
    [checkSum + 4, headers.securityEntry],
    [headers.securityEntry + 8, end],
  ] as const) {
    for (const piece of readPieces(source, from, to)) hasher.update(piece);
  }
  return hasher.update(new Uint8Array(signaturePadding(end))).digest();
}

/** Zeros after a file of so many bytes before a signature. */
export function signaturePadding(size: number): number {
  return (SIGNATURE_ALIGNMENT - (size % SIGNATURE_ALIGNMENT)) % SIGNATURE_ALIGNMENT;
}

function checkNoGaps({ sections, sizeOfHeaders }: PeHeaders): void {
  let end = sizeOfHeaders;
  const stored = sections.filter(({ rawSize }) => rawSize > 0).sort((a, b) => a.rawOffset - b.rawOffset);
  for (const { name, rawOffset, rawSize } of stored) {
    if (rawOffset !== end) {
      const detail = { expected: end, actual: rawOffset };
      throw badPe(`section ${quoteSection(name)} does not follow what is before it`, rawOffset, detail);
    }
    end = rawOffset + rawSize;
  }
}

/**
 * CheckSum of the header: the sum of all little-endian words of 16 bits, carries folded in, with the field itself as
 * zero, plus the length of the file.
 */
export function computeChecksum(source: ByteSource, headers: PeHeaders): number {
  const field = headers.optionalHeader + OPTIONAL.checkSum;
  let sum = 0;
  let at = 0;
  for (const piece of readPieces(source)) {
    for (let index = 0; index < 4; index += 1) {
      const inside = field + index - at;
      if (inside >= 0 && inside < piece.length) piece[inside] = 0;
    }
    sum = fold(sum + sumOfWords(piece));
    at += piece.length;
  }
  return fold(sum) + source.size;
}

/** At most 2^19 words of 16 bits: below 2^35, exact. */
function sumOfWords(piece: Uint8Array): number {
  let sum = 0;
  const even = piece.length - (piece.length % 2);
  for (let index = 0; index < even; index += 2) sum += (piece[index] ?? 0) + (piece[index + 1] ?? 0) * 256;
  return even === piece.length ? sum : sum + (piece[even] ?? 0);
}

function fold(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = (folded % 0x10000) + Math.trunc(folded / 0x10000);
  return folded;
}
