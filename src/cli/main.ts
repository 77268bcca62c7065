#!/usr/bin/env node
/** The only file that ends the process. What needs no parser is answered before one is loaded. */
import { answerQuickly } from './quick-answer.ts';

const words = process.argv.slice(2);
if (!answerQuickly(words)) {
  const { runCommandLine } = await import('./run.ts');
  process.exitCode = await runCommandLine(words);
}
