/**
 * One process in which many command lines are run, one after another. Starting Node is most of a short run; and what a
 * run leaves behind in its process must not matter to the next, as it must not for users of the library.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { MAIN, type Run } from './cli.ts';

/** Takes argument lists as lines of JSON, and answers each with what the run printed and its exit status. */
const SERVER = `
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { createInterface } from 'node:readline';
const { writeSync } = fs;
let said = [[], [], []];
fs.writeSync = (fd, bytes, ...rest) => {
  if (fd !== 1 && fd !== 2) return writeSync(fd, bytes, ...rest);
  const part = Buffer.from(bytes).subarray(rest[0] ?? 0);
  said[fd].push(part);
  return part.length;
};
syncBuiltinESMExports();
const { runCommandLine } = await import(process.argv[1]);
for await (const line of createInterface({ input: process.stdin })) {
  said = [[], [], []];
  const status = await runCommandLine(JSON.parse(line));
  const [, stdout, stderr] = said.map((parts) => Buffer.concat(parts).toString('base64'));
  process.stdout.write(JSON.stringify({ status, stdout, stderr }) + '\\n');
}
`;

/** Starts with the first run; ends with {@link CommandServer.close}. */
export class CommandServer {
  #process: { readonly child: ChildProcess; readonly answers: AsyncIterator<string> } | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** As `planish` with these arguments. Runs wait for each other. */
  run(args: readonly string[]): Promise<Run> {
    const result = this.#last.then(() => this.#ask(args));
    this.#last = result.catch(() => undefined);
    return result;
  }

  close(): void {
    this.#process?.child.kill('SIGKILL');
    this.#process = undefined;
  }

  async #ask(args: readonly string[]): Promise<Run> {
    this.#process ??= start();
    const { child, answers } = this.#process;
    child.stdin?.write(`${JSON.stringify(args)}\n`);
    const { value, done } = await answers.next();
    if (done === true) throw new Error(`the process ended in planish ${args.join(' ')}`);
    const { status, stdout, stderr } = JSON.parse(value);
    const text = Buffer.from(stderr, 'base64').toString();
    return { status, signal: null, stdout: Buffer.from(stdout, 'base64'), stderr: text };
  }
}

function start(): { child: ChildProcess; answers: AsyncIterator<string> } {
  const module = new URL('run.js', `file://${MAIN}`).href;
  const child = spawn(process.execPath, ['--input-type=module', '-e', SERVER, module], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  return { child, answers: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}
