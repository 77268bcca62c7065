/** Memory that nobody needs. */
import { nativeHelpers } from '../native/load.ts';

/**
 * Gives back to the system what the allocator of the C library keeps for later, of threads that have ended above all. Milliseconds; by
 * the native helpers, and nothing where there are none.
 */
export function returnMemory(helpers = nativeHelpers()): void {
  helpers?.returnMemory();
}
