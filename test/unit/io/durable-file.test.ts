import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openNewFile, renamePath, writeFully, writeNewFile } from '../../../src/io/durable-file.ts';
import { failure, scratch } from './sample-image.ts';

describe.skipIf(!existsSync('/dev/full'))('a full disk', () => {
  it('is told apart from other failures, with the file', async () => {
    const full = openSync('/dev/full', 'w');
    expect(await failure(() => writeFully(full, new Uint8Array(10), 'some/file'))).toMatchObject({
      code: 'DISK_FULL',
      message: 'writing a file: ENOSPC',
      detail: { file: 'some/file', errno: 'ENOSPC' },
    });
    closeSync(full);
  });
});

describe('new files', () => {
  it('never replace what is there', async () => {
    const path = join(scratch(), 'file');
    writeNewFile(path, [Buffer.from('a'), Buffer.from('b')]);
    expect(await failure(() => openNewFile(path))).toMatchObject({
      code: 'SYSCALL_FAILED',
      detail: { file: path, errno: 'EEXIST' },
    });
    expect((await failure(() => renamePath(`${path}x`, path))).code).toBe('SYSCALL_FAILED');
  });
});
