/** How many bytes of contents a run may hold in memory, so that nothing need be written aside. */
import { PlanishError } from '../../errors.ts';

/** Bytes unless others are asked for: the images of most applications, and a third of what a large build takes anyway. */
const DEFAULT_MEMORY_BYTES = 128 * 1024 * 1024;

/** Counts what is held, or promised to be: never more than the budget. */
export class MemoryBudget {
  #left: number;

  /** Throws `BAD_OPTION` for what is no number of bytes. */
  constructor(bytes: number = DEFAULT_MEMORY_BYTES) {
    if (!Number.isSafeInteger(bytes) || bytes < 0) {
      throw new PlanishError('BAD_OPTION', 'memory must be a number of bytes', { actual: bytes });
    }
    this.#left = bytes;
  }

  /** Sets bytes aside; false, and nothing set aside, where there are not as many. */
  reserve(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  /** Bytes that were set aside are not needed after all, or no more. */
  giveBack(bytes: number): void {
    this.#left += bytes;
  }
}
