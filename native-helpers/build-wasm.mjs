// Builds the portable twin of the deflate helper: node native-helpers/build-wasm.mjs [--check]
//
// The same C as WebAssembly, written to src/compress/deflate-wasm-bytes.ts. Needs clang and wasm-ld (CLANG names another
// clang). With --check nothing is written; a difference is a failure. Other versions of clang may give other instructions,
// which compute the same bytes, so --check says which version the module was built by.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = dirname(fileURLToPath(import.meta.url));
const TARGET = join(HERE, '../src/compress/deflate-wasm-bytes.ts');
const CLANG = process.env['CLANG'] ?? 'clang';

const FLAGS = [
  '--target=wasm32',
  '-std=c11',
  '-O2',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-mbulk-memory',
  '-msign-ext',
  '-nostdlib',
  '-Wl,--no-entry',
  '-Wl,--strip-all',
  '-Wl,-z,stack-size=131072',
];
const SOURCES = ['deflate.c', 'deflate-blocks.c', 'deflate-huffman.c', 'deflate-wasm.c'];

function run(args) {
  const { status, stdout, stderr, error } = spawnSync(CLANG, args, { encoding: 'utf8' });
  if (error !== undefined) throw new Error(`${CLANG} cannot be run: ${error.message}`);
  if (status !== 0) throw new Error(`${CLANG} failed:\n${stderr}`);
  return stdout;
}

function compile() {
  const directory = mkdtempSync(join(tmpdir(), 'planish-wasm-'));
  try {
    const output = join(directory, 'deflate.wasm');
    run([...FLAGS, '-o', output, ...SOURCES.map((source) => join(HERE, source))]);
    return readFileSync(output);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const version = /clang version (\d+)/.exec(run(['--version']))?.[1];
const text = `/** WebAssembly of \`native-helpers/deflate*.c\`, by clang ${version}: made by \`native-helpers/build-wasm.mjs\`. */
export const DEFLATE_WASM =
  '${compile().toString('base64')}';
`;
if (!process.argv.includes('--check')) {
  writeFileSync(TARGET, text);
  console.log(`wrote ${TARGET}`);
} else if (readFileSync(TARGET, 'utf8') !== text) {
  console.error(
    `src/compress/deflate-wasm-bytes.ts is not what clang ${version} makes of native-helpers/deflate*.c`,
  );
  process.exitCode = 1;
}
