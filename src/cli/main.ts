#!/usr/bin/env node
/** argv → command → exit status: the only file that ends the process. */
import { CommanderError } from 'commander';
import { fromThrown, fromUsageError } from './failure.ts';
import { createProgram } from './program.ts';
import { Runtime } from './runtime.ts';

async function main(): Promise<number> {
  const runtime = new Runtime();
  try {
    const program = await createProgram(runtime, process.argv.slice(2));
    await program.parseAsync();
    return runtime.exitStatus;
  } catch (error) {
    if (error instanceof CommanderError) return fromUsageError(error, runtime);
    return fromThrown(error, runtime);
  } finally {
    runtime.close();
  }
}

process.exitCode = await main();
