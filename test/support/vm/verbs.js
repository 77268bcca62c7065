/**
 * Runs command lines of planish inside the test machine, one after another in one process: starting Node takes an
 * emulated processor seconds. Before each it writes "$ " and the line, after it "= " the exit status and how
 * long all took so far. What does not
 * begin with "planish" is for the shell. After " # " stands what tells a line from another of the same words.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeSync } from 'node:fs';
import { runCommandLine } from '/planish/dist/cli/run.js';

for (const line of readFileSync('/steps', 'utf8').trim().split('\n')) {
  writeSync(1, `$ ${line}\n`);
  const [command] = line.split(' # ');
  const [program, ...words] = command.split(' ');
  const status =
    program === 'planish'
      ? await runCommandLine(words)
      : spawnSync('/bin/sh', ['-c', command], { stdio: ['ignore', 1, 1] }).status;
  writeSync(1, `= ${status} at ${process.uptime().toFixed(1)} s\n`);
}
