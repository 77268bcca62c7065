/** Other machines, and inputs of nobody's making: cross-compiled helpers, and the fuzz target for a short while. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { freshDirectory, removeDirectories } from '../io/rootfs-fixture.ts';

afterAll(removeDirectories);

const HERE = new URL('.', import.meta.url).pathname;
const HELPERS = new URL('../../../native-helpers/', import.meta.url).pathname;
const HASHES = [
  'hash.c',
  'hash-arm.c',
  'hash-avx.c',
  'hash-constants.c',
  'hash-ni.c',
  'hash-portable.c',
  'hash-stream.c',
];
const CODECS = [
  'crc32.c',
  'deflate.c',
  'deflate-blocks.c',
  'deflate-huffman.c',
  'inflate.c',
  'inflate-blocks.c',
  'inflate-symbols.c',
  'inflate-tables.c',
];

function has(program: string, skipped: string): boolean {
  if (spawnSync(program, ['--version']).status === 0) return true;
  process.stderr.write(`SKIPPED: ${skipped}: there is no ${program}\n`);
  return false;
}

/** Compiles sources of the helpers with one of the tests; the program. */
function compile(compiler: string, flags: string[], source: string, helpers: string[]): string {
  const program = join(freshDirectory(), 'program');
  const sources = [join(HERE, source), ...helpers.map((name) => join(HELPERS, name))];
  const args = [
    '-std=c11',
    '-Wall',
    '-Wextra',
    '-Werror',
    ...flags,
    '-I',
    HELPERS,
    '-o',
    program,
    ...sources,
  ];
  const { status, stderr } = spawnSync(compiler, args, { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
  return program;
}

describe('prebuilt helpers', () => {
  const targets = [
    ['linux-arm64-glibc', 'aarch64-linux-gnu-gcc', 0xb7],
    ['linux-x64-musl', 'musl-gcc', 0x3e],
  ] as const;
  const made = targets.filter(([target, compiler]) => has(compiler, `prebuilt helpers for ${target}`));

  it.each(made)('for %s are packed', (target, _, machine) => {
    const top = freshDirectory();
    const args = ['build.mjs', '--prebuild', top, '--target', target, '--strict', '--require'];
    const built = spawnSync(process.execPath, args, { cwd: HELPERS, encoding: 'utf8' });
    expect([built.status, built.stderr]).toEqual([0, '']);
    const directory = join(top, `native-${target}`);
    const [os, cpu, libc] = target.split('-');
    expect(JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'))).toMatchObject({
      name: `@planish/native-${target}`,
      os: [os],
      cpu: [cpu],
      libc: [libc],
    });
    expect(readFileSync(join(directory, 'planish-native.node')).readUInt16LE(18)).toBe(machine);
    expect(existsSync(join(directory, 'LICENSE'))).toBe(true);
  });

  const canRunArm = ['aarch64-linux-gnu-gcc', 'qemu-aarch64-static'].every((name) =>
    has(name, 'hashing on ARM'),
  );

  it.skipIf(!canRunArm)('give right hashes on ARM', () => {
    const program = compile('aarch64-linux-gnu-gcc', ['-O2', '-static'], 'kernels.c', [...HASHES, 'crc32.c']);
    const { stdout } = spawnSync('qemu-aarch64-static', ['-cpu', 'max', program], { encoding: 'utf8' });
    expect(stdout.split('\n')).toEqual([
      'portable runs',
      'armv8-x1 runs',
      'armv8-x3 runs',
      'portable runs',
      'armv8-x1 runs',
      'armv8-x2 runs',
      'crc32 armv8 cbf43926 9988c6ca',
      '',
    ]);
  });
});

it.skipIf(!has('clang', 'fuzzing'))('the codecs and kernels stand a short fuzzing', () => {
  const sanitizers = ['-g', '-O1', '-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=all'];
  const program = compile('clang', sanitizers, 'fuzz-codecs.c', [...HASHES, ...CODECS]);
  const args = ['-runs=3000', '-max_total_time=20', '-max_len=16384', '-seed=1'];
  const { status, stderr } = spawnSync(program, args, { cwd: freshDirectory(), encoding: 'utf8' });
  expect([status, stderr.includes('ERROR')]).toEqual([0, false]);
});
