/** Runs of `planish` that are struck by a signal at a moment of their choosing. */
import { spawn } from 'node:child_process';
import { MAIN, type Run } from './cli.ts';

/** Moments of a build, by the words of `--progress plain`, in their order. */
export type Moment = 'reading' | 'flattening' | 'planning' | 'digesting' | 'writing' | 'finishing';

/**
 * Runs `planish build` and sends the signals as soon as it says that the moment has come: by what it prints, not by
 * the clock. Standard error comes back without the lines of progress.
 */
export function strike(
  args: readonly string[],
  moment: Moment,
  signals: readonly NodeJS.Signals[],
): Promise<Run & { readonly struck: boolean }> {
  const child = spawn(process.execPath, [MAIN, '--progress', 'plain', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let struck = false;
  let stderr = '';
  const stdout: Buffer[] = [];
  child.stdout.on('data', (piece: Buffer) => stdout.push(piece));
  child.stderr.on('data', (piece: Buffer) => {
    stderr += piece.toString();
    if (struck || !stderr.includes(`planish: ${moment}`)) return;
    struck = true;
    for (const signal of signals) child.kill(signal);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => {
      const isNoise = (line: string): boolean => /^planish: [a-z]+ing\b|SLOW_FALLBACK/.test(line);
      const rest = stderr.split('\n').filter((line) => !isNoise(line));
      resolve({ status, signal, stdout: Buffer.concat(stdout), stderr: rest.join('\n'), struck });
    });
  });
}
