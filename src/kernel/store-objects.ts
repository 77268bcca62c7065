/** Objects of a repository written many in a call. Only the native helpers can do that; without them, one after another. */
import { fromUtf8, toBytes } from '../bytes/byte-string.ts';
import type { VerityDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { type StoreHelpers, UNSEEN } from '../native/contract.ts';

/** A content that lies whole in a window, and the digest that it was found to have. */
export interface MeasuredRange {
  readonly start: number;
  readonly size: number;
  readonly digest: VerityDigest;
}

/** Writes contents of a window to a directory of objects; of each, what became of it (`STORE_OUTCOME`). */
export type StoreMany = (window: Uint8Array, contents: readonly MeasuredRange[]) => number[];

/** Objects of one call. */
const AT_ONCE = 4096;

/** For a directory of objects; `undefined` where the helpers are not. */
export function storeMany(directory: string, helpers: StoreHelpers | undefined): StoreMany | undefined {
  if (helpers === undefined) return undefined;
  const path = toBytes(fromUtf8(directory));
  return (window, contents) => {
    const outcomes: number[] = [];
    for (let at = 0; at < contents.length; at += AT_ONCE)
      outcomes.push(...storeSome(helpers, path, window, contents.slice(at, at + AT_ONCE)));
    return outcomes;
  };
}

/** A directory that cannot be opened leaves everything: whoever goes step by step then says what is wrong. */
function storeSome(
  helpers: StoreHelpers,
  directory: Uint8Array,
  window: Uint8Array,
  contents: readonly MeasuredRange[],
): Uint8Array {
  const ranges = Float64Array.from(contents.flatMap(({ start, size }) => [start, size]));
  const names = Buffer.from(contents.map(({ digest }) => digest).join(''), 'latin1');
  const outcomes = new Uint8Array(contents.length);
  const result = helpers.storeObjects(directory, window, ranges, names, outcomes);
  if (result === EINVAL) throw new PlanishError('INVARIANT', 'the native helpers refused to store objects');
  return outcomes;
}

/** Sizes of objects in their order: `NO_FILE` for what is no file, `UNSEEN` for what could not be looked at. */
export type SizeMany = (digests: readonly VerityDigest[]) => Promise<Float64Array>;

/** For a directory of objects; `undefined` where the helpers are not. */
export function sizeMany(directory: string, helpers: StoreHelpers | undefined): SizeMany | undefined {
  if (helpers === undefined) return undefined;
  const path = toBytes(fromUtf8(directory));
  return async (digests) => {
    const sizes = new Float64Array(digests.length).fill(UNSEEN);
    for (let at = 0; at < digests.length; at += AT_ONCE) {
      const names = Buffer.from(digests.slice(at, at + AT_ONCE).join(''), 'latin1');
      await helpers.sizeObjectsLater(path, names, sizes.subarray(at, at + AT_ONCE));
    }
    return sizes;
  };
}

const EINVAL = -22;
