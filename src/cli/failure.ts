/** What a thrown value means to the user: one line, and an exit status. */
import type { CommanderError } from 'commander';
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

/** What the parser of the command line ended with: help or version were asked for, or an option is wrong. */
export function fromUsageError({ code, exitCode, message }: CommanderError, runtime: Runtime): number {
  if (exitCode === 0) return 0;
  // Help for want of a verb has been printed.
  if (code === 'commander.help') return EXIT_STATUS.usage;
  const sentence = message
    .replace(/^error: /, '')
    .replaceAll('\n', ' ')
    .replace(/\.$/, '')
    .replace(/\. /g, ': ');
  const hint = 'planish VERB --help shows what there is';
  return fromThrown(new PlanishError('BAD_OPTION', sentence, { hint }), runtime);
}
