/** Programs that run for long: started without blocking the test runner, and demanded to succeed. */
import { execFile } from 'node:child_process';
import { MAIN } from './cli.ts';

/** How a program is run. */
export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Only root may run a program as another user. */
  readonly uid?: number;
  readonly gid?: number;
}

/** Runs a program to its end and gives its standard output; throws with its standard error when it fails. */
export function run(program: string, args: readonly string[], options: ProgramOptions = {}): Promise<string> {
  const { env, ...rest } = options;
  return new Promise((resolve, reject) => {
    execFile(
      program,
      [...args],
      { ...rest, env: { ...process.env, ...env }, maxBuffer: 2 ** 28 },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(new Error(`${program} ${args.join(' ')}\n${stderr}`, { cause: error }));
      },
    );
  });
}

/** Runs the built `planish` with `--json` and gives the document. */
// biome-ignore lint/suspicious/noExplicitAny: tests look at documents of many shapes.
export async function runPlanishJson(args: readonly string[], options: ProgramOptions = {}): Promise<any> {
  return JSON.parse(await run(process.execPath, [MAIN, '--json', '--quiet', ...args], options));
}
