/** Where a session has tasks done. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { Session } from '../../../src/ops/session.ts';
import { temporaryDirectory } from '../../support/cli.ts';
import { archive, file } from '../../support/tar-maker.ts';

const SMALL = 8 * 1024 * 1024;

test('little is done on this thread, by a pool that ends with the session', async () => {
  const here = await Session.use({ jobs: 4 }, async (session) => {
    const pool = session.poolFor(SMALL);
    expect(pool).not.toBe(session.pool);
    expect(pool).toBe(session.poolFor(0));
    expect(pool.width).toBe(1);
    expect(session.poolFor(SMALL + 1)).toBe(session.pool);
    return pool;
  });
  const task = here.run('measure', { files: [], algorithm: 'sha256' });
  await expect(task).rejects.toMatchObject({ code: 'INTERRUPTED' });
});

test('an interrupt ends what waits on this thread as well', async () => {
  const controller = new AbortController();
  const run = Session.use({ signal: controller.signal }, async (session) => {
    const task = session.poolFor(0).run('measure', { files: [], algorithm: 'sha256' });
    controller.abort();
    return await task;
  });
  await expect(run).rejects.toMatchObject({ code: 'INTERRUPTED' });
});

/** A small blob may hold a large tar: nobody must have to wait for its end. */
test('an interrupt ends what runs on this thread between two pieces', async () => {
  const bytes = gzipSync(archive(file('zeros', Buffer.alloc(64 * 1024 * 1024))));
  const path = join(temporaryDirectory(), 'layer');
  writeFileSync(path, bytes);
  const blob = { file: path, offset: 0, size: bytes.length };
  const unknown = { digest: undefined, size: undefined, claimed: undefined };
  const request = { ...unknown, ordinal: 0, source: 0, globalHeaders: 'ignore' } as const;
  const controller = new AbortController();
  const run = Session.use({ signal: controller.signal }, async (session) => {
    const interrupt = (): void => void setImmediate(() => controller.abort());
    await session.poolFor(bytes.length).run('list', { blob, request, spool: undefined }, interrupt);
    return 'came to its end';
  });
  await expect(run).rejects.toMatchObject({ code: 'INTERRUPTED' });
});
