/** What the pool and its threads say to each other: plain data. */
import type { ZstdBackendName } from '../compress/zstd-backend.ts';
import type { SerializedError } from '../errors.ts';
import type { TaskName } from './tasks.ts';

/** Given to a thread when it starts. */
export interface ThreadSetup {
  readonly zstd: ZstdBackendName | undefined;
}

/** Pool to thread: run this. */
export interface RunMessage {
  readonly id: number;
  readonly task: TaskName;
  readonly arguments: unknown;
}

/** Thread to pool. */
export type ThreadMessage =
  | { readonly kind: 'progress'; readonly id: number; readonly bytes: number }
  | { readonly kind: 'result'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: SerializedError };
