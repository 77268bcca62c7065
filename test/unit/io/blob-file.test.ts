import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readBlob, readPart, readSmallBlob, wholeFile } from '../../../src/io/blob-file.ts';
import { failure, scratch } from './sample-image.ts';

function file(content: string): string {
  const path = join(scratch(), 'file');
  writeFileSync(path, content);
  return path;
}

describe('readBlob', () => {
  it('gives the stretch in pieces that the receiver may keep', async () => {
    const pieces: string[] = [];
    const kept: Uint8Array[] = [];
    for await (const piece of readBlob({ file: file('0123456789'), offset: 2, size: 7 }, { chunkBytes: 3 })) {
      kept.push(piece);
      pieces.push(Buffer.from(piece).toString());
    }
    expect(pieces).toEqual(['234', '567', '8']);
    expect(Buffer.concat(kept).toString()).toBe('2345678');
  });

  it('fails when the file is shorter than the blob', async () => {
    const path = file('0123456789');
    const reader = readBlob({ file: path, offset: 0, size: 10 }, { chunkBytes: 4 });
    expect((await reader.next()).value).toEqual(Buffer.from('0123'));
    truncateSync(path, 6);
    expect(await failure(() => reader.next())).toMatchObject({
      code: 'CONTENT_CHANGED',
      detail: { file: path, offset: 6 },
    });
  });

  it('names the file that cannot be opened', async () => {
    const path = join(scratch(), 'absent');
    const reader = readBlob({ file: path, offset: 0, size: 1 });
    expect(await failure(() => reader.next())).toMatchObject({
      code: 'SYSCALL_FAILED',
      detail: { file: path, errno: 'ENOENT' },
    });
  });
});

describe('readSmallBlob and readPart', () => {
  it('read whole blobs up to a limit, and parts up to the end', async () => {
    const blob = { file: file('0123456789'), offset: 1, size: 5 };
    expect(Buffer.from(readSmallBlob(blob, 5)).toString()).toBe('12345');
    expect((await failure(() => readSmallBlob(blob, 4))).code).toBe('LIMIT_EXCEEDED');
    expect(Buffer.from(readPart(blob, 3, 100)).toString()).toBe('45');
    expect(readPart(blob, 9, 100).length).toBe(0);
  });
});

describe('wholeFile', () => {
  it('takes regular files only, and does not wait for a FIFO', async () => {
    const path = file('abc');
    expect(wholeFile(path)).toEqual({ file: path, offset: 0, size: 3 });
    const fifo = join(scratch(), 'fifo');
    execFileSync('mkfifo', [fifo]);
    expect(await failure(() => wholeFile(fifo))).toMatchObject({
      code: 'ARCHIVE_BAD_LAYOUT',
      message: 'not a regular file',
    });
    expect((await failure(() => wholeFile(scratch()))).code).toBe('ARCHIVE_BAD_LAYOUT');
  });
});
