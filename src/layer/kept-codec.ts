/** Some contents of a layer as bytes, for the layer cache: how many, then the offset and the bytes of each. */
import { VarintReader, VarintWriter } from '../bytes/varint.ts';
import { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';

/** The bytes of contents, by their offsets in the tar. */
export function encodeKept(kept: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const out = new VarintWriter();
  out.number(kept.size);
  for (const [offset, bytes] of kept) {
    out.number(offset);
    out.bytes(bytes);
  }
  return out.written();
}

/** The contents. Throws `CACHE_BAD_ENTRY`. */
export function decodeKept(bytes: Uint8Array): Map<number, Uint8Array> {
  const reader = new VarintReader(bytes);
  try {
    const kept = new Map<number, Uint8Array>();
    for (let left = reader.number(); left > 0; left--) {
      kept.set(reader.number(), reader.bytes(LIMITS.cacheFileBytes));
    }
    if (reader.left === 0) return kept;
    throw new RangeError('bytes are left over');
  } catch (error) {
    const detail = { offset: reader.offset };
    throw new PlanishError('CACHE_BAD_ENTRY', 'the contents of a layer are malformed', detail, error);
  }
}
