/** Contents that lie whole in one piece of a tar, measured together: many at once are three times as fast. */
import type { HashAlgorithm } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { computeVerityDigests } from '../fsverity/digest.ts';
import type { HashBackend } from '../fsverity/hash.ts';
import type { ExternalContent } from '../tree/tree.ts';

/** A content whose digest may come later. */
export type Measured = { -readonly [Key in keyof ExternalContent]: ExternalContent[Key] };

/** What lies in the piece at hand. Holds on to nothing of it after {@link measure}. */
export class WholeContents {
  readonly #algorithm: HashAlgorithm;
  readonly #backend: HashBackend | undefined;
  #piece: Uint8Array | undefined;
  #start = 0;
  readonly #contents: Measured[] = [];
  readonly #offsets: number[] = [];

  constructor(algorithm: HashAlgorithm, backend?: HashBackend) {
    this.#algorithm = algorithm;
    this.#backend = backend;
  }

  /** Notes that a content begins at `start` of a piece. Throws `INVARIANT` where those of an earlier one wait. */
  hold(piece: Uint8Array, start: number): void {
    if (piece !== this.#piece && this.#contents.length > 0) {
      throw new PlanishError('INVARIANT', 'a piece of a tar ended before its contents were measured');
    }
    this.#piece = piece;
    this.#start = start;
  }

  /** Adds the content that was noted last. */
  add(content: Measured): void {
    this.#contents.push(content);
    this.#offsets.push(this.#start);
  }

  /** Gives all contents their digests, and lets go of them and of the piece. */
  measure(): void {
    const [piece, contents] = [this.#piece, this.#contents];
    this.#piece = undefined;
    if (piece === undefined || contents.length === 0) return;
    const sizes = contents.map((content) => content.size);
    const digests = computeVerityDigests(piece, this.#offsets, sizes, this.#algorithm, this.#backend);
    for (const [index, content] of contents.entries()) content.verity = digests[index];
    contents.length = 0;
    this.#offsets.length = 0;
  }
}
