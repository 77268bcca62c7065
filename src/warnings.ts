/**
 * Things that are tolerated but worth saying, and the closed table of their codes. A warning never changes an exit
 * status. Adding a warning is adding a row here; `docs/warnings.md` follows.
 */

/** Every code and its meaning in one sentence. */
export const WARNING_TABLE = {
  PARENT_CREATED: 'A parent directory had no entry and was made with mode 0755, owner 0:0 and time 0.',
  WHITEOUT_ORDER:
    'A whiteout or opaque marker stands after siblings of its own layer: hosts remove those, OCI keeps them.',
  WHITEOUT_WITHOUT_TARGET: 'A whiteout names something that no lower layer holds.',
  DUPLICATE_ENTRY: 'The same path occurs twice in one layer; the later entry wins.',
  TIME_ADJUSTED: 'A fraction of a second was dropped, or a time before 1970 was raised to it.',
  SOCKET_SKIPPED: 'A socket cannot be stored in a tar and was left out.',
  SEVERAL_MEMBERS: 'A layer has several gzip members or zstd frames; some hosts read only the first.',
  END_OF_ARCHIVE_MISSING: 'A tar ends without its two zero blocks.',
  SPARSE_ENTRY: 'A sparse file was read; hosts refuse layers with such entries.',
  MEDIA_TYPE_WRONG: 'The media type of a layer does not say how it is compressed, or says it wrongly.',
  SLOW_FALLBACK: 'A slower stand-in is used because a native part is not here.',
  NO_HOST_DIGEST: 'The tree lacks what hosts require, such as a /usr directory, so no host digest exists.',
  DATABASE_IGNORED:
    'Part of a package database could not be used; what it would have claimed falls to other sources.',
  SIZE_WITHOUT_CONTENT:
    'A link, directory or device claims a size in its tar header; hosts refuse such an entry.',
  GLOBAL_HEADER:
    'A layer has a PAX global header, which no client of images applies, and was read without it.',
  XATTR_ENCODING:
    'An extended attribute is stored only in the way of libarchive, which hosts and container engines do not read.',
  RECORD_DROPPED:
    'Part of a tar that layers do not carry (an ACL or SELinux record, bookkeeping of aufs) was dropped.',
  CONTENTMETA_INCOMPLETE: 'A contentmeta file leaves out files of the tree, or names what is not in it.',
  LAYER_BUDGET: 'The image may have more layers than some clients take.',
  COMPONENT_SETTING:
    'A component name or update interval that the user set is malformed or contradicts another.',
  REPOSITORY_INSECURE:
    'A composefs repository is without fs-verity: nothing but `repo fsck` notices when its objects change.',
  PREVIOUS_IGNORED:
    'Part of the previous image is not what it should be; what would have come from it is read from the source or planned afresh.',
  CACHE_IGNORED: 'The layer cache, or a file of it, could not be used; the run goes on without.',
  REFERRER_IGNORED:
    'An artifact that refers to the image was left out: it cannot be read, or speaks of another manifest.',
  STREAM_IGNORED: 'A stream of the repository could not be used and was made again.',
  SBAT_NOT_MERGED: 'A UKI lacks revocation lines because its stub has no room for them.',
} as const satisfies Readonly<Record<string, string>>;

/** The closed union of warning codes. */
export type WarningCode = keyof typeof WARNING_TABLE;

/** One tolerated oddity: plain data. */
export interface Warning {
  readonly code: WarningCode;
  /** One lower-case sentence without a full stop. */
  readonly message: string;
  /** Path inside the image, escaped for display. */
  readonly path?: string | undefined;
  /** Ordinal (0 = base) of the layer. */
  readonly layer?: number | undefined;
}

/** Receives warnings as they are found, in a deterministic order. */
export type OnWarning = (warning: Warning) => void;
