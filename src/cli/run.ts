/** argv → command → exit status. */
import { setFlagsFromString } from 'node:v8';
import { CommanderError } from 'commander';
import { readVersion } from '../ops/package-version.ts';
import { fromThrown, fromUsageError } from './failure.ts';
import { createProgram } from './program.ts';
import { Runtime } from './runtime.ts';

/**
 * Bytes of bytecode that a function may run before V8 thinks of optimizing it: eight times its own figure, which is meant for
 * processes that live for hours. Here most functions are nearly done when they reach that, in every thread anew, and
 * compiling them took an eighth of the time of a run.
 */
const OPTIMIZING_BUDGET = 8 * 66 * 1024;

/** Whether the version is asked for, with all that it is made of: `--version --verbose`. */
function asksForParts(words: readonly string[]): boolean {
  const [version, verbose] = [
    ['-V', '--version'],
    ['-v', '--verbose'],
  ] as const;
  const has = (names: readonly string[]): boolean => words.some((word) => names.includes(word));
  return words.length === 2 && has(version) && has(verbose);
}

/** Runs the command line of this process and gives its exit status. */
export async function runCommandLine(words: readonly string[]): Promise<number> {
  setFlagsFromString(`--interrupt-budget=${OPTIMIZING_BUDGET}`);
  const runtime = new Runtime();
  try {
    if (asksForParts(words)) {
      const { describeParts } = await import('../ops/look/describe-parts.ts');
      const lines = [readVersion(), ...(await describeParts())];
      runtime.output.write(Buffer.from(`${lines.join('\n')}\n`));
      return runtime.exitStatus;
    }
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
