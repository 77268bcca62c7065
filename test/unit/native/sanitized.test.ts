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

describe.skipIf(runtime === undefined)('the helpers under sanitizers', () => {
  it('do nothing wrong and leak nothing, on their own', () => {
    const program = join(freshDirectory(), 'sanitized');
    const sources = [join(HERE, 'sanitized.c'), join(SOURCES, 'scan.c'), join(SOURCES, 'xattr.c')];
    const flags = ['-std=c11', '-g', '-O1', '-Wall', '-Wextra', '-Werror', '-fsanitize=address,undefined'];
    const fatal = '-fno-sanitize-recover=all';
    const built = spawnSync(compiler as string, [...flags, fatal, '-I', SOURCES, '-o', program, ...sources], {
      encoding: 'utf8',
    });
    expect(built.stderr).toBe('');
    const top = directory();
    const clean = spawnSync(program, [top], { encoding: 'utf8' });
    expect(clean.stderr).toBe('');
    expect(clean.status).toBe(0);
    const lines = clean.stdout.split('\n');
    const xattrs = attributes ? 2516 + 6 * (6 + 206 + 1) : 0;
    expect(lines[0]).toBe(`scan 0 ${3 * 72 + 2 + 255 + 4000 + xattrs}`);
    expect(lines.slice(-4)).toEqual([
      'scan -2 0',
      expect.stringMatching(/^scan (0|-36) \d+$/),
      'set -95',
      '',
    ]);
    expect(lines.filter((line) => line === 'scan -75 0').length).toBeGreaterThan(600);
    const leaking = spawnSync(program, [top, 'leak'], { encoding: 'utf8' });
    expect(leaking.stderr).toContain('detected memory leaks');
    expect(leaking.status).not.toBe(0);
  });

  it('do nothing wrong inside Node', () => {
    const file = buildHelpers('--asan');
    const script = `
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
      try { native.scanDirectory(path, 0, 1, Buffer.alloc(1)); } catch (error) { console.log(error.code); }
      console.log(sum > 0);
    `;
    const environment = {
      ...process.env,
      // Node itself frees nothing at its end, so leaks are looked for above.
      ASAN_OPTIONS: 'detect_leaks=0',
      UBSAN_OPTIONS: 'halt_on_error=1',
      LD_PRELOAD: runtime,
    };
    const { status, stdout, stderr } = spawnSync(process.execPath, ['-e', script, directory()], {
      encoding: 'utf8',
      env: environment,
    });
    expect(stderr).toBe('');
    expect(stdout).toBe('ERR_INVALID_ARG_TYPE\ntrue\n');
    expect(status).toBe(0);
  });
});
