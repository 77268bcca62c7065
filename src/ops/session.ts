/**
 * What every verb needs while it runs: threads, temporary storage, and where to report to. A session is opened by
 * the verb and closed when it ends, however it ends.
 */
import { closeSync, constants, openSync, unlinkSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { ZstdBackendName } from '../compress/zstd-backend.ts';
import { fromSystemError, PlanishError } from '../errors.ts';
import type { ContentRanges } from '../parallel/content-ranges.ts';
import { Pool } from '../parallel/pool.ts';
import type { Spool } from '../parallel/spool.ts';
import type { OnProgress } from '../progress.ts';
import type { RegistryOptions } from '../registry/registry-client.ts';
import type { OnWarning } from '../warnings.ts';
import { MemoryBudget } from './load/memory-budget.ts';

/** Options that every verb takes. */
export interface CommonOptions {
  /** Threads; default: the processors of this machine, at most {@link MAX_DEFAULT_JOBS}. Never changes a byte. */
  readonly jobs?: number | undefined;
  readonly onProgress?: OnProgress | undefined;
  readonly onWarning?: OnWarning | undefined;
  /** Ends the run with `INTERRUPTED`, leaving the destination as it was. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Where uncompressed layers are kept while they are needed, in files without names; default: beside the
   * destination, or the system's temporary directory for verbs that have none.
   */
  readonly temporaryDirectory?: string | undefined;
  /**
   * Most bytes of uncompressed layers that are held in memory, so that nothing is written aside; default
   * 128 MiB. Never changes a byte.
   */
  readonly memory?: number | undefined;
  /** Directory of the layer cache; default: none is used. Never changes a byte. */
  readonly cache?: string | undefined;
  /** How registries are reached; default: without credentials, by TLS. */
  readonly registry?: RegistryOptions | undefined;
  /** zstd implementation; default: the native one where it can be loaded. Never changes a byte. */
  readonly zstd?: ZstdBackendName | undefined;
}

/** More threads than this are used only when asked for: each costs memory. */
const MAX_DEFAULT_JOBS = 8;

const MAX_JOBS = 256;

/** Bytes of tars that are sooner worked on here than a thread has started and loaded its code, a fifth of a second. */
const SMALL_WORK_BYTES = 8 * 1024 * 1024;

/** How names of temporary files begin, for as long as they have one. */
export const SPOOL_PREFIX = '.planish-spool-';

/** See the module. */
export class Session {
  readonly pool: Pool;
  /** Runs tasks on this thread. */
  readonly #here: Pool;
  readonly onProgress: OnProgress;
  readonly onWarning: OnWarning;
  /** Directory of what was learned of layers before, if one was named. */
  readonly cacheDirectory: string | undefined;
  /** What may be held in memory instead. */
  readonly memory: MemoryBudget;
  /** Where what is needed for a while is kept. */
  readonly temporaryDirectory: string;
  readonly #descriptors: number[] = [];
  readonly #signal: AbortSignal | undefined;
  readonly #zstd: ZstdBackendName | undefined;
  #zstdAnnounced = false;
  readonly #abort: () => void;
  #serial = 0;

  private constructor(options: CommonOptions) {
    this.memory = new MemoryBudget(options.memory);
    this.#zstd = options.zstd;
    this.pool = new Pool({ size: checkJobs(options.jobs), zstd: options.zstd });
    this.#here = new Pool({ size: 0, zstd: options.zstd });
    this.cacheDirectory = options.cache;
    this.onProgress = options.onProgress ?? (() => undefined);
    this.onWarning = options.onWarning ?? (() => undefined);
    this.temporaryDirectory = options.temporaryDirectory ?? tmpdir();
    this.#signal = options.signal;
    this.#abort = () => void this.#closePools(interrupted());
    this.#signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /** Runs a verb's work in a session and closes it afterwards. */
  static async use<T>(options: CommonOptions, work: (session: Session) => Promise<T>): Promise<T> {
    if (options.signal?.aborted === true) throw interrupted();
    const session = new Session(options);
    try {
      return await work(session);
    } finally {
      await session.#close();
    }
  }

  /** What runs tasks that go through so many bytes of tars in all: threads, unless those are so few that it is sooner done here. */
  poolFor(bytes: number): Pool {
    return bytes <= SMALL_WORK_BYTES ? this.#here : this.pool;
  }

  /** Ends when the run was asked to stop: for what waits for the outside world. */
  get signal(): AbortSignal | undefined {
    return this.#signal;
  }

  /**
   * To be called before zstd is read or written: says once when that will be slow because only WebAssembly is here.
   * Threads choose by the same rule, native before WebAssembly, unless one was asked for. Throws `NATIVE_UNAVAILABLE`
   * when what was asked for cannot be had.
   */
  async announceZstd(): Promise<void> {
    if (this.#zstdAnnounced) return;
    this.#zstdAnnounced = true;
    const { loadZstd } = await import('../compress/zstd-load.ts');
    const { name } = await loadZstd(this.#zstd);
    if (name !== 'wasm' || this.#zstd !== undefined) return;
    const message = 'zstd runs as WebAssembly here, several times slower than native';
    this.onWarning({ code: 'SLOW_FALLBACK', message });
  }

  /** Throws `INTERRUPTED` once the run was asked to stop. */
  checkInterrupted(): void {
    if (this.#signal?.aborted === true) throw interrupted();
  }

  /** To be awaited now and then by long work on this thread: timers and signals get their turn. Throws `INTERRUPTED`. */
  readonly pause = async (): Promise<void> => {
    await setImmediate();
    this.checkInterrupted();
  };

  /** A place for `size` bytes: in memory if there may be as many more, else in a file without a name. */
  placeSpool(size: number, ranges?: ContentRanges): Spool {
    if (this.memory.reserve(size)) return { kind: 'memory', limit: size, ranges };
    return { kind: 'file', fd: this.openSpool(), ranges };
  }

  /**
   * A file that has no name, so that nothing is left behind even when the process is killed. The descriptor may be
   * used from every thread of this process and is closed with the session.
   */
  openSpool(directory: string = this.temporaryDirectory): number {
    const file = join(directory, `${SPOOL_PREFIX}${process.pid}-${this.#serial++}`);
    try {
      const fd = openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o600);
      this.#descriptors.push(fd);
      unlinkSync(file);
      return fd;
    } catch (error) {
      throw fromSystemError(error, 'creating a temporary file', { file: directory });
    }
  }

  async #closePools(reason?: PlanishError): Promise<void> {
    await Promise.all([this.pool.close(reason), this.#here.close(reason)]);
  }

  async #close(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#abort);
    await this.#closePools();
    for (const fd of this.#descriptors.splice(0)) closeSync(fd);
  }
}

function interrupted(): PlanishError {
  return new PlanishError('INTERRUPTED', 'the run was interrupted');
}

function checkJobs(jobs: number | undefined): number {
  if (jobs === undefined) return Math.min(availableParallelism(), MAX_DEFAULT_JOBS);
  if (Number.isInteger(jobs) && jobs >= 1 && jobs <= MAX_JOBS) return jobs;
  throw new PlanishError('BAD_OPTION', `jobs must be a whole number from 1 to ${MAX_JOBS}`, { actual: jobs });
}
