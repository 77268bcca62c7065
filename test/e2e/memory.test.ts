/** Memory depends on the number of entries and threads, never on the size of what is in them. */
import { closeSync, createWriteStream, ftruncateSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { planishJson, temporaryDirectory } from '../support/cli.ts';
import { measureRun } from '../support/peak-memory.ts';
import { directory as directoryEntry, file, rawHeader } from '../support/tar-maker.ts';

const directory = temporaryDirectory();
const ci = process.env['CI'] === 'true';
const GB = 1_000_000_000;
const LARGE = ci ? 3 * GB : GB;
if (!ci) {
  process.stderr.write('REDUCED: a layer with one file of 1 GB; with CI=true it is one of 3 GB\n');
}

/**
 * What a run may have resident at most. It takes about 90 MB; an eighth of the content of CI's run would be as much, and
 * all else is the allocator's and the collector's pleasure, which differs from machine to machine.
 */
const LIMIT_MB = 400;

const report = (what: string, run: { megabytes: number; seconds: number }): void => {
  process.stderr.write(`MEMORY: ${what}: ${run.megabytes} MB, ${run.seconds.toFixed(1)} s\n`);
};

const BLOCK = 512;
const END = Buffer.alloc(2 * BLOCK);

/** The head of a tar with one file; a size of that much is written in octal digits, as of 8 GiB it could not be. */
function head(size: number): Buffer {
  return Buffer.concat([directoryEntry('usr/'), rawHeader({ name: 'usr/big', size })]);
}

const padded = (size: number): number => Math.ceil(size / BLOCK) * BLOCK;

/** A tar that is all holes on disk. */
function sparseTar(path: string, size: number): void {
  const descriptor = openSync(path, 'wx');
  const front = head(size);
  writeSync(descriptor, front);
  ftruncateSync(descriptor, front.length + padded(size) + END.length);
  closeSync(descriptor);
}

async function* zeroTar(size: number): AsyncGenerator<Buffer> {
  yield head(size);
  const zeros = Buffer.alloc(1024 * 1024);
  for (let left = padded(size); left > 0; left -= zeros.length)
    yield zeros.subarray(0, Math.min(left, zeros.length));
  yield END;
}

/** The same as one gzip member. */
async function gzippedTar(path: string, size: number): Promise<void> {
  await pipeline(zeroTar(size), createGzip({ level: 1 }), createWriteStream(path));
}

describe('one large file', () => {
  const build = (source: string, compression: string): { megabytes: number; seconds: number } => {
    const layout = join(directory, 'layout');
    const run = measureRun([
      '--jobs',
      '2',
      'build',
      source,
      '--compression',
      compression,
      '-o',
      `oci:${layout}:x`,
    ]);
    const { layers } = planishJson(['inspect', `oci:${layout}:x`]);
    expect(layers.length).toBeGreaterThan(0);
    rmSync(layout, { recursive: true });
    return run;
  };

  const packed = join(directory, 'packed.tar.gz');
  beforeAll(() => gzippedTar(packed, LARGE));

  test.each(['zstd', 'gzip'])('in a gzip layer, written as %s', (compression) => {
    const run = build(`tar:${packed}`, compression);
    report(`${LARGE / GB} GB in gzip to ${compression}`, run);
    expect(run.megabytes).toBeLessThan(LIMIT_MB);
  });

  test('in a plain layer', () => {
    const path = join(directory, 'plain.tar');
    sparseTar(path, LARGE);
    const run = build(`tar:${path}`, 'zstd');
    report(`${LARGE / GB} GB, plain, to zstd`, run);
    expect(run.megabytes).toBeLessThan(LIMIT_MB);
  });
});

describe('200,000 small entries', () => {
  /** 200 directories of 1000 files of 100 bytes. */
  function manyEntries(path: string): void {
    const descriptor = openSync(path, 'wx');
    for (let outer = 0; outer < 200; outer++) {
      const parts = [directoryEntry(`usr/d${outer}/`)];
      if (outer === 0) parts.unshift(directoryEntry('usr/'));
      for (let inner = 0; inner < 1000; inner++) {
        parts.push(file(`usr/d${outer}/file-${inner}`, `${outer} ${inner} `.padEnd(100, 'x')));
      }
      writeSync(descriptor, Buffer.concat(parts));
    }
    writeSync(descriptor, END);
    closeSync(descriptor);
  }

  test('take about what their tree takes', () => {
    const path = join(directory, 'many.tar');
    manyEntries(path);
    const run = measureRun(['--jobs', '2', 'build', `tar:${path}`, '-o', `oci:${join(directory, 'many')}:x`]);
    report('200,000 entries', run);
    expect(run.megabytes).toBeLessThan(2000);
    expect(planishJson(['verify', `oci:${join(directory, 'many')}:x`]).findings).toBe(0);
  });
});
