/** `pe`: looks at PE files (UKIs, addons, boot loaders), signs them, and verifies their signatures. */
import { detachSignatures } from '../../boot/authenticode.ts';
import { type AuthenticodeVerdict, checkAuthenticode } from '../../boot/authenticode-verify.ts';
import { readCertificateTable } from '../../boot/certificate-table.ts';
import { authenticodeDigest, computeChecksum } from '../../boot/pe-digest.ts';
import { decodePeHeaders } from '../../boot/pe-headers.ts';
import { type ByteSource, readPieces } from '../../bytes/byte-source.ts';
import { display } from '../../bytes/byte-string.ts';
import { PlanishError, withDetail } from '../../errors.ts';
import { loadCertificates, readSignatureFile } from '../../io/key-files.ts';
import { writePiecesAside } from '../../io/write-file.ts';
import { withFileSources } from '../load/file-source.ts';
import { attachToPe } from './attach-pe.ts';
import { type BootSigningOptions, bootCertificates, openBootSigner } from './boot-signer.ts';
import { signPeSource } from './sign-pe.ts';

/** One row of the section table; numbers are bytes. */
export interface PeSectionRow {
  readonly name: string;
  readonly virtualAddress: number;
  readonly virtualSize: number;
  readonly offset: number;
  readonly size: number;
  readonly characteristics: number;
}

/** Result of {@link peSections}. */
export interface PeSections {
  readonly file: string;
  readonly size: number;
  /** IMAGE_FILE_MACHINE_*: 0x8664 x86-64, 0xaa64 AArch64. */
  readonly machine: number;
  readonly sections: readonly PeSectionRow[];
  readonly checksum: { readonly stored: number; readonly computed: number };
  /** Signatures of the file. */
  readonly signatures: number;
}

/** Sections and headers. Throws `PE_BAD_IMAGE`. */
export async function peSections(file: string): Promise<PeSections> {
  return await withPe(file, async (source) => {
    const headers = decodePeHeaders(source);
    return {
      file,
      size: source.size,
      machine: headers.machine,
      sections: headers.sections.map(
        ({ name, virtualAddress, virtualSize, rawOffset, rawSize, characteristics }) => ({
          name: display(name),
          virtualAddress,
          virtualSize,
          offset: rawOffset,
          size: rawSize,
          characteristics,
        }),
      ),
      checksum: { stored: headers.checkSum, computed: computeChecksum(source, headers) % 2 ** 32 },
      signatures: readCertificateTable(source, headers.certificateTable).length,
    };
  });
}

/** The digest that a signature of a file names, in hexadecimal. Throws `PE_BAD_IMAGE`. */
export async function peHash(
  file: string,
  hash: 'sha256' | 'sha384' | 'sha512' = 'sha256',
): Promise<{ readonly file: string; readonly hash: string; readonly digest: string }> {
  return await withPe(file, async (source) => {
    const digest = authenticodeDigest(source, decodePeHeaders(source), hash);
    return { file, hash, digest: Buffer.from(digest).toString('hex') };
  });
}

/** Result of {@link peSign} and {@link peAttach}. */
export interface SignedPe {
  readonly file: string;
  readonly output: string;
  readonly size: number;
  /** SHA-256 Authenticode digest. */
  readonly digest: string;
  readonly signer: string;
  /** Signatures of the file, with the new one. */
  readonly signatures: number;
}

/** Options of {@link peSign}. */
export interface PeSignOptions extends BootSigningOptions {
  /** Take off the signatures that the file has; default: the new one follows them. */
  readonly replace?: boolean | undefined;
}

/** Signs a file. The result is the same every time. */
export async function peSign(file: string, output: string, options: PeSignOptions): Promise<SignedPe> {
  const by = openBootSigner(options);
  return await withPe(file, async (given) => {
    const source = options.replace === true ? detachSignatures(given) : given;
    return write(file, output, await signPeSource(source, by), by.certificate.subject);
  });
}

/** Attaches a signature that came from elsewhere: raw, base64 or PKCS #7. Throws `SIGNATURE_INVALID` for another's. */
export async function peAttach(
  file: string,
  output: string,
  options: { readonly signature: string; readonly certificate: string; readonly time?: number | undefined },
): Promise<SignedPe> {
  const certificates = bootCertificates(options.certificate, options.time);
  return await withPe(file, async (source) => {
    const signed = attachToPe(source, readSignatureFile(options.signature), certificates, options.signature);
    return write(file, output, signed, certificates[0].subject);
  });
}

/** Result of {@link peVerify}. */
export interface VerifiedPe extends AuthenticodeVerdict {
  readonly file: string;
}

/** Looks at every signature; a file without one that holds is a finding, not an error. Throws for malformed files. */
export async function peVerify(file: string, certificates: readonly string[]): Promise<VerifiedPe> {
  const trusted = certificates.flatMap(loadCertificates);
  if (trusted.length === 0)
    throw new PlanishError('BAD_OPTION', 'a certificate to verify against is needed: --cert FILE');
  return await withPe(file, async (source) => ({ file, ...checkAuthenticode(source, trusted) }));
}

function write(file: string, output: string, signed: ByteSource, signer: string): SignedPe {
  writePiecesAside(output, readPieces(signed));
  const headers = decodePeHeaders(signed);
  return {
    file,
    output,
    size: signed.size,
    digest: Buffer.from(authenticodeDigest(signed, headers)).toString('hex'),
    signer,
    signatures: readCertificateTable(signed, headers.certificateTable).length,
  };
}

async function withPe<T>(file: string, use: (source: ByteSource) => Promise<T>): Promise<T> {
  try {
    return await withFileSources([file], async ([source]) => await use(source as ByteSource));
  } catch (error) {
    throw withDetail(error, { file });
  }
}
