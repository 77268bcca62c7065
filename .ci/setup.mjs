// Brings a checkout to where planish runs: packages, compiled sources, and the optional native helpers.
// Does only what is out of date, needs nothing but Node and npm, and no compiler: the native parts are optional.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const NODE_FLOOR = [20, 19];

function run(what, command, args) {
  const { status } = spawnSync(command, args, { cwd: ROOT, stdio: ['ignore', 2, 2] });
  if (status === 0) return;
  process.stderr.write(`setup: ${what} failed (${command} ${args.join(' ')})\n`);
  process.exit(status ?? 1);
}

function newest(folder) {
  let time = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.name === 'build') continue;
    time = Math.max(time, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }
  return time;
}

function timeOf(path) {
  return existsSync(path) ? statSync(path).mtimeMs : 0;
}

export function setup() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < NODE_FLOOR[0] || (major === NODE_FLOOR[0] && minor < NODE_FLOOR[1])) {
    process.stderr.write(
      `setup: Node ${NODE_FLOOR.join('.')} or newer is needed, this is ${process.versions.node}\n`,
    );
    process.exit(1);
  }
  const installed = timeOf(join(ROOT, 'node_modules/.package-lock.json'));
  if (installed < timeOf(join(ROOT, 'package-lock.json'))) {
    process.stderr.write('setup: installing packages\n');
    // Not `npm ci`: it refuses a lock file in which optional packages for other platforms are missing, as they are
    // when the registry at hand does not carry them. `--no-save` takes the locked versions all the same.
    run('installing packages', 'npm', [
      'install',
      '--no-save',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
    ]);
  }
  const sources = Math.max(newest(join(ROOT, 'src')), timeOf(join(ROOT, '.ci/bundle.mjs')));
  if (timeOf(join(ROOT, 'dist/cli/main.js')) < sources) {
    process.stderr.write('setup: compiling\n');
    run('compiling', process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'src']);
    run('bundling', process.execPath, [join(ROOT, '.ci/bundle.mjs')]);
  }
  const native = join(ROOT, 'native-helpers/build/planish-native.node');
  if (timeOf(native) < newest(join(ROOT, 'native-helpers'))) {
    run('building the native helpers', process.execPath, [join(ROOT, 'native-helpers/build.mjs')]);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) setup();
