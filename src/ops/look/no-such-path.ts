/** What verbs say of a path that the source does not hold. */
import { type ByteString, display } from '../../bytes/byte-string.ts';
import { PlanishError } from '../../errors.ts';

/** The error `PATH_NOT_FOUND`. */
export function noSuchPath(path: ByteString): PlanishError {
  return new PlanishError('PATH_NOT_FOUND', 'the image holds no such path', { path: display(path) });
}
