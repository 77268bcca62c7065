/** Bytes that no expression tells apart share a class, so that a table needs one column for all of them. */
import type { ByteSet } from './byte-set.ts';

/** `classOf` maps a byte to its class; `representative` a class to one of its bytes. */
export interface ByteClasses {
  readonly classOf: Uint8Array;
  readonly representative: readonly number[];
}

/** The coarsest classes that keep single bytes (1 in `literals`) and every set apart. */
export function byteClasses(literals: ByteSet, sets: readonly ByteSet[]): ByteClasses {
  let labels = Array.from({ length: 256 }, (_, byte) => (literals[byte] === 1 ? byte : 256));
  for (const set of sets) labels = renumber(labels.map((label, byte) => label * 2 + (set[byte] as number)));
  const final = renumber(labels);
  const representative: number[] = [];
  for (let byte = 255; byte >= 0; byte--) representative[final[byte] as number] = byte;
  return { classOf: Uint8Array.from(final), representative };
}

/** The same partition with the numbers 0, 1, … in order of first appearance. */
function renumber(labels: readonly number[]): number[] {
  const numbers = new Map<number, number>();
  return labels.map((label) => {
    const known = numbers.get(label);
    if (known !== undefined) return known;
    numbers.set(label, numbers.size);
    return numbers.size - 1;
  });
}
