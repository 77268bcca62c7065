/**
 * Inflating by the C helpers, in the calling thread. One state and one buffer serve all members of a stream; pieces are
 * views of the buffer. Measured on 64 MiB of a system root: about 1.4 times the rate of `node:zlib` for the same
 * processor time.
 */
import { PlanishError } from '../errors.ts';
import { INFLATE_HISTORY_BYTES, INFLATE_STATUS, type InflateHelpers } from '../native/contract.ts';
import { gzipError } from './gzip-format.ts';
import { INFLATED_BYTES, type MemberInflater } from './inflater.ts';
import type { PieceReader } from './piece-reader.ts';

/** Inflates the members of one stream, one after another: {@link begin} each. */
export class NativeInflater implements MemberInflater {
  readonly #helpers: InflateHelpers;
  readonly #reader: PieceReader;
  readonly #state: Uint8Array;
  readonly #output: Uint8Array = new Uint8Array(INFLATE_HISTORY_BYTES + INFLATED_BYTES);
  readonly #counts = new Float64Array(2);
  #start = 0;
  #ended = false;

  constructor(helpers: InflateHelpers, reader: PieceReader) {
    this.#helpers = helpers;
    this.#reader = reader;
    this.#state = new Uint8Array(helpers.inflateStateBytes);
  }

  /** The next member begins where the reader stands. */
  begin(): this {
    this.#helpers.beginInflate(this.#state);
    this.#start = this.#reader.offset;
    this.#ended = false;
    return this;
  }

  async read(): Promise<Uint8Array | undefined> {
    while (!this.#ended) {
      const produced = await this.#step();
      if (produced > 0) {
        return this.#output.subarray(INFLATE_HISTORY_BYTES, INFLATE_HISTORY_BYTES + produced);
      }
    }
    // As with `node:zlib`, which takes a stream for ended when bytes follow it.
    if (!(await this.#reader.fill(1))) throw gzipError('the gzip data is truncated', this.#reader.offset);
    return undefined;
  }

  close(): void {}

  /** One call of the helpers, after which at least one byte was produced, or more input is at hand, or all is done. */
  async #step(): Promise<number> {
    const status = this.#helpers.inflate(this.#state, this.#reader.rest, this.#output, this.#counts);
    const [consumed = 0, produced = 0] = this.#counts;
    this.#reader.take(consumed);
    if (status === INFLATE_STATUS.malformed) throw gzipError('the gzip data is malformed', this.#start);
    if (status === INFLATE_STATUS.end) this.#ended = true;
    else if (status === INFLATE_STATUS.needsInput && produced === 0) await this.#more();
    else if (status !== INFLATE_STATUS.needsInput && status !== INFLATE_STATUS.needsOutput) {
      throw new PlanishError('INVARIANT', 'the native helpers refused to inflate', { actual: status });
    }
    return produced;
  }

  async #more(): Promise<void> {
    const { rest, offset } = this.#reader;
    const end = offset + rest.length;
    if (!(await this.#reader.fill(rest.length + 1))) throw gzipError('the gzip data is truncated', end);
  }
}
