/** Entry point of a thread: receives a task, calls the same function the inline path calls, returns plain data. */
import { parentPort, workerData } from 'node:worker_threads';
import { serializeError } from '../errors.ts';
import { collectMuchGarbage } from './collect-garbage.ts';
import type { RunMessage, ThreadMessage, ThreadSetup } from './messages.ts';
import { prepareThread, TASKS, type TaskContext } from './tasks.ts';

/** Progress is passed on once for this many bytes, so that it costs nothing. */
const PROGRESS_STEP_BYTES = 4 * 1024 * 1024;

const ready = prepareThread((workerData as ThreadSetup).zstd);

function post(message: ThreadMessage): void {
  parentPort?.postMessage(message, message.kind === 'result' ? buffersOf(message.value) : []);
}

/** A result that is one large array, or an index, is given away, not copied. */
function buffersOf(result: unknown): ArrayBuffer[] {
  const isIndexed = typeof result === 'object' && result !== null && 'index' in result;
  const value = isIndexed ? result.index : result;
  const whole = value instanceof Uint8Array && value.length === value.buffer.byteLength;
  return whole && value.buffer instanceof ArrayBuffer ? [value.buffer] : [];
}

function contextOf(id: number): TaskContext {
  let next = PROGRESS_STEP_BYTES;
  return {
    progress: (bytes) => {
      if (bytes < next) return;
      next = bytes + PROGRESS_STEP_BYTES;
      post({ kind: 'progress', id, bytes });
    },
  };
}

async function answer(message: RunMessage): Promise<ThreadMessage> {
  const { id } = message;
  try {
    await ready;
    const task = TASKS[message.task] as (args: unknown, context: TaskContext) => Promise<unknown>;
    return { kind: 'result', id, value: await task(message.arguments, contextOf(id)) };
  } catch (error) {
    return { kind: 'error', id, error: serializeError(error) };
  }
}

parentPort?.on('message', (message: RunMessage) => {
  // The answer first: the other side can go on while this one tidies up.
  void answer(message).then(post).then(collectMuchGarbage);
});
