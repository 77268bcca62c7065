/** Runs of `planish` that are struck by a signal at a moment of their choosing. */
import { spawn } from 'node:child_process';
import { MAIN, type Run } from './cli.ts';

/** Moments of a build, by the words of `--progress plain`, in their order. */
export type Moment = 'reading' | 'flattening' | 'planning' | 'digesting' | 'writing' | 'finishing';

/** Strikes its own process as soon as it has said that the moment has come, so that no load makes the signal come late. */
const hook = (moment: Moment, signals: readonly NodeJS.Signals[]): string => `
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
const { writeSync } = fs;
let struck = false;
fs.writeSync = (fd, bytes, ...rest) => {
  const written = writeSync(fd, bytes, ...rest);
  if (struck || fd !== 2 || !Buffer.from(bytes).toString().startsWith('planish: ${moment}')) return written;
  struck = true;
  for (const signal of ${JSON.stringify(signals)}) process.kill(process.pid, signal);
  return written;
};
syncBuiltinESMExports();
`;

/**
 * Runs `planish` and has the signals sent at the moment: by what it prints, not by the clock. Standard error comes back
 * without the lines of progress.
 */
export function strike(
  args: readonly string[],
  moment: Moment,
  signals: readonly NodeJS.Signals[],
): Promise<Run & { readonly struck: boolean }> {
  const loaded = `data:text/javascript,${encodeURIComponent(hook(moment, signals))}`;
  const child = spawn(process.execPath, ['--import', loaded, MAIN, '--progress', 'plain', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  const stdout: Buffer[] = [];
  child.stdout.on('data', (piece: Buffer) => stdout.push(piece));
  child.stderr.on('data', (piece: Buffer) => {
    stderr += piece.toString();
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => {
      const isNoise = (line: string): boolean => /^planish: [a-z]+ing\b|SLOW_FALLBACK/.test(line);
      const rest = stderr.split('\n').filter((line) => !isNoise(line));
      const struck = stderr.includes(`planish: ${moment}`);
      resolve({ status, signal, stdout: Buffer.concat(stdout), stderr: rest.join('\n'), struck });
    });
  });
}
