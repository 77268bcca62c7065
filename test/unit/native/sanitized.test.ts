import { spawnSync } from 'node:child_process';
import { existsSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  freshDirectory,
  holdsAttributes,
  raw,
  removeDirectories,
  setAttribute,
} from '../io/rootfs-fixture.ts';
import { buildHelpers, findCompiler } from './build-helpers.ts';

afterAll(removeDirectories);

const HERE = new URL('.', import.meta.url).pathname;
const SOURCES = new URL('../../../native-helpers/', import.meta.url).pathname;
const compiler = findCompiler();
const runtime = findRuntime();
const attributes = holdsAttributes();

/** The library that must be loaded before Node for an addon with the address sanitizer. */
function findRuntime(): string | undefined {
  if (compiler === undefined) return undefined;
  const found = spawnSync(compiler, ['-print-file-name=libasan.so'], { encoding: 'utf8' }).stdout.trim();
  if (existsSync(found)) return found;
  process.stderr.write('SKIPPED: sanitizers: the compiler has no address sanitizer\n');
  return undefined;
}

function directory(): string {
  const top = freshDirectory();
  writeFileSync(raw(`${top}/f\xff`), '');
  symlinkSync(raw('t'.repeat(4000)), raw(`${top}/${'l'.repeat(255)}`));
  if (attributes) {
    setAttribute(`${top}/f\xff`, 'user.large', 'ab'.repeat(2500));
    for (let index = 0; index < 6; index++) setAttribute(top, `user.${'n'.repeat(200)}${index}`, '01');
  }
  return top;
}

/** What does without Node and is looked at here. */
const PLAIN = ['merkle', 'reader', 'scan', 'store', 'store-files', 'xattr'];

/** What they need for hashing, without sanitizers, by which it takes half a minute to be compiled; see `hash.test.ts`. */
const HASHING = ['hash', 'hash-arm', 'hash-avx', 'hash-constants', 'hash-ni', 'hash-portable', 'hash-stream'];

function compileHashing(): string[] {
  const cwd = freshDirectory();
  const sources = HASHING.map((name) => join(SOURCES, `${name}.c`));
  const { status } = spawnSync(compiler as string, ['-std=c11', '-O1', '-c', ...sources], { cwd });
  expect(status).toBe(0);
  return HASHING.map((name) => join(cwd, `${name}.o`));
}

/** One that is told itself, one that waits for others, one that is held, one that is written as it is read. */
function filesOfAllKinds(): string {
  const top = freshDirectory();
  writeFileSync(`${top}/tiny`, 'x'.repeat(20));
  writeFileSync(`${top}/small`, 's'.repeat(5000));
  writeFileSync(`${top}/held`, Buffer.alloc(300_000, 'h'));
  writeFileSync(`${top}/large`, Buffer.alloc((4 << 20) + 1, 'l'));
  return top;
}

describe.skipIf(runtime === undefined)('the helpers under sanitizers', () => {
  it('do nothing wrong and leak nothing, on their own', () => {
    const program = join(freshDirectory(), 'sanitized');
    const sources = [join(HERE, 'sanitized.c'), ...PLAIN.map((name) => join(SOURCES, `${name}.c`))];
    const flags = ['-std=c11', '-g', '-O1', '-Wall', '-Wextra', '-Werror', '-fsanitize=address,undefined'];
    const fatal = '-fno-sanitize-recover=all';
    const args = [...flags, fatal, '-I', SOURCES, '-o', program, ...sources, ...compileHashing()];
    const built = spawnSync(compiler as string, args, { encoding: 'utf8' });
    expect(built.stderr).toBe('');
    const top = directory();
    const [files, store] = [filesOfAllKinds(), freshDirectory()];
    const clean = spawnSync(program, [top, files, store], { encoding: 'utf8' });
    expect(clean.stderr).toBe('');
    expect(clean.status).toBe(0);
    const lines = clean.stdout.split('\n');
    const xattrs = attributes ? 2516 + 6 * (6 + 206 + 1) : 0;
    expect(lines[0]).toBe(`scan 0 ${3 * 72 + 2 + 255 + 4000 + xattrs}`);
    // Four records and that of the directory, three times; a tail of a file is 13 bytes and what is known of it.
    const records = 3 * (5 * 72 + 'tinysmallheldlarge'.length + 4 * 13 + 20);
    expect(lines.filter((line) => /^(contents|store)/.test(line))).toEqual([
      `contents 0 ${records + 3 * 32}`,
      'store 3 2119',
      'store 3 2229',
      'store -2',
      `contents 0 ${records + 3 * 64}`,
      'store 3 2119',
      'store 3 2229',
      'store -2',
    ]);
    expect(lines.slice(-4)).toEqual([
      'scan -2 0',
      expect.stringMatching(/^scan (0|-36) \d+$/),
      'set -95',
      '',
    ]);
    expect(lines.filter((line) => line === 'scan -75 0').length).toBeGreaterThan(600);
    const leaking = spawnSync(program, [top, files, store, 'leak'], { encoding: 'utf8' });
    expect(leaking.stderr).toContain('detected memory leaks');
    expect(leaking.status).not.toBe(0);
  });

  it('do nothing wrong inside Node', () => {
    const file = buildHelpers('--asan');
    const script = `(async () => {
      const native = require(${JSON.stringify(file)});
      const path = Buffer.from(process.argv[1], 'latin1');
      const failure = Buffer.alloc(257);
      let sum = 0;
      for (let limit = 0; limit < 20000; limit += 37) {
        const packed = native.scanDirectory(path, limit % 2, limit, failure);
        if (typeof packed === 'object') sum += packed.length;
        native.listXattrs(path, limit);
      }
      native.scanDirectory(Buffer.alloc(0), 0, 1, failure);
      native.scanDirectory(Buffer.alloc(5000, 47), 0, 1, failure);
      native.setXattr(path, Buffer.alloc(300, 97), Buffer.alloc(0));
      const [files, store] = process.argv.slice(2).map((name) => Buffer.from(name));
      const listed = Buffer.concat([files, Buffer.of(0), path, Buffer.of(0)]);
      const later = [];
      for (let limit = 0; limit < 4000; limit += 37)
        later.push(native.scanDirectoriesLater(listed, limit % 4, limit, limit % 3, limit % 2 ? store : Buffer.alloc(0)));
      const space = [Buffer.alloc(64), Buffer.alloc(1)];
      const small = Buffer.concat([files, Buffer.from('/small\\0')]);
      later.push(native.storeFilesLater(store, small, Buffer.alloc(48), 1, 2, ...space));
      await Promise.all(later);
      try { native.scanDirectory(path, 0, 1, Buffer.alloc(1)); } catch (error) { console.log(error.code); }
      try { native.scanDirectoriesLater(files, 0, 1, 0, store); } catch (error) { console.log(error.code); }
      console.log(sum > 0);
    })()`;
    const environment = {
      ...process.env,
      // Node itself frees nothing at its end, so leaks are looked for above.
      ASAN_OPTIONS: 'detect_leaks=0',
      UBSAN_OPTIONS: 'halt_on_error=1',
      LD_PRELOAD: runtime,
    };
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['-e', script, directory(), filesOfAllKinds(), freshDirectory()],
      {
        encoding: 'utf8',
        env: environment,
      },
    );
    expect(stderr).toBe('');
    expect(stdout).toBe('ERR_INVALID_ARG_TYPE\nERR_INVALID_ARG_TYPE\ntrue\n');
    expect(status).toBe(0);
  });
});
