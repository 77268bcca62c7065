/**
 * One process in which many command lines are run, one after another. Starting Node is most of a short run; and what a
 * run leaves behind in its process must not matter to the next, as it must not for users of the library.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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
const { runCommandLine } = await import(process.argv[2]);
for await (const line of createInterface({ input: process.stdin })) {
  said = [[], [], []];
  const status = await runCommandLine(JSON.parse(line));
  const [, stdout, stderr] = said.map((parts) => Buffer.concat(parts).toString('base64'));
  process.stdout.write(JSON.stringify({ status, stdout, stderr }) + '\\n');
}
`;

interface ServerProcess {
  readonly child: ChildProcess;
  /** Holds its script. */
  readonly directory: string;
  readonly answers: AsyncIterator<string>;
}

/** Starts with the first run; ends with {@link CommandServer.close}. */
export class CommandServer {
  #process: ServerProcess | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** As `planish` with these arguments. Runs wait for each other. */
  run(args: readonly string[]): Promise<Run> {
    const result = this.#last.then(() => this.#ask(args));
    this.#last = result.catch(() => undefined);
    return result;
  }

  close(): void {
    if (this.#process === undefined) return;
    this.#process.child.kill('SIGKILL');
    rmSync(this.#process.directory, { recursive: true, force: true });
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

function start(): ServerProcess {
  const module = new URL('run.js', `file://${MAIN}`).href;
  // A file, not an argument: threads inherit the arguments of Node.
  const directory = mkdtempSync(join(tmpdir(), 'planish-server-'));
  const script = join(directory, 'server.mjs');
  writeFileSync(script, SERVER);
  const child = spawn(process.execPath, [script, module], { stdio: ['pipe', 'pipe', 'inherit'] });
  return { child, directory, answers: createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}
