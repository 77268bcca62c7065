/** What a thrown value means to the user: one line, and an exit status. */
import { EXIT_STATUS, PlanishError } from '../errors.ts';
import type { Runtime } from './runtime.ts';

/** Prints the error and gives the exit status of its kind; an interrupted run ends as its signal would end it. */
export function fromThrown(error: unknown, runtime: Runtime): number {
  const known =
    error instanceof PlanishError
      ? error
      : new PlanishError('INVARIANT', `unexpected failure: ${String(error)}`, {}, error);
  if (known !== error && error instanceof Error && error.stack !== undefined) known.stack = error.stack;
  runtime.output.error(known);
  return runtime.signalStatus ?? EXIT_STATUS[known.kind];
}
