/** Component maps of the user, out of files on this machine. */
import { readFileSync, statSync } from 'node:fs';
import { type ComponentMapEntry, parseComponentMap } from '../../chunk/choices/component-map.ts';
import { fromSystemError, PlanishError, withDetail } from '../../errors.ts';
import { LIMITS, type LimitName } from '../../limits.ts';

/**
 * Entries of a map file, none without a file. Throws `COMPONENT_MAP_BAD`, `LIMIT_EXCEEDED` and, when it cannot be
 * read, `SYSCALL_FAILED`.
 */
export function readComponentMap(file: string | undefined): readonly ComponentMapEntry[] {
  if (file === undefined) return [];
  try {
    return parseComponentMap(readUserFile(file, 'componentMapBytes', 'the component map'));
  } catch (error) {
    throw withDetail(error, { file });
  }
}

/** A file of the user, within a limit. Throws `LIMIT_EXCEEDED` and, when it cannot be read, `SYSCALL_FAILED`. */
export function readUserFile(file: string, limit: LimitName, what: string): Uint8Array {
  try {
    const { size } = statSync(file);
    if (size <= LIMITS[limit]) return readFileSync(file);
    throw new PlanishError('LIMIT_EXCEEDED', `${what} is too large`, { limit, actual: size });
  } catch (error) {
    throw fromSystemError(error, `reading ${what} failed`, { file });
  }
}
