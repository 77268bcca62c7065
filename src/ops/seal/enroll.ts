/**
 * `enroll`: the files by which a machine in setup mode takes up keys of one's own. systemd-boot looks for them at
 * `loader/keys/NAME` of the EFI system partition, and bootc copies them there from the image.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import {
  encodeAuthenticatedVariable,
  encodeSignatureLists,
  type SecureVariable,
} from '../../boot/efi-variables.ts';
import { PlanishError } from '../../errors.ts';
import { makeDirectory } from '../../io/durable-file.ts';
import { loadCertificates } from '../../io/key-files.ts';
import { writeFileAside } from '../../io/write-file.ts';
import type { Certificate } from '../../sign/certificate.ts';
import { type BootSigner, openBootSigner } from './boot-signer.ts';

/** Options of {@link enroll}. */
export interface EnrollOptions {
  /** Directory for `PK.auth`, `KEK.auth` and `db.auth`: it is made. */
  readonly destination?: string | undefined;
  /** Or an EFI system partition: they go to `loader/keys/NAME` there. */
  readonly esp?: string | undefined;
  /** Or the root of an image: they go to `usr/lib/bootc/install/secureboot-keys/NAME` there. */
  readonly rootfs?: string | undefined;
  /** Default `auto`, which systemd-boot enrols by itself where it is told to. */
  readonly name?: string | undefined;
  /** File of the certificate of the platform key, and of its key, or `exec:COMMAND`. */
  readonly pk: string;
  readonly pkKey: string;
  /** The same of the key exchange key. */
  readonly kek: string;
  readonly kekKey: string;
  /** Files of the certificates whose boot programs may be started. */
  readonly db: readonly string[];
  /** Further key exchange certificates. */
  readonly moreKek?: readonly string[] | undefined;
  readonly passphraseFile?: string | undefined;
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** GUID of the owner of the entries; default: made of the platform certificate. */
  readonly owner?: string | undefined;
  /** Seconds since 1970 of the change; default: when the newest certificate became valid. */
  readonly time?: number | undefined;
  /** Seconds since 1970 at which certificates must be valid; absent: it is not looked at. */
  readonly now?: number | undefined;
}

/** A file that was written. */
export interface EnrolledVariable {
  readonly variable: SecureVariable;
  readonly file: string;
  /** Subjects of the certificates in it, and of the one that signed. */
  readonly certificates: readonly string[];
  readonly signer: string;
  readonly size: number;
}

/** Result of {@link enroll}. */
export interface EnrollResult {
  readonly directory: string;
  readonly owner: string;
  /** RFC 3339. */
  readonly time: string;
  readonly files: readonly EnrolledVariable[];
}

/** Writes the three files. The same keys and options give the same bytes. Throws `BAD_OPTION`, what keys are refused with. */
export async function enroll(options: EnrollOptions): Promise<EnrollResult> {
  const directory = directoryOf(options);
  const pk = openSigner(options, options.pk, options.pkKey);
  const kek = openSigner(options, options.kek, options.kekKey);
  const others = (options.moreKek ?? []).flatMap(loadCertificates);
  const db = options.db.flatMap(loadCertificates);
  if (db.length === 0) throw new PlanishError('BAD_OPTION', 'a certificate for db is needed: --db FILE');
  const all = [pk.certificate, kek.certificate, ...others, ...db];
  const time = options.time ?? Math.max(...all.map(({ notBefore }) => notBefore));
  const owner = options.owner ?? ownerOf(pk.certificate);
  const parts: [SecureVariable, readonly Certificate[], BootSigner][] = [
    ['PK', [pk.certificate], pk],
    ['KEK', [kek.certificate, ...others], pk],
    ['db', db, kek],
  ];
  const made: [EnrolledVariable, Uint8Array][] = [];
  for (const [variable, certificates, by] of parts) {
    const value = encodeSignatureLists(certificates, owner);
    const bytes = await encodeAuthenticatedVariable(
      { name: variable, value, time },
      by.certificate,
      by.signer,
    );
    const subjects = certificates.map(({ subject }) => subject);
    const file = join(directory, `${variable}.auth`);
    made.push([
      { variable, file, certificates: subjects, signer: by.certificate.subject, size: bytes.length },
      bytes,
    ]);
  }
  makeDirectory(directory);
  for (const [{ file }, bytes] of made) writeFileAside(file, bytes);
  const files = made.map(([variable]) => variable);
  return { directory, owner, time: new Date(time * 1000).toISOString().replace('.000Z', 'Z'), files };
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/;

function directoryOf({ destination, esp, rootfs, name = 'auto' }: EnrollOptions): string {
  if (!NAME.test(name))
    throw new PlanishError('BAD_OPTION', 'not a name of a directory of keys', { actual: name });
  const chosen = [
    destination,
    esp === undefined ? undefined : join(esp, 'loader/keys', name),
    rootfs === undefined ? undefined : join(rootfs, 'usr/lib/bootc/install/secureboot-keys', name),
  ].filter((directory) => directory !== undefined);
  const [only] = chosen;
  if (only !== undefined && chosen.length === 1) return only;
  throw new PlanishError('BAD_OPTION', 'one of --output, --esp and --rootfs is needed');
}

function openSigner(options: EnrollOptions, certificate: string, key: string): BootSigner {
  const { passphraseFile, environment, now } = options;
  const how = key.startsWith('exec:') ? { signWith: key } : { key };
  return openBootSigner({ certificate, ...how, passphraseFile, environment, time: now, use: 'sign' });
}

/** A GUID (version 8, RFC 9562) of a certificate. */
function ownerOf({ der }: Certificate): string {
  const bytes = createHash('sha256').update(der).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
