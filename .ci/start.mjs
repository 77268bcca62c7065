// `npm start` builds the demonstration image into a temporary layout and prints what it did;
// `npm start -- VERB …` is `planish VERB …`, run from where the user stands.
import { spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setup } from './setup.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const MAIN = join(ROOT, 'dist/cli/main.js');

function planish(args) {
  const cwd = process.env.INIT_CWD ?? process.cwd();
  const { status, signal } = spawnSync(process.execPath, [MAIN, ...args], { cwd, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? (signal === 'SIGINT' ? 130 : 1));
}

function demonstrate() {
  const image = `oci-archive:${join(ROOT, 'fixtures/demo/demo.oci.tar')}`;
  const built = `oci:${join(mkdtempSync(join(tmpdir(), 'planish-demo-')), 'image')}:demo`;
  for (const args of [
    ['build', image, '-o', built],
    ['inspect', built],
    ['verify', built],
  ]) {
    process.stdout.write(`\n$ planish ${args.join(' ')}\n`);
    planish(args);
  }
}

setup();
const given = process.argv.slice(2);
if (given.length === 0) demonstrate();
else planish(given);
