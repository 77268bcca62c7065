// Builds the native helpers by one call of the C compiler: node native-helpers/build.mjs [--require] [--strict] [--asan]
//
//   --require   not being built is a failure; otherwise it is a notice, since everything works without the helpers
//   --strict    warnings are errors
//   --asan      with the address and undefined-behaviour sanitizers, as planish-native-asan.node
//   --plain-vectors  take the AVX-512 kernels apart, so that processors without it can test them
//   --output F  write to F
//
// Needs a C compiler (the environment variable CC, else cc, gcc or clang), libc and the npm package node-api-headers.
import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const HERE = dirname(fileURLToPath(import.meta.url));
const SOURCES = [
  'hash.c',
  'hash-arm.c',
  'hash-avx.c',
  'hash-constants.c',
  'hash-module.c',
  'hash-ni.c',
  'hash-portable.c',
  'kernel-module.c',
  'inflate.c',
  'inflate-module.c',
  'link.c',
  'measure.c',
  'merkle.c',
  'module.c',
  'mount.c',
  'scan.c',
  'values.c',
  'verity.c',
  'xattr.c',
];

const BASE = ['-std=c11', '-Wall', '-Wextra', '-fPIC', '-shared', '-fvisibility=hidden', '-DNAPI_VERSION=8'];
const WIDE = ['-D_FILE_OFFSET_BITS=64', '-D_TIME_BITS=64'];
const HARDENED = ['-O2', '-U_FORTIFY_SOURCE', '-D_FORTIFY_SOURCE=2', '-fstack-protector-strong'];
const LINKED = ['-Wl,-z,relro,-z,now', '-Wl,-z,noexecstack'];
const SANITIZED = ['-O1', '-g', '-fno-omit-frame-pointer', '-fsanitize=address,undefined'];

function findCompiler() {
  const named = process.env['CC'];
  const candidates = named ? [named] : ['cc', 'gcc', 'clang'];
  return candidates.find((name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0);
}

function findHeaders() {
  try {
    const entry = createRequire(import.meta.url).resolve('node-api-headers');
    return join(dirname(entry), 'include');
  } catch {
    return undefined;
  }
}

function missingPart(compiler, headers) {
  if (process.platform !== 'linux') return 'they are for Linux only';
  if (compiler === undefined) return 'no C compiler was found (set CC, or install one)';
  if (headers === undefined) return 'the npm package node-api-headers is not installed';
  return undefined;
}

// Written aside and renamed, so that a process that has the old file mapped keeps it whole.
function compile(compiler, headers, options) {
  const name = options.asan ? 'planish-native-asan.node' : 'planish-native.node';
  const output = options.output ?? join(HERE, 'build', name);
  const aside = `${output}.${process.pid}`;
  mkdirSync(dirname(output), { recursive: true });
  const mode = options.asan ? SANITIZED : [...HARDENED, ...LINKED];
  const vectors = options['plain-vectors'] ? ['-DPLANISH_PLAIN_VECTORS'] : [];
  const strict = options.strict ? ['-Werror', '-pedantic'] : [];
  const sources = SOURCES.map((source) => join(HERE, source));
  const flags = [...BASE, ...WIDE, ...mode, ...vectors, ...strict, '-isystem', headers];
  const { status } = spawnSync(compiler, [...flags, '-o', aside, ...sources], { stdio: 'inherit' });
  if (status !== 0) {
    rmSync(aside, { force: true });
    return false;
  }
  renameSync(aside, output);
  console.log(`built ${output}`);
  return true;
}

const { values: options } = parseArgs({
  options: {
    require: { type: 'boolean' },
    strict: { type: 'boolean' },
    asan: { type: 'boolean' },
    'plain-vectors': { type: 'boolean' },
    output: { type: 'string' },
  },
});
const compiler = findCompiler();
const headers = findHeaders();
let missing = missingPart(compiler, headers);
if (missing === undefined && !compile(compiler, headers, options)) missing = 'the compiler failed';
if (missing !== undefined) {
  console.error(`native helpers not built: ${missing}; planish works without them, slower`);
  process.exitCode = options.require ? 1 : 0;
}
