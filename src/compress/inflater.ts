/** What the ways to inflate a member of a gzip stream have in common. */

/** Most bytes that come out at a time; with the 16 KiB that are the default of `node:zlib` it is three times slower. */
export const INFLATED_BYTES: number = 1024 * 1024;

/**
 * One deflate stream, read from a `PieceReader`. `GZIP_BAD_DATA` names the offset at which a malformed stream begins, as
 * no two ways notice a defect at the same place, or where a truncated one ends.
 */
export interface MemberInflater {
  /**
   * The next piece, or `undefined` after the last, when the reader stands right behind the deflate stream. A piece is
   * the receiver's until the next call.
   */
  read(): Promise<Uint8Array | undefined>;
  /** Gives memory back. */
  close(): void;
}
