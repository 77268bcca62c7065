/** The error that something must end with. */
import { isPlanishError, type PlanishError } from '../../src/errors.ts';

/** What a promise is rejected with; that it is fulfilled, or fails by anything else, is an error of the test. */
export async function planishError(run: Promise<unknown>): Promise<PlanishError> {
  const thrown = await run.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (isPlanishError(thrown)) return thrown;
  throw new Error(`no error of planish: ${String(thrown)}`);
}
