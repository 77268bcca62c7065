/**
 * What becomes of the windows of a tar: on threads of libuv's pool they are hashed, and their contents measured and
 * written to objects; then, in their order, all that is told of them goes to the splitstream. The thread that reads the tar
 * decompresses and scans the next window meanwhile.
 */
import { fromUtf8, toBytes } from '../bytes/byte-string.ts';
import { DIGEST_BYTES, type HashAlgorithm } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { VERITY_BLOCK_BYTES } from '../fsverity/descriptor.ts';
import { splitDigests } from '../fsverity/digest.ts';
import { VerityHasher } from '../fsverity/verity-hasher.ts';
import { callError, errnoName } from '../kernel/call.ts';
import { HASH_ALGORITHM_ID, type StoreHelpers, type StreamHelpers } from '../native/contract.ts';
import type { SplitstreamWriter } from '../splitstream/writer.ts';
import type { Draft, ObjectTarget, ObjectWriter } from './object-writer.ts';
import { type CutWindow, type LargeContent, type Segment, WINDOW_BYTES } from './tar-windows.ts';

/** What is needed for it. */
export type WindowHelpers = StoreHelpers & StreamHelpers;

/** Whether this machine can do it. */
export function canStoreWindows(helpers: StreamHelpers): boolean {
  return helpers.streamStateBytes() > 0;
}

/** Windows of a layer that are in work while another one is filled. */
const WINDOWS_IN_WORK = 2;

/** Windows that nobody uses. */
const IDLE: Uint8Array[] = [];

/** A window that nobody else uses. */
function takeWindow(): Uint8Array {
  return IDLE.pop() ?? Buffer.allocUnsafeSlow(WINDOW_BYTES);
}

/** A content that comes in parts, being written. */
interface LargeObject {
  readonly of: LargeContent;
  readonly draft: Draft;
  readonly hasher: VerityHasher;
}

type Wholes = Segment & { readonly kind: 'wholes' };
type Part = Segment & { readonly kind: 'part' };

/** See the module. Must be settled, however it ends. */
export class WindowStore {
  readonly #helpers: WindowHelpers;
  readonly #directory: Uint8Array;
  readonly #algorithm: HashAlgorithm;
  readonly #objects: ObjectWriter;
  readonly #stream: SplitstreamWriter;
  /** SHA-256 of the tar, where it is wanted. */
  readonly #state: Uint8Array | undefined;
  readonly #working: Promise<void>[] = [];
  #last: Promise<void> = Promise.resolve();
  #large: LargeObject | undefined;

  constructor(
    helpers: WindowHelpers,
    { directory, algorithm }: ObjectTarget,
    { objects, stream, hashed }: { objects: ObjectWriter; stream: SplitstreamWriter; hashed: boolean },
  ) {
    this.#helpers = helpers;
    this.#directory = toBytes(fromUtf8(directory));
    this.#algorithm = algorithm;
    this.#objects = objects;
    this.#stream = stream;
    this.#state = hashed ? new Uint8Array(helpers.streamStateBytes()) : undefined;
    if (this.#state !== undefined) helpers.beginStream(this.#state);
  }

  /** A window to be filled; waits while too many are in work. Throws what went wrong with those. */
  async window(): Promise<Uint8Array> {
    if (this.#working.length >= WINDOWS_IN_WORK) await this.#working.shift();
    return takeWindow();
  }

  /** Begins with a window, which is nobody else's from now on. */
  take(window: CutWindow): void {
    this.#last = this.#last.then(() => this.#run(window));
    // Told to whoever waits for it, which may be later than the end of this turn.
    this.#last.catch(() => undefined);
    this.#working.push(this.#last);
  }

  /** Waits for all; the SHA-256 of the tar, where it was wanted. */
  async finish(): Promise<string | undefined> {
    await this.#last;
    if (this.#state === undefined) return undefined;
    const digest = Buffer.alloc(DIGEST_BYTES.sha256);
    this.#helpers.endStream(this.#state, digest);
    return digest.toString('hex');
  }

  /** Waits until nothing is read or written any more, and removes what was begun and not ended. */
  async settle(): Promise<void> {
    await Promise.allSettled([this.#last]);
    if (this.#large !== undefined) this.#objects.discardDraft(this.#large.draft);
    this.#large = undefined;
  }

  async #run({ bytes, segments }: CutWindow): Promise<void> {
    for (const segment of segments) {
      if (segment.kind === 'wholes') await this.#storeWholes(bytes, segment);
      else await this.#storePart(bytes, segment);
    }
    IDLE.push(bytes);
  }

  async #storeWholes(window: Uint8Array, { start, end, contents }: Wholes): Promise<void> {
    const ranges = new Float64Array(2 * contents.length);
    for (const [index, whole] of contents.entries()) {
      ranges[2 * index] = whole.start;
      ranges[2 * index + 1] = whole.content.size;
    }
    const digests = Buffer.allocUnsafe(contents.length * DIGEST_BYTES[this.#algorithm]);
    const outcomes = new Uint8Array(contents.length);
    // A directory that cannot be opened leaves everything: whoever goes step by step then says what is wrong.
    const failed = await this.#helpers.storeWindowLater(
      this.#directory,
      window,
      ranges,
      HASH_ALGORITHM_ID[this.#algorithm],
      digests,
      outcomes,
      ...this.#hashed(window, start, end),
    );
    if (failed === ENOMEM) throw callError('ENOMEM', 'storing objects', {});
    this.#noteWholes(window, { kind: 'wholes', start, end, contents }, { digests, outcomes });
  }

  #noteWholes(
    window: Uint8Array,
    { start: from, end, contents }: Wholes,
    { digests, outcomes }: { digests: Buffer; outcomes: Uint8Array },
  ): void {
    let mark = from;
    const measured = splitDigests(digests, this.#algorithm).map((digest, index) => {
      const { start, content } = contents[index] as (typeof contents)[number];
      const { size } = content;
      content.verity = digest;
      this.#stream.addInline(window, mark, start);
      this.#stream.addExternal(digest, size);
      mark = start + size;
      return { start, size, digest };
    });
    this.#objects.noteStored(window, measured, outcomes);
    this.#stream.addInline(window, mark, end);
  }

  async #storePart(window: Uint8Array, { start, end, of, last }: Part): Promise<void> {
    if (this.#large?.of !== of) this.#large = this.#begin(of);
    const { draft, hasher } = this.#large;
    const blocks = Math.ceil((end - start) / VERITY_BLOCK_BYTES);
    const digests = Buffer.allocUnsafe(blocks * DIGEST_BYTES[this.#algorithm]);
    const failed = await this.#helpers.storePartLater(
      draft.fd,
      window.subarray(start, end),
      HASH_ALGORITHM_ID[this.#algorithm],
      digests,
      ...this.#hashed(window, start, end),
    );
    if (failed !== 0) throw callError(errnoName(failed), 'writing an object', {});
    hasher.updateHashed(digests, end - start);
    if (last === undefined) return;
    last.verity = hasher.digest();
    this.#large = undefined;
    this.#objects.finishDraft(draft, last.verity, last.size);
    this.#stream.addExternal(last.verity, last.size);
  }

  #begin(of: LargeContent): LargeObject {
    if (this.#large !== undefined) throw new PlanishError('INVARIANT', 'a large content has not ended');
    return { of, draft: this.#objects.openDraft(), hasher: new VerityHasher(this.#algorithm) };
  }

  #hashed(window: Uint8Array, start: number, end: number): [Uint8Array, Uint8Array] | [] {
    return this.#state === undefined ? [] : [this.#state, window.subarray(start, end)];
  }
}

const ENOMEM = -12;
