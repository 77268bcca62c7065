/** The most memory that a run of `planish` had resident at once. */
import { spawnSync } from 'node:child_process';
import { MAIN } from './cli.ts';

/** Says so on descriptor 3 when the process, not a thread of it, ends; in kB, of all threads together. */
const HOOK = `
import { isMainThread } from 'node:worker_threads';
import { writeSync } from 'node:fs';
if (isMainThread) process.on('exit', () => writeSync(3, String(process.resourceUsage().maxRSS)));
`;

/** Megabytes and seconds of a run; throws unless it succeeds. */
export function measureRun(args: readonly string[]): {
  readonly megabytes: number;
  readonly seconds: number;
} {
  const start = performance.now();
  const { status, output } = spawnSync(
    process.execPath,
    ['--import', `data:text/javascript,${encodeURIComponent(HOOK)}`, MAIN, ...args],
    { stdio: ['ignore', 'pipe', 'pipe', 'pipe'] },
  );
  if (status !== 0) throw new Error(`planish ${args.join(' ')}: exit ${status}\n${output[2]}`);
  const kilobytes = Number(output[3]?.toString());
  if (!(kilobytes > 0)) throw new Error('the run did not say how much memory it took');
  return { megabytes: Math.round(kilobytes / 1000), seconds: (performance.now() - start) / 1000 };
}
