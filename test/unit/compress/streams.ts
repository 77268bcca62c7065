/** Streams for tests: bytes cut in pieces, and pieces gathered to bytes. */
import { PlanishError } from '../../../src/errors.ts';

/** The bytes in pieces of the given sizes, the last size for all that is left; every piece is overwritten afterwards. */
export async function* pieces(bytes: Uint8Array, ...sizes: number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (let index = 0; at < bytes.length; index++) {
    const size = Math.max(1, sizes[Math.min(index, sizes.length - 1)] ?? bytes.length);
    const piece = new Uint8Array(bytes.subarray(at, at + size));
    yield piece;
    // A piece is its producer's again when the next is asked for: whoever kept it has garbage now.
    piece.fill(0xa5);
    at += size;
  }
}

/** All of a stream; copies each piece at once, as it may be used again. */
export async function gather(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const piece of stream) parts.push(Buffer.from(piece));
  return Buffer.concat(parts);
}

/** Content that compresses as files do: repeats, runs, noise; the same for the same arguments. */
export function sample(length: number, seed = 1): Buffer {
  const out = Buffer.alloc(length);
  let state = seed >>> 0 || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
  let at = 0;
  while (at < length) {
    const run = Math.min(length - at, 16 + (next() % 4000));
    const kind = next() % 4;
    if (kind === 0) out.fill(next() & 0xff, at, at + run);
    else if (kind === 1 && at > run) out.copyWithin(at, at - run - (next() % (at - run + 1)) || 0, at);
    else if (kind === 2) out.fill(`/usr/share/doc/package-${next() % 500}/copyright\n`, at, at + run);
    else for (let index = at; index < at + run; index++) out[index] = next() & 0xff;
    at += run;
  }
  return out;
}

/** The {@link PlanishError} that a promise is rejected with; fails for anything else. */
export async function failure(promise: Promise<unknown>): Promise<PlanishError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof PlanishError) return error;
  throw new Error(`expected a PlanishError, got ${String(error)}`, { cause: error });
}
