#!/usr/bin/env node
/** The only file that ends the process. What needs no parser is answered before one is loaded. */
import { answerQuickly } from './quick-answer.ts';

/** Status of a defect (`EXIT_STATUS.internal`), until a run has given its own: one that never ends has not succeeded. */
const UNFINISHED = 70;

async function run(words: readonly string[]): Promise<void> {
  process.exitCode = UNFINISHED;
  const { runCommandLine } = await import('./run.ts');
  process.exitCode = await runCommandLine(words);
}

const words = process.argv.slice(2);
if (!answerQuickly(words)) void run(words);
