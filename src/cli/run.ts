/** argv → command → exit status. */
import { CommanderError } from 'commander';
import { readVersion } from '../ops/package-version.ts';
import { fromThrown, fromUsageError } from './failure.ts';
import { optimizeLater } from './optimize-later.ts';
import { createProgram } from './program.ts';
import { Runtime } from './runtime.ts';

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
  optimizeLater();
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
