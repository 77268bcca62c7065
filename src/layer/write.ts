/**
 * Carries out a tar script: bytes come out in large pieces, are hashed to the diffID, compressed, and hashed again to
 * the blob's digest, all while they are in cache.
 */
import { createHash } from 'node:crypto';
import { type BlobDigest, blobDigest } from '../bytes/digest.ts';
import { compress } from '../compress/compress.ts';
import type { CompressionKind } from '../compress/kind.ts';
import { PlanishError } from '../errors.ts';
import { LITERAL_PIECE_BYTES, STEP, STEP_WIDTH, type TarScript } from './tar-script.ts';

/** Bytes of a piece of tar. Output does not depend on it. */
const PIECE_BYTES = 512 * 1024;

/** Fills `target` with bytes of a content source from `offset`, or throws. */
export type ReadContent = (source: number, offset: number, target: Uint8Array) => void;

/** How a layer is to be compressed. `level` is meaningless for `none`. */
export interface LayerCompression {
  readonly kind: CompressionKind;
  readonly level: number;
  /** Processors that one layer may use; default 1. Changes no byte. */
  readonly threads?: number | undefined;
}

/** A layer that was written. Sizes in bytes. */
export interface WrittenLayer {
  readonly digest: BlobDigest;
  readonly size: number;
  readonly diffId: BlobDigest;
  readonly tarSize: number;
}

/**
 * Writes a layer: every piece of the blob goes to `sink`, in order. The same script and compression give the same
 * bytes on any machine.
 */
export async function writeLayer(
  script: TarScript,
  read: ReadContent,
  compression: LayerCompression,
  sink: (piece: Uint8Array) => void,
  progress?: (bytes: number) => void,
): Promise<WrittenLayer> {
  const diffId = createHash('sha256');
  const digest = createHash('sha256');
  let size = 0;
  let tarSize = 0;
  const tar = tapped(runTarScript(script, read), (piece) => {
    diffId.update(piece);
    tarSize += piece.length;
    progress?.(tarSize);
  });
  for await (const piece of compress(tar, compression)) {
    digest.update(piece);
    size += piece.length;
    sink(piece);
  }
  if (tarSize !== script.size) throw new PlanishError('INVARIANT', 'a layer was not written as laid out');
  return {
    digest: blobDigest('sha256', digest.digest('hex')),
    size,
    diffId: blobDigest('sha256', diffId.digest('hex')),
    tarSize,
  };
}

async function* tapped(
  pieces: Iterable<Uint8Array>,
  see: (piece: Uint8Array) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for (const piece of pieces) {
    see(piece);
    yield piece;
  }
}

/** The bytes of a script in pieces; each is valid until the next is asked for. */
function* runTarScript(script: TarScript, read: ReadContent): Generator<Uint8Array, void, undefined> {
  const piece = new Uint8Array(PIECE_BYTES);
  let used = 0;
  let literal = 0;
  const { steps } = script;
  for (let row = 0; row < steps.length; row += STEP_WIDTH) {
    const operation = steps[row];
    const isCopy = operation === STEP.copy;
    let left = (isCopy ? steps[row + 3] : steps[row + 1]) as number;
    let offset = (isCopy ? steps[row + 2] : 0) as number;
    while (left > 0) {
      const isLiteral = operation === STEP.literal;
      const together = isLiteral ? LITERAL_PIECE_BYTES - (literal % LITERAL_PIECE_BYTES) : left;
      const length = Math.min(left, PIECE_BYTES - used, together);
      const target = piece.subarray(used, used + length);
      if (isLiteral) target.set(literalBytes(script, literal, length));
      else if (isCopy) read(steps[row + 1] as number, offset, target);
      else target.fill(0);
      if (isLiteral) literal += length;
      offset += length;
      left -= length;
      used += length;
      if (used === PIECE_BYTES) {
        yield piece;
        used = 0;
      }
    }
  }
  if (used > 0) yield piece.subarray(0, used);
}

/** Bytes of the literals that lie within one of their pieces. */
function literalBytes({ literals }: TarScript, start: number, length: number): Uint8Array {
  const at = start % LITERAL_PIECE_BYTES;
  const bytes = literals[Math.floor(start / LITERAL_PIECE_BYTES)]?.subarray(at, at + length);
  if (bytes?.length === length) return bytes;
  throw new PlanishError('INVARIANT', 'a tar script has fewer literals than its steps name');
}
