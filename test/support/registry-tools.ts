/** Programs that talk to a registry, and what they answer. */
import { spawnSync } from 'node:child_process';

/** Whether a program ended well, and all that it said. */
export interface Answer {
  readonly ok: boolean;
  readonly text: string;
}

/** Runs a program to its end. */
export function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Answer {
  const { status, stdout, stderr } = spawnSync(program, args, { env: { ...process.env, ...env } });
  return { ok: status === 0, text: `${stdout}${stderr}` };
}

/** As {@link run}; throws what it said where it fails. */
export function mustRun(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): void {
  const { ok, text } = run(program, args, env);
  if (!ok) throw new Error(`${program} ${args.join(' ')}: ${text}`);
}

/** Tags as skopeo copies them, whatever they are of. */
export function copyTag(skopeo: string, from: string, to: string): Answer {
  const tls = ['--dest-tls-verify=false', '--src-tls-verify=false'];
  const options = ['-q', '--all', '--preserve-digests', '--insecure-policy', ...tls];
  return run(skopeo, ['copy', ...options, from, to]);
}
