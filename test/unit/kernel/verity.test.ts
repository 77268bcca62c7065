/** What the kernel's answers about fs-verity become. That they are real is proved in a machine, in test/e2e. */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { afterAll, describe, expect, it, test } from 'vitest';
import { nativeVerity, TOOL_VERITY, verityCalls } from '../../../src/kernel/verity.ts';
import type { KernelCalls } from '../../../src/native/contract.ts';
import { nativeStatus } from '../../../src/native/load.ts';
import { hasTool } from '../../support/composefs-tools.ts';
import { freshDirectory, removeDirectories } from '../io/rootfs-fixture.ts';
import { freshHelpers } from '../native/build-helpers.ts';

afterAll(removeDirectories);

const SIGNATURE = new Uint8Array([1, 2, 3]);

function answering(enable: number, measure: number | Buffer): { calls: KernelCalls; asked: unknown[] } {
  const asked: unknown[] = [];
  const calls = {
    enableVerity: (...args: unknown[]) => {
      asked.push(args);
      return enable;
    },
    measureVerity: () => measure,
  } as unknown as KernelCalls;
  return { calls, asked };
}

test('the helpers come first', () => {
  expect(verityCalls().name).toBe(nativeStatus().available ? 'native' : 'fsverity');
});

describe('enabling', () => {
  it('passes on what is asked for', () => {
    const { calls, asked } = answering(0, 0);
    expect(nativeVerity(calls).enable(7, 'sha512', SIGNATURE)).toBe('enabled');
    expect(nativeVerity(calls).enable(8, 'sha256')).toBe('enabled');
    expect(asked).toEqual([
      [7, 2, 4096, SIGNATURE],
      [8, 1, 4096, new Uint8Array(0)],
    ]);
  });

  it.each([
    [-17, 'already'],
    [-25, 'unsupported'],
    [-95, 'unsupported'],
    [-26, 'busy'],
  ])('takes %i for %s', (errno, outcome) => {
    expect(nativeVerity(answering(errno, 0).calls).enable(3, 'sha256')).toBe(outcome);
  });

  it.each([
    [-126, 'ENOKEY'],
    [-129, 'EKEYREJECTED'],
    [-74, 'EBADMSG'],
  ])('takes %i for a refused signature where there is one', (errno, name) => {
    const verity = nativeVerity(answering(errno, 0).calls);
    const refused = { code: 'SIGNATURE_REFUSED', detail: { errno: name } };
    expect(() => verity.enable(3, 'sha256', SIGNATURE)).toThrow(expect.objectContaining(refused));
    const failed = { code: 'SYSCALL_FAILED', message: `enabling fs-verity: ${name}` };
    expect(() => verity.enable(3, 'sha256')).toThrow(expect.objectContaining(failed));
  });
});

describe('measuring', () => {
  it.each([
    [1, 'sha256', 32],
    [2, 'sha512', 64],
  ])('decodes algorithm %i', (number, algorithm, length) => {
    const measured = Buffer.concat([Buffer.from([number]), Buffer.alloc(length, 0xab)]);
    expect(nativeVerity(answering(0, measured).calls).measure(3)).toEqual({
      algorithm,
      digest: 'ab'.repeat(length),
    });
  });

  it('refuses a digest of another length', () => {
    const verity = nativeVerity(answering(0, Buffer.from([1, 2])).calls);
    expect(() => verity.measure(3)).toThrow(expect.objectContaining({ code: 'SYSCALL_FAILED' }));
  });

  it.each([-61, -25, -95])('takes %i for none', (errno) => {
    expect(nativeVerity(answering(0, errno).calls).measure(3)).toBeUndefined();
  });

  it('fails with what it does not know', () => {
    const verity = nativeVerity(answering(0, -5).calls);
    expect(() => verity.measure(3)).toThrow(expect.objectContaining({ message: 'measuring fs-verity: EIO' }));
  });
});

const helpers = freshHelpers();
const ways = [
  ...(helpers === undefined ? [] : [nativeVerity(helpers)]),
  ...(hasTool('fsverity', 'fs-verity by fsverity(1)') ? [TOOL_VERITY] : []),
];

/** `fsverity digest` of the seven bytes. */
const DIGEST = 'c15b6e6213ea5aecdaf96900db4aac4e602757f6dbf13d2aab21919d21dfddfb';

test.each(ways)('a file gets fs-verity by $name, or its file system has none', (verity) => {
  const top = freshDirectory();
  writeFileSync(`${top}/file`, 'content');
  const fd = openSync(`${top}/file`, 'r');
  expect(verity.measure(fd)).toBeUndefined();
  const outcome = verity.enable(fd, 'sha256');
  expect(outcome).toBe(outcome === 'unsupported' ? 'unsupported' : 'enabled');
  const expected = outcome === 'enabled' ? { algorithm: 'sha256', digest: DIGEST } : undefined;
  expect(verity.measure(fd)).toEqual(expected);
  closeSync(fd);
});
