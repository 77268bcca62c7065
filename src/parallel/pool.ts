/**
 * A pool of threads. Tasks start in the order they are given and each promise gives its own result; nothing depends
 * on which finishes first. With no threads (size 0, or when running from TypeScript sources, which Node 20 cannot
 * start a thread from) the same functions run inline, one after another.
 */
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { ZstdBackendName } from '../compress/zstd-backend.ts';
import { deserializeError, PlanishError } from '../errors.ts';
import { returnMemory } from '../kernel/return-memory.ts';
import type { RunMessage, ThreadMessage, ThreadSetup } from './messages.ts';
import type { TaskArguments, TaskContext, TaskName, TaskResult } from './tasks.ts';

interface Job {
  readonly message: RunMessage;
  readonly transfer: readonly ArrayBuffer[];
  readonly progress: (bytes: number) => void;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** How a pool is made. */
export interface PoolOptions {
  /** Threads; 0 runs everything inline. */
  readonly size: number;
  /** zstd backend that every thread shall use; absent: the native one where it loads. */
  readonly zstd: ZstdBackendName | undefined;
}

const CAN_START_THREADS = import.meta.url.endsWith('.js');

/** The tasks are loaded here only where they run here. */
async function prepareInline(zstd: ZstdBackendName | undefined): Promise<void> {
  const { prepareThread } = await import('./tasks.ts');
  await prepareThread(zstd);
}

/** See the module. Close it, or the process stays alive. */
export class Pool {
  readonly #size: number;
  readonly #setup: ThreadSetup;
  readonly #idle: Worker[] = [];
  readonly #busy = new Map<Worker, Job>();
  readonly #waiting: Job[] = [];
  #inline: Promise<unknown> = Promise.resolve();
  #ready: Promise<void> | undefined;
  #nextId = 0;
  #closed: PlanishError | undefined;

  constructor(options: PoolOptions) {
    this.#size = CAN_START_THREADS ? options.size : 0;
    this.#setup = { zstd: options.zstd };
  }

  /** Most tasks that run at once; at least 1. */
  get width(): number {
    return Math.max(1, this.#size);
  }

  /**
   * Runs one task, in a thread when there are any. `transfer` names buffers in the arguments that may be given away: the
   * caller must not touch them again.
   */
  run<N extends TaskName>(
    task: N,
    args: TaskArguments<N>,
    progress: (bytes: number) => void = () => undefined,
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<TaskResult<N>> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    if (this.#size === 0) return this.#runInline(task, args, { progress, pause: this.#pause });
    return new Promise((resolve, reject) => {
      const message: RunMessage = { id: this.#nextId++, task, arguments: args };
      this.#waiting.push({
        message,
        transfer,
        progress,
        resolve: resolve as (value: unknown) => void,
        reject,
      });
      this.#dispatch();
    });
  }

  /**
   * Ends the threads that have nothing to do, with all that they hold; new ones start when they are needed. Their memory goes back
   * to the system, where there are helpers: the allocator would keep it for them.
   */
  async rest(): Promise<void> {
    const idle = this.#idle.splice(0);
    await Promise.all(idle.map((worker) => worker.terminate()));
    if (idle.length > 0) returnMemory();
  }

  /**
   * Stops all threads, and what runs here at its next pause. Tasks that have not ended fail with `reason`, or `INTERRUPTED`; those that run only once their
   * thread is gone, so that whoever cleans up after them is not in a race with them.
   */
  async close(reason?: PlanishError): Promise<void> {
    const closed = reason ?? new PlanishError('INTERRUPTED', 'the pool was closed');
    this.#closed = closed;
    for (const job of this.#waiting.splice(0)) job.reject(closed);
    const busy = [...this.#busy];
    const workers = [...this.#idle.splice(0), ...busy.map(([worker]) => worker)];
    this.#busy.clear();
    await Promise.all(workers.map((worker) => worker.terminate()));
    for (const [, job] of busy) job.reject(closed);
    await this.#inline;
  }

  /** Between pieces of a task that runs here, timers and signals get their turn, and a task of a closed pool ends. */
  readonly #pause = async (): Promise<void> => {
    await setImmediate();
    if (this.#closed !== undefined) throw this.#closed;
  };

  #runInline<N extends TaskName>(
    task: N,
    args: TaskArguments<N>,
    context: TaskContext,
  ): Promise<TaskResult<N>> {
    const result = this.#inline.then(async () => {
      this.#ready ??= prepareInline(this.#setup.zstd);
      await this.#ready;
      const { TASKS } = await import('./tasks.ts');
      const call = TASKS[task] as (args: TaskArguments<N>, context: TaskContext) => Promise<TaskResult<N>>;
      if (this.#closed !== undefined) throw this.#closed;
      return await call(args, context);
    });
    this.#inline = result.catch(() => undefined);
    return result;
  }

  #dispatch(): void {
    while (this.#waiting.length > 0) {
      const worker = this.#idle.pop() ?? this.#start();
      if (worker === undefined) return;
      const job = this.#waiting.shift() as Job;
      this.#busy.set(worker, job);
      worker.postMessage(job.message, job.transfer);
    }
  }

  #start(): Worker | undefined {
    if (this.#busy.size + this.#idle.length >= this.#size) return undefined;
    const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData: this.#setup });
    worker.on('message', (message: ThreadMessage) => this.#receive(worker, message));
    worker.on('error', (error) => this.#lose(worker, error));
    worker.on('exit', () => this.#lose(worker, undefined));
    return worker;
  }

  #receive(worker: Worker, message: ThreadMessage): void {
    const job = this.#busy.get(worker);
    if (job === undefined || job.message.id !== message.id) return;
    if (message.kind === 'progress') {
      job.progress(message.bytes);
      return;
    }
    this.#busy.delete(worker);
    this.#idle.push(worker);
    if (message.kind === 'result') job.resolve(message.value);
    else job.reject(deserializeError(message.error));
    this.#dispatch();
  }

  #lose(worker: Worker, error: unknown): void {
    const job = this.#busy.get(worker);
    this.#busy.delete(worker);
    const index = this.#idle.indexOf(worker);
    if (index >= 0) this.#idle.splice(index, 1);
    job?.reject(new PlanishError('WORKER_FAILED', 'a worker thread ended unexpectedly', {}, error));
    if (this.#closed === undefined) this.#dispatch();
  }
}
