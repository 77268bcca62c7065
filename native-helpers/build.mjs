// Builds the native helpers by one call of the C compiler: node native-helpers/build.mjs [OPTION...]
//
//   --require   not being built is a failure; otherwise it is a notice, since everything works without the helpers
//   --strict    warnings are errors
//   --asan      with the address and undefined-behaviour sanitizers, as planish-native-asan.node
//   --plain-vectors  take the AVX-512 kernels apart, so that processors without it can test them
//   --prebuild D     write npm packages with prebuilt helpers below D, for every target whose compiler is here
//   --target T       of those, only T (may be repeated): linux-x64-glibc, linux-x64-musl, linux-arm64-glibc, linux-arm64-musl
//   --output F  write to F
//
// Needs a C compiler (the environment variable CC, else cc, gcc or clang), libc and the npm package node-api-headers.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const HERE = dirname(fileURLToPath(import.meta.url));
const SOURCES = [
  'crc32.c',
  'deflate.c',
  'deflate-blocks.c',
  'deflate-huffman.c',
  'deflate-module.c',
  'hash.c',
  'hash-arm.c',
  'hash-avx.c',
  'hash-constants.c',
  'hash-module.c',
  'hash-ni.c',
  'hash-portable.c',
  'hash-stream.c',
  'kernel-module.c',
  'inflate.c',
  'inflate-blocks.c',
  'inflate-symbols.c',
  'inflate-tables.c',
  'inflate-module.c',
  'later.c',
  'link.c',
  'measure.c',
  'memory.c',
  'merkle.c',
  'module.c',
  'mount.c',
  'reader.c',
  'scan.c',
  'scan-module.c',
  'store.c',
  'store-files.c',
  'store-module.c',
  'stream-module.c',
  'values.c',
  'verity.c',
  'window.c',
  'window-module.c',
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

/**
 * What prebuilt helpers are made for, and by which compiler; a variable such as CC_LINUX_ARM64_MUSL names another. glibc of
 * the machine that builds is the oldest on which the result loads, so releases are built on the oldest Debian supported.
 */
const TARGETS = {
  'linux-x64-glibc': 'x86_64-linux-gnu-gcc',
  'linux-x64-musl': 'musl-gcc',
  'linux-arm64-glibc': 'aarch64-linux-gnu-gcc',
  'linux-arm64-musl': 'aarch64-linux-musl-gcc',
};

function compilerOf(target) {
  const name = process.env[`CC_${target.toUpperCase().replaceAll('-', '_')}`] ?? TARGETS[target];
  return spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0 ? name : undefined;
}

function writePackage(directory, target) {
  const root = JSON.parse(readFileSync(join(HERE, '../package.json'), 'utf8'));
  const [os, cpu, libc] = target.split('-');
  const manifest = {
    name: `@planish/native-${target}`,
    version: root.version,
    description: `Native helpers of planish for ${target}`,
    license: root.license,
    os: [os],
    cpu: [cpu],
    libc: [libc],
    main: 'planish-native.node',
    files: ['planish-native.node'],
  };
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  copyFileSync(join(HERE, '../LICENSE'), join(directory, 'LICENSE'));
}

function prebuild(top, wanted, headers, options) {
  let failed = 0;
  for (const target of wanted) {
    if (!(target in TARGETS))
      throw new Error(`no target ${target}; there are ${Object.keys(TARGETS).join(', ')}`);
    const compiler = compilerOf(target);
    const directory = join(top, `native-${target}`);
    const output = join(directory, 'planish-native.node');
    if (compiler === undefined) console.error(`not built for ${target}: ${TARGETS[target]} is not here`);
    else if (compile(compiler, headers, { ...options, output })) {
      writePackage(directory, target);
      continue;
    }
    failed++;
  }
  return failed;
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
    prebuild: { type: 'string' },
    target: { type: 'string', multiple: true },
  },
});
const headers = findHeaders();
if (options.prebuild !== undefined && headers !== undefined) {
  const failed = prebuild(options.prebuild, options.target ?? Object.keys(TARGETS), headers, options);
  process.exit(failed > 0 && options.require ? 1 : 0);
}
const compiler = findCompiler();
let missing = missingPart(compiler, headers);
if (missing === undefined && !compile(compiler, headers, options)) missing = 'the compiler failed';
if (missing !== undefined) {
  console.error(`native helpers not built: ${missing}; planish works without them, slower`);
  process.exitCode = options.require ? 1 : 0;
}
