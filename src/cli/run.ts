/** argv → command → exit status. */
import { CommanderError } from 'commander';
import { fromThrown, fromUsageError } from './failure.ts';
import { createProgram } from './program.ts';
import { Runtime } from './runtime.ts';

/** Runs the command line of this process and gives its exit status. */
export async function runCommandLine(words: readonly string[]): Promise<number> {
  const runtime = new Runtime();
  try {
    const program = await createProgram(runtime, words);
    await program.parseAsync(words, { from: 'user' });
    return runtime.exitStatus;
  } catch (error) {
    if (error instanceof CommanderError) return fromUsageError(error, runtime);
    return fromThrown(error, runtime);
  } finally {
    runtime.close();
  }
}
