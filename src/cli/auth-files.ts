/** Where credentials for registries are looked for. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { PlanishError } from '../errors.ts';

/** `--authfile FILE`, as parsed. */
export interface ParsedAuthFile {
  readonly authfile?: string;
}

/**
 * The one file that `--authfile` or REGISTRY_AUTH_FILE names; else those of podman and skopeo, then that of docker, as they
 * look for them. Throws `BAD_OPTION` when the one that the option names is not there.
 */
export function authFiles({ authfile }: ParsedAuthFile, environment: NodeJS.ProcessEnv): readonly string[] {
  const named = authfile ?? environment['REGISTRY_AUTH_FILE'];
  if (named === undefined || named === '') return usualFiles(environment);
  if (authfile === undefined || existsSync(named)) return [named];
  throw new PlanishError('BAD_OPTION', 'there is no file of credentials of that name', { file: named });
}

function usualFiles(environment: NodeJS.ProcessEnv): string[] {
  const { XDG_RUNTIME_DIR: runtime, XDG_CONFIG_HOME: config, DOCKER_CONFIG: docker } = environment;
  const home = environment['HOME'] ?? homedir();
  return [
    absolute(runtime, 'containers/auth.json'),
    absolute(config, 'containers/auth.json') ?? absolute(home, '.config/containers/auth.json'),
    absolute(docker, 'config.json') ?? absolute(home, '.docker/config.json'),
  ].flatMap((file) => file ?? []);
}

function absolute(directory: string | undefined, name: string): string | undefined {
  return directory !== undefined && isAbsolute(directory) ? join(directory, name) : undefined;
}
