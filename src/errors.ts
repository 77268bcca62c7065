/**
 * The one error class of planish and the closed table of its codes.
 *
 * Callers match on {@link PlanishError.code}, never on the class: an error loses its class, `code` and
 * extra fields when it crosses a thread, so {@link serializeError} and {@link deserializeError} carry it over.
 * Adding an error is adding a row here; `docs/errors.md` and the exit status of the command line follow.
 */

/** What sort of failure a code is; decides the exit status. */
export type ErrorKind = 'usage' | 'input' | 'integrity' | 'environment' | 'internal';

/** Exit status of the command line for each kind. */
export const EXIT_STATUS: Readonly<Record<ErrorKind, number>> = {
  usage: 2,
  input: 3,
  integrity: 4,
  environment: 5,
  internal: 70,
};

/** Every code, its kind, and its meaning in one sentence. */
export const ERROR_TABLE = {
  BAD_OPTION: ['usage', 'An option has a value that it cannot have.'],
  BAD_REFERENCE: ['usage', 'A source or destination is not written as any known kind of reference.'],
  COMPONENT_MAP_BAD: ['usage', 'A component map file is malformed.'],
  CONTENTMETA_BAD: ['usage', 'A contentmeta file is malformed or contradicts itself or the tree.'],
  GROUPS_BAD: ['usage', 'A file of optional groups is malformed or contradicts itself.'],
  NO_SUCH_IMAGE: ['usage', 'The layout, archive or path holds no image of that name.'],
  AMBIGUOUS_IMAGE: ['usage', 'Several images or platforms match; name one.'],
  PATH_NOT_FOUND: ['usage', 'The image holds no such path.'],
  NOT_MOUNTED: ['usage', 'No composefs image is mounted at that place.'],
  DESTINATION_EXISTS: ['usage', 'The destination exists and is not what would be written there.'],
  UNREPRESENTABLE: ['input', 'The tree holds something that the output format cannot express.'],
  LIMIT_EXCEEDED: ['input', 'The input claims or holds more than a named limit allows.'],
  TAR_BAD_CHECKSUM: ['input', 'A tar header does not match its checksum.'],
  TAR_BAD_HEADER: ['input', 'A tar header holds a value that it cannot have.'],
  TAR_TRUNCATED: ['input', 'A tar ends in the middle of an entry, or has no end of archive.'],
  TAR_UNSUPPORTED: ['input', 'A tar entry is of a kind that cannot be read exactly, and is refused by name.'],
  PAX_BAD_RECORD: ['input', 'A PAX extended header record is malformed.'],
  GZIP_BAD_DATA: ['input', 'A gzip stream is malformed, truncated or followed by garbage.'],
  ZSTD_BAD_DATA: ['input', 'A zstd stream is malformed, truncated or followed by garbage.'],
  COMPRESSION_UNSUPPORTED: ['input', 'The layer is compressed by a method that is not supported.'],
  JSON_BAD_DOCUMENT: ['input', 'A JSON document is malformed or lacks a required field.'],
  IMAGE_UNSUPPORTED: ['input', 'The image is of a kind that cannot be processed.'],
  ARCHIVE_BAD_LAYOUT: ['input', 'An archive or directory does not hold what its kind requires.'],
  PATH_ESCAPES_ROOT: ['input', 'A name or link leads outside the root of its layer.'],
  PATH_INVALID: ['input', 'A path is empty, too long, or holds a component that no file can have.'],
  PARENT_MISSING: ['input', 'An entry has no parent directory, and making one was not allowed.'],
  PARENT_NOT_DIRECTORY: ['input', 'An entry lies below something that is no directory.'],
  LINK_TARGET_MISSING: ['input', 'A hard link names a file that does not exist at that point.'],
  LINK_TARGET_INVALID: ['input', 'A hard link names a directory or itself.'],
  HOST_TREE_INVALID: ['input', 'The tree lacks what a host digest needs, such as a /usr directory.'],
  DUMP_BAD_LINE: ['input', 'A line of a composefs dumpfile is malformed.'],
  EROFS_BAD_SUPERBLOCK: ['input', 'A file is no composefs EROFS image of a known version.'],
  EROFS_BAD_INODE: ['input', 'An inode of an EROFS image is malformed or out of bounds.'],
  EROFS_BAD_DIRECTORY: ['input', 'A directory of an EROFS image is malformed.'],
  EROFS_BAD_XATTR: ['input', 'The extended attributes of an EROFS inode are malformed.'],
  PE_BAD_IMAGE: ['input', 'A PE file (a UKI, a boot loader) is malformed or out of bounds.'],
  NOT_BOOTABLE: ['input', 'The image lacks what a boot needs, or holds what cannot be sealed.'],
  DER_BAD_DATA: ['input', 'ASN.1 data (a key, a certificate, a signature) is not in DER.'],
  SIGNATURE_BAD_FORMAT: ['input', 'A signature of an image, or what it is stored in, is malformed.'],
  CMS_BAD_DATA: ['input', 'A CMS (PKCS #7) signature is malformed or of a kind that is not used.'],
  KEY_BAD: ['input', 'A key file is malformed, locked, too weak, or of a kind that is not used.'],
  CERTIFICATE_BAD: ['input', 'A certificate is malformed, not valid now, or not meant for its use here.'],
  KEY_MISMATCH: ['input', 'A key and a certificate do not belong together.'],
  DPKG_BAD_DATABASE: ['input', 'The dpkg database inside the image is malformed.'],
  RPM_BAD_DATABASE: ['input', 'The RPM database inside the image is malformed.'],
  SELINUX_BAD_POLICY: ['input', 'The SELinux policy inside the image is malformed or incomplete.'],
  SPLITSTREAM_BAD: ['input', 'A splitstream of a composefs repository is malformed or out of bounds.'],
  REPOSITORY_BAD: ['input', 'A composefs repository holds something that its format does not allow.'],
  REPOSITORY_UNSUPPORTED: ['input', 'A composefs repository is of a kind that cannot be used.'],
  CACHE_BAD_ENTRY: ['input', 'A file of the layer cache is damaged, foreign, or no such file.'],
  NO_REPOSITORY: ['usage', 'There is no composefs repository at that place.'],
  DIGEST_MISMATCH: ['integrity', 'A blob does not have the digest or size that names it.'],
  DIFFID_MISMATCH: ['integrity', 'An uncompressed layer does not have the diffID that the config names.'],
  VERITY_MISSING: ['integrity', 'A file has no fs-verity where that is required.'],
  VERITY_MISMATCH: ['integrity', 'Content does not have the fs-verity digest that names it.'],
  SIGNATURE_INVALID: [
    'integrity',
    'A signature is not of the content beside it, or not by the key it names.',
  ],
  SIGNATURE_UNTRUSTED: ['integrity', 'A signature is by none of the keys and certificates that are trusted.'],
  BLOB_MISSING: ['integrity', 'A blob that a manifest or config names is not there.'],
  OBJECT_MISSING: ['integrity', 'An object that a composefs repository refers to is not there.'],
  CONTENT_CHANGED: ['integrity', 'A source file changed while it was read.'],
  SYSCALL_FAILED: ['environment', 'The operating system refused an operation.'],
  NATIVE_UNAVAILABLE: [
    'environment',
    'Something needs the native helpers or a system tool that is not here.',
  ],
  SIGNATURE_REFUSED: [
    'environment',
    'The kernel does not accept an fs-verity signature: no key, or a wrong one.',
  ],
  VERITY_UNSUPPORTED: ['environment', 'The file system has no fs-verity, or none of the kind asked for.'],
  MOUNT_UNSUPPORTED: ['environment', 'The kernel lacks something that the mount needs.'],
  LOCKED: ['environment', 'Another program holds the lock of what is to be used.'],
  SIGNER_FAILED: ['environment', 'A key or a signing command did not give a signature that can be used.'],
  REGISTRY_UNREACHABLE: [
    'environment',
    'A registry cannot be reached, or does not answer, or not to the end, again and again.',
  ],
  REGISTRY_DENIED: ['environment', 'A registry wants other credentials than those that there are, or any.'],
  REGISTRY_REFUSED: ['environment', 'A registry answered that it does not do what it was asked for.'],
  REGISTRY_BAD_ANSWER: ['input', 'A registry answers what its protocol does not allow.'],
  CREDENTIALS_BAD: ['environment', 'A file of credentials is malformed, or a credential helper fails.'],
  DISK_FULL: ['environment', 'There is no room left on the device.'],
  INTERRUPTED: ['environment', 'The run was interrupted by a signal.'],
  WORKER_FAILED: ['environment', 'A worker thread ended unexpectedly.'],
  INVARIANT: ['internal', 'planish contradicts itself: a defect worth reporting.'],
} as const satisfies Readonly<Record<string, readonly [ErrorKind, string]>>;

/** The closed union of error codes. */
export type ErrorCode = keyof typeof ERROR_TABLE;

/** Plain data about where and what: numbers are bytes or counts, names are for display. */
export interface ErrorDetail {
  /** Byte offset in the file, layer or buffer that `path`, `layer` or the message names. */
  readonly offset?: number | undefined;
  /** Path inside the image, escaped for display. */
  readonly path?: string | undefined;
  /** File on this machine, or address without its query. */
  readonly file?: string | undefined;
  /** Digest or ordinal of the layer. */
  readonly layer?: string | undefined;
  /** One-based line number of a text. */
  readonly line?: number | undefined;
  readonly expected?: string | number | undefined;
  readonly actual?: string | number | undefined;
  /** The name of the limit that was passed, as documented in `docs/limits.md`. */
  readonly limit?: string | undefined;
  /** Fields of a Node system error. */
  readonly errno?: string | undefined;
  readonly syscall?: string | undefined;
  /** What the user can do about it, one phrase. */
  readonly hint?: string | undefined;
}

/** The error of planish. Messages are one lower-case sentence without a full stop. */
export class PlanishError extends Error {
  override readonly name = 'PlanishError';
  readonly code: ErrorCode;
  readonly detail: ErrorDetail;

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.detail = detail;
  }

  /** Kind of {@link code}. */
  get kind(): ErrorKind {
    return ERROR_TABLE[this.code][0];
  }
}

/** Whether a value is a {@link PlanishError}, of the given code when one is named. */
export function isPlanishError(value: unknown, code?: ErrorCode): value is PlanishError {
  return value instanceof PlanishError && (code === undefined || value.code === code);
}

/** Adds what is known further out (layer, file, path) to an error on its way up; fields already there win. */
export function withDetail(error: unknown, detail: ErrorDetail): unknown {
  // An interruption has nothing to do with what was at work then.
  if (!(error instanceof PlanishError) || error.code === 'INTERRUPTED') return error;
  const merged = new PlanishError(error.code, error.message, { ...detail, ...error.detail }, error.cause);
  if (error.stack !== undefined) merged.stack = error.stack;
  return merged;
}

/** Turns a Node system error (or anything else thrown by an operating-system call) into a {@link PlanishError}. */
export function fromSystemError(error: unknown, action: string, detail: ErrorDetail = {}): PlanishError {
  if (error instanceof PlanishError) return error;
  const node = error as NodeJS.ErrnoException;
  const full = node?.code === 'ENOSPC' || node?.code === 'EDQUOT';
  return new PlanishError(
    full ? 'DISK_FULL' : 'SYSCALL_FAILED',
    `${action}: ${node?.code ?? String(error)}`,
    { errno: node?.code, syscall: node?.syscall, ...detail },
    error,
  );
}

/** An error as plain data, to cross a thread boundary. */
export interface SerializedError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly detail: ErrorDetail;
  readonly stack: string | undefined;
  readonly cause: string | undefined;
}

/** Flattens any thrown value to plain data; what is no {@link PlanishError} becomes `INVARIANT`. */
export function serializeError(error: unknown): SerializedError {
  const known =
    error instanceof PlanishError
      ? error
      : new PlanishError('INVARIANT', `unexpected failure: ${String(error)}`, {}, error);
  const stack = error instanceof Error ? error.stack : undefined;
  const cause = known.cause === undefined ? undefined : String(known.cause);
  return { code: known.code, message: known.message, detail: known.detail, stack, cause };
}

/** The inverse of {@link serializeError}. */
export function deserializeError(data: SerializedError): PlanishError {
  const error = new PlanishError(data.code, data.message, data.detail, data.cause);
  if (data.stack !== undefined) error.stack = data.stack;
  return error;
}
