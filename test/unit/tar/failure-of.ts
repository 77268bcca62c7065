import { isPlanishError } from '../../../src/errors.ts';

/** The code of the error that a call throws; `undefined` when it throws none. Other errors pass through. */
export function failureOf(call: () => unknown): string | undefined {
  try {
    call();
  } catch (error) {
    if (isPlanishError(error)) return error.code;
    throw error;
  }
  return undefined;
}
