/** Component maps of the user, out of files on this machine. */
import { readFileSync, statSync } from 'node:fs';
import { type ComponentMapEntry, parseComponentMap } from '../chunk/component-map.ts';
import { fromSystemError, PlanishError, withDetail } from '../errors.ts';
import { LIMITS } from '../limits.ts';

/**
 * Entries of a map file, none without a file. Throws `COMPONENT_MAP_BAD`, `LIMIT_EXCEEDED` and, when it cannot be
 * read, `SYSCALL_FAILED`.
 */
export function readComponentMap(file: string | undefined): readonly ComponentMapEntry[] {
  if (file === undefined) return [];
  try {
    return parseComponentMap(readSmallFile(file));
  } catch (error) {
    throw withDetail(error, { file });
  }
}

function readSmallFile(file: string): Uint8Array {
  try {
    const { size } = statSync(file);
    if (size <= LIMITS.componentMapBytes) return readFileSync(file);
    const detail = { limit: 'componentMapBytes', actual: size };
    throw new PlanishError('LIMIT_EXCEEDED', 'the component map is too large', detail);
  } catch (error) {
    throw fromSystemError(error, 'reading the component map failed', { file });
  }
}
