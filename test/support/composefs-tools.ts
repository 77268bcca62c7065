/** The programs that composefs images are compared with, where they are on PATH. */
import { spawnSync } from 'node:child_process';

/** What a program wrote and how it ended. */
export interface ToolResult {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Runs a program with bytes on its standard input. */
export function runTool(tool: string, args: readonly string[], input?: Uint8Array): ToolResult {
  const result = spawnSync(tool, args, { input: input ?? '', maxBuffer: 2 ** 30 });
  return { status: result.status, stdout: result.stdout, stderr: result.stderr?.toString() ?? '' };
}

/** Whether a program can be started; says on standard error what is skipped when it cannot. */
export function hasTool(tool: string, skipped: string): boolean {
  const { error } = spawnSync(tool, ['--help'], { stdio: 'ignore' });
  if (error === undefined) return true;
  process.stderr.write(`SKIPPED: ${skipped}: ${tool} is not on PATH\n`);
  return false;
}
