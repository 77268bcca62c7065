/**
 * Things that are tolerated but worth saying. A warning never changes an exit status; `lint` turns the same
 * observations into findings.
 */

/** The closed union of warning codes. */
export type WarningCode =
  /** A parent directory was absent from the tar and was made with mode 0755, owner 0:0 and time 0. */
  | 'PARENT_CREATED'
  /** A whiteout or opaque marker stands after siblings of its own layer: hosts remove those, OCI keeps them. */
  | 'WHITEOUT_ORDER'
  /** A whiteout names something that no lower layer holds. */
  | 'WHITEOUT_WITHOUT_TARGET'
  /** The same path occurs twice in one layer; the later entry wins. */
  | 'DUPLICATE_ENTRY'
  /** A fraction of a second was dropped, or a time before 1970 was raised to it. */
  | 'TIME_ADJUSTED'
  /** A socket cannot be stored in a tar and was left out. */
  | 'SOCKET_SKIPPED'
  /** A layer has several gzip members or zstd frames; some hosts read only the first. */
  | 'SEVERAL_MEMBERS'
  /** A tar ends without its two zero blocks. */
  | 'END_OF_ARCHIVE_MISSING'
  /** A sparse file was read; hosts refuse layers with such entries. */
  | 'SPARSE_ENTRY'
  /** The media type of a layer does not say how it is compressed, or says it wrongly. */
  | 'MEDIA_TYPE_WRONG'
  /** A slower stand-in is used because a native part is not here. */
  | 'SLOW_FALLBACK'
  /** The merged tree has no /usr, so no host digest exists. */
  | 'NO_HOST_DIGEST'
  /** Part of a package database could not be used; what it would have claimed falls to other sources. */
  | 'DATABASE_IGNORED'
  /** A device, user or other record of a tar could not be carried and was dropped. */
  | 'RECORD_DROPPED';

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
