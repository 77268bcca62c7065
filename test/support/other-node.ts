/** Other versions of Node, from the npm registry, for tests that must give the same on all. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.ts';

const CURRENT = Number(process.versions.node.split('.')[0]);

/**
 * The executable of a major version: the one that runs this, or one that npm installs into `directory`. `undefined`
 * where npm cannot, after saying what is skipped.
 */
export async function nodeOfMajor(
  major: number,
  directory: string,
  skipped: string,
): Promise<string | undefined> {
  if (major === CURRENT) return process.execPath;
  const name = `node-${process.platform}-${process.arch}`;
  const options = ['--no-save', '--no-audit', '--no-fund', '--loglevel=error', '--prefix', directory];
  try {
    await run('npm', ['install', ...options, `${name}@${major}`], { cwd: directory });
    const executable = join(directory, 'node_modules', name, 'bin/node');
    if (!existsSync(executable)) throw new Error(`${name}@${major} has no bin/node`);
    return executable;
  } catch (error) {
    process.stderr.write(`SKIPPED: ${skipped}: npm gave no Node ${major}: ${String(error)}\n`);
    return undefined;
  }
}
