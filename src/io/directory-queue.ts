/** Directories that are listed, several at once, and given in the order in which they were added, whichever is done first. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ByteString } from '../bytes/byte-string.ts';
import type { DirectoryListing } from '../native/records.ts';
import type { ContentWish, RootfsBackend } from './rootfs-backend.ts';

/** Directories of one call: enough to be worth it, few enough to share out. */
const AT_ONCE = 32;

/** Calls that are done, and whose directories nobody has taken yet. */
const AHEAD = 4;

/** How directories are read. */
export interface QueueOptions {
  /** What is read of their files by the way, where the backend can. */
  readonly contents?: ContentWish | undefined;
  /** Calls at once. */
  readonly width: number;
}

/** See the module. To be ended, however that is. */
export class DirectoryQueue<T extends { readonly path: ByteString }> {
  readonly #backend: RootfsBackend;
  readonly #options: QueueOptions;
  #waiting: T[] = [];
  /** Of those that wait, how many are being listed. */
  #begun = 0;
  readonly #batches: Promise<[T, DirectoryListing][]>[] = [];
  #running = 0;

  constructor(backend: RootfsBackend, options: QueueOptions) {
    this.#backend = backend;
    this.#options = options;
  }

  /** Adds a directory to the end. */
  add(directory: T): void {
    this.#waiting.push(directory);
  }

  /** The next ones with what they hold, `undefined` where there are none. Throws what the backend throws. */
  async next(): Promise<[T, DirectoryListing][] | undefined> {
    this.#begin();
    return await this.#batches.shift();
  }

  /** Waits until nothing is read any more. */
  async end(): Promise<void> {
    this.#waiting = [];
    this.#begun = 0;
    await Promise.allSettled(this.#batches);
  }

  #begin(): void {
    while (
      this.#running < this.#options.width &&
      this.#batches.length < this.#options.width + AHEAD &&
      this.#begun < this.#waiting.length
    ) {
      const batch = this.#listAll(this.#take());
      // Told to whoever takes it, which may be later than the end of this turn.
      batch.catch(() => undefined);
      this.#batches.push(batch);
    }
  }

  /** A share of what waits: all are listed by calls at once sooner than many by one. */
  #take(): T[] {
    const count = Math.ceil((this.#waiting.length - this.#begun) / (2 * this.#options.width));
    const taken = this.#waiting.slice(this.#begun, this.#begun + Math.min(count, AT_ONCE));
    this.#begun += taken.length;
    if (this.#begun > AT_ONCE * AT_ONCE) {
      this.#waiting = this.#waiting.slice(this.#begun);
      this.#begun = 0;
    }
    return taken;
  }

  async #listAll(directories: readonly T[]): Promise<[T, DirectoryListing][]> {
    const listed: [T, DirectoryListing][] = [];
    while (listed.length < directories.length) {
      const rest = directories.slice(listed.length);
      for (const [index, listing] of (await this.#list(rest.map(({ path }) => path))).entries())
        listed.push([rest[index] as T, listing]);
    }
    return listed;
  }

  /** Where a call for several stops at the first, one for that alone has the last word. */
  async #list(paths: readonly ByteString[]): Promise<DirectoryListing[]> {
    const listings = (await this.#listAhead(paths))();
    const [first] = paths as [ByteString, ...ByteString[]];
    return listings.length > 0 ? listings : [this.#backend.list(first, this.#options.contents)];
  }

  /** The next call begins before the listings of this one are looked at, which may take as long. */
  async #listAhead(paths: readonly ByteString[]): Promise<() => DirectoryListing[]> {
    const { listAhead } = this.#backend;
    this.#running++;
    try {
      if (listAhead !== undefined) return await listAhead(paths, this.#options.contents);
      await nextTurn();
      return () => [];
    } finally {
      this.#running--;
      this.#begin();
    }
  }
}
