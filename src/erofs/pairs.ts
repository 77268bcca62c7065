/**
 * The (name, value) pairs of extended attributes of one image as a table: a pair is its row. Most rows are of digests, two
 * for nearly every file, so columns of numbers take the place of an object a pair.
 */
import type { ByteString } from '../bytes/byte-string.ts';
import { METACOPY, XATTR_ALIGN, XATTR_ENTRY } from './format.ts';

/**
 * How a pair's `value` spells the bytes that are written. `bytes`: as they are. `metacopy`: hexadecimal digest, or
 * empty for the empty value. `digest-path`: hexadecimal digest, written as `/xx/xxxx…`. `path`: written after a `/`.
 * Digests stay the strings that the tree holds, so a file costs no string of its own.
 */
export type ValueForm = 'bytes' | 'metacopy' | 'digest-path' | 'path';

/** A name of an xattr as it will be stored. */
export interface XattrName {
  readonly name: ByteString;
  readonly prefixIndex: number;
  readonly suffix: ByteString;
  /** The bit of this name in name filters. */
  readonly filterBit: number;
  /** Its pairs by their values, but for those of digests. */
  readonly pairs: Map<ByteString, number>;
}

/** Rows that a table begins with. */
const FIRST_ROWS = 1024;

/** See the module. Columns are read by whoever has a row; only rows that were added may be asked for. */
export class PairTable {
  readonly names: XattrName[] = [];
  readonly values: ByteString[] = [];
  readonly forms: ValueForm[] = [];
  /** Inodes that have the pair. */
  uses: Uint32Array = new Uint32Array(FIRST_ROWS);
  /** Bytes as an entry, padded: of an inode's own or of the shared table. */
  sizes: Uint32Array = new Uint32Array(FIRST_ROWS);
  /** Ids in the shared table, once it is laid out. */
  sharedIds: Uint32Array = new Uint32Array(FIRST_ROWS);

  /** How many rows there are. */
  get length(): number {
    return this.names.length;
  }

  /** A new row, not used by any inode; returns it. */
  add(name: XattrName, value: ByteString, form: ValueForm): number {
    const row = this.names.push(name) - 1;
    this.values.push(value);
    this.forms.push(form);
    if (row === this.uses.length) this.#grow();
    const size = XATTR_ENTRY.size + name.suffix.length + valueLength(form, value);
    this.sizes[row] = (size + XATTR_ALIGN - 1) & -XATTR_ALIGN;
    return row;
  }

  #grow(): void {
    this.uses = doubled(this.uses);
    this.sizes = doubled(this.sizes);
    this.sharedIds = doubled(this.sharedIds);
  }

  /** Bytes of the value of a row as written. */
  valueLength(row: number): number {
    return valueLength(this.forms[row] as ValueForm, this.values[row] as ByteString);
  }

  /** Counts one more use of each row. */
  countUses(rows: readonly number[]): void {
    const { uses } = this;
    for (let index = 0; index < rows.length; index++) {
      const row = rows[index] as number;
      uses[row] = (uses[row] as number) + 1;
    }
  }
}

function doubled(column: Uint32Array): Uint32Array {
  const larger = new Uint32Array(column.length * 2);
  larger.set(column);
  return larger;
}

/** Bytes of a value as written. */
export function valueLength(form: ValueForm, value: ByteString): number {
  switch (form) {
    case 'bytes':
      return value.length;
    case 'path':
      return value.length + 1;
    case 'digest-path':
      return value.length + 2;
    case 'metacopy':
      return value.length === 0 ? 0 : METACOPY.size + value.length / 2;
  }
}
