/**
 * The typed mirror of `native-helpers/module.c`: what the optional C helpers take and return.
 *
 * Paths and names are bytes, so that what is no UTF-8 can be reached. A call that fails in an ordinary way returns a
 * negative errno and throws nothing; wrong types of arguments throw a `TypeError`. No call follows a last link.
 */

/** Must equal `PLANISH_CONTRACT_VERSION` in C; helpers of another version are not used. */
export const CONTRACT_VERSION = 1;

/** Flag of {@link NativeHelpers.scanDirectory}: records without extended attributes. */
export const SCAN_WITHOUT_XATTRS = 1;

/** Bytes that `failure` must have: step, length of name, name of at most 255 bytes. */
export const FAILURE_BYTES = 257;

/** What was being done when a scan failed: `failure[0]`. */
export const SCAN_STEPS = ['start', 'open', 'list', 'stat', 'readlink', 'read attributes of'] as const;

/** The functions in C. All are synchronous, keep no state and may be called on any thread. */
export interface NativeHelpers {
  readonly contractVersion: number;
  /**
   * All extended attributes of one inode, packed (see `records.ts`); empty where the file system has none.
   * `-EOVERFLOW` (-75) where they would take more than `limit` bytes. The buffer is the caller's own.
   */
  listXattrs(path: Uint8Array, limit: number): Buffer | number;
  /** Creates or replaces one extended attribute; 0 on success. */
  setXattr(path: Uint8Array, name: Uint8Array, value: Uint8Array): number;
  /**
   * A directory and its children, packed (see `records.ts`), in one call. `-EOVERFLOW` (-75) beyond `limit` bytes. On
   * failure `failure` ({@link FAILURE_BYTES} bytes of the caller's) says at which child and step.
   */
  scanDirectory(path: Uint8Array, flags: number, limit: number, failure: Uint8Array): Buffer | number;
}
