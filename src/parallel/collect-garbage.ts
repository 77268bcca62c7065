/**
 * Collecting garbage at a moment of one's own. Buffers and the contexts of libzstd live outside of the heap, and V8 lets
 * some 64 MB of dead ones pile up in every thread before it looks; the contexts cannot be freed by hand, nor may they be
 * used again, since what a context compressed before can change the bytes that follow.
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { returnMemory } from '../kernel/return-memory.ts';

/** Bytes outside of the heap from which on it is worth to look for dead ones among them. */
const MUCH_BYTES = 40 * 1024 * 1024;

/** Bytes of a heap from which on it is worth to look through it: of an image with tens of thousands of files. */
const LARGE_HEAP_BYTES = 64 * 1024 * 1024;

/** Bytes that came since it was last looked, from which on it is worth to look again. */
const FEW_BYTES = 4 * 1024 * 1024;

/** Bytes that were in use when it was last looked. */
let left = 0;

/**
 * Collects the garbage of this thread, a few milliseconds where little is alive; does nothing where hardly anything came since the
 * last time, or where V8 cannot be asked.
 */
export function collectGarbage(): void {
  if (collect === undefined || usedBytes() - left < FEW_BYTES) return;
  collect();
  returnMemory();
  left = usedBytes();
}

function usedBytes(): number {
  const { used_heap_size, external_memory } = getHeapStatistics();
  return used_heap_size + external_memory;
}

/** As {@link collectGarbage}, where much lies outside of the heap: after many small tasks that would take longer than they do. */
export function collectMuchGarbage(): void {
  if (getHeapStatistics().external_memory >= MUCH_BYTES) collect?.();
}

/**
 * As {@link collectGarbage}, where the heap is large: before a step that needs much of it, what the steps before left, which
 * V8 would let stand until the heap has doubled again.
 */
export function collectLargeHeap(): void {
  if (getHeapStatistics().used_heap_size >= LARGE_HEAP_BYTES) collectGarbage();
}

const collect = findCollector();

/** New contexts show the collector once the flag is set, however the process was started. */
function findCollector(): (() => void) | undefined {
  setFlagsFromString('--expose-gc');
  const found: unknown = runInNewContext('typeof gc === "function" ? gc : undefined');
  return typeof found === 'function' ? () => found() : undefined;
}
