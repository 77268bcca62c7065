/**
 * The certificate table of a PE file: WIN_CERTIFICATE entries one after the other at the end of the file.
 *
 *     u32 length (8 + content), u16 revision 0x0200, u16 type 0x0002 (PKCS #7), content, zeros to a multiple of 8
 *
 * Some signers count the zeros in the length, which is taken too.
 */

import type { ByteSource } from '../bytes/byte-source.ts';
import { decodeDerPrefix } from '../der/reader.ts';
import { isPlanishError, PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { badPe } from './pe.ts';
import { SIGNATURE_ALIGNMENT, signaturePadding } from './pe-digest.ts';
import type { FileRange } from './pe-headers.ts';

const HEADER_BYTES = 8;
const REVISION_2 = 0x0200;
const TYPE_PKCS_SIGNED_DATA = 0x0002;

/** The table entry of a signature, zeros after it included. */
export function encodeCertificateEntry(pkcs7: Uint8Array): Uint8Array {
  const length = HEADER_BYTES + pkcs7.length;
  const entry = Buffer.alloc(length + signaturePadding(length));
  entry.writeUInt32LE(length, 0);
  entry.writeUInt16LE(REVISION_2, 4);
  entry.writeUInt16LE(TYPE_PKCS_SIGNED_DATA, 6);
  entry.set(pkcs7, HEADER_BYTES);
  return entry;
}

/** A signature as it lies in the file. */
export interface StoredSignature {
  /** Offset of its table entry. */
  readonly offset: number;
  /** DER PKCS #7. */
  readonly pkcs7: Uint8Array;
}

/**
 * All signatures of a file, in their order. Throws `PE_BAD_IMAGE` for a table that is malformed or holds anything else,
 * `LIMIT_EXCEEDED` (`peCertificateBytes`).
 */
export function readCertificateTable(source: ByteSource, table: FileRange | undefined): StoredSignature[] {
  if (table === undefined) return [];
  if (table.size > LIMITS.peCertificateBytes) {
    const detail = { limit: 'peCertificateBytes', expected: LIMITS.peCertificateBytes, actual: table.size };
    throw new PlanishError('LIMIT_EXCEEDED', 'the certificate table of a PE file is too large', detail);
  }
  const bytes = Buffer.from(source.read(table.offset, table.size));
  const signatures: StoredSignature[] = [];
  for (let at = 0; at < bytes.length; ) {
    const { pkcs7, end } = decodeEntry(bytes, at, table.offset);
    signatures.push({ offset: table.offset + at, pkcs7 });
    at = end;
  }
  return signatures;
}

function decodeEntry(bytes: Buffer, at: number, base: number): { pkcs7: Uint8Array; end: number } {
  if (bytes.length - at < HEADER_BYTES) throw badPe('a certificate table ends within an entry', base + at);
  const length = bytes.readUInt32LE(at);
  const end = at + length + signaturePadding(length);
  if (length <= HEADER_BYTES || end > bytes.length)
    throw badPe('an entry of a certificate table has a wrong length', base + at, { actual: length });
  if (bytes.readUInt16LE(at + 4) !== REVISION_2 || bytes.readUInt16LE(at + 6) !== TYPE_PKCS_SIGNED_DATA)
    throw badPe('an entry of a certificate table is no PKCS #7 signature', base + at);
  const content = bytes.subarray(at + HEADER_BYTES, end);
  const pkcs7 = prefix(content, base + at);
  const rest = content.subarray(pkcs7.length);
  if (rest.length >= SIGNATURE_ALIGNMENT || rest.some((byte) => byte !== 0))
    throw badPe('a signature is followed by something else', base + at + HEADER_BYTES + pkcs7.length);
  return { pkcs7, end };
}

function prefix(content: Uint8Array, offset: number): Uint8Array {
  try {
    return decodeDerPrefix(content).bytes;
  } catch (error) {
    if (!isPlanishError(error, 'DER_BAD_DATA')) throw error;
    throw badPe(`a signature is malformed: ${error.message}`, offset);
  }
}
