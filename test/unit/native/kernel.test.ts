/** The calls of kernel-module.c at their edges: what they take, and what comes back where nothing can work. */
import { closeSync, openSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { NativeHelpers } from '../../../src/native/contract.ts';
import { raw } from '../io/rootfs-fixture.ts';
import { freshHelpers } from './build-helpers.ts';

const helpers = freshHelpers() as NativeHelpers;
const NONE = new Uint8Array(0);
const EBADF = -9;
const ENAMETOOLONG = -36;
const EINVAL = -22;

describe.skipIf(helpers === undefined)('the kernel calls', () => {
  it('refuse other types', () => {
    const wrong: [() => unknown, string][] = [
      [
        () => helpers.enableVerity(1, 1, 4096, 'x' as never),
        'enableVerity takes three numbers and a Uint8Array',
      ],
      [() => helpers.measureVerity('1' as never), 'measureVerity takes a number'],
      [() => helpers.linkDescriptor(1, 'x' as never), 'linkDescriptor takes a number and a Uint8Array'],
      [() => helpers.lockDescriptor(1, 'x' as never), 'lockDescriptor takes two numbers'],
      [() => helpers.syncFilesystem(undefined as never), 'syncFilesystem takes a number'],
      [() => helpers.openFilesystem('erofs' as never), 'openFilesystem takes a Uint8Array'],
      [
        () => helpers.configureFilesystem(1, 0, NONE, NONE, 'x' as never),
        'configureFilesystem takes two numbers, two Uint8Arrays, a number',
      ],
      [() => helpers.makeMount(1, 'x' as never), 'makeMount takes two numbers'],
      [() => helpers.attachMount(1, '/' as never), 'attachMount takes a number and a Uint8Array'],
      [() => helpers.openTree('/' as never, 0), 'openTree takes a Uint8Array and a number'],
      [() => helpers.setMountAttributes(1, 0, 0, 'x' as never), 'setMountAttributes takes four numbers'],
      [() => helpers.unmount('/' as never, 0), 'unmount takes a Uint8Array and a number'],
    ];
    for (const [call, message] of wrong) {
      expect(call).toThrow(TypeError);
      expect(call).toThrow(message);
    }
  });

  it('fail on a descriptor that is none', () => {
    const results = [
      helpers.enableVerity(-1, 1, 4096, NONE),
      helpers.measureVerity(-1),
      helpers.lockDescriptor(-1, 1),
      helpers.syncFilesystem(-1),
    ];
    expect(results).toEqual([EBADF, EBADF, EBADF, EBADF]);
    expect(helpers.linkDescriptor(-1, raw('/none/x'))).toBe(-2);
  });

  it('say whether memory was given back', () => {
    expect([0, 1]).toContain(helpers.returnMemory());
  });

  it('refuse what no kernel takes before asking one', () => {
    const fd = openSync('/', 'r');
    expect(helpers.enableVerity(fd, 1, 4096, new Uint8Array(16_129))).toBe(-90);
    expect(helpers.linkDescriptor(fd, raw('x'.repeat(4096)))).toBe(ENAMETOOLONG);
    expect(helpers.openFilesystem(raw('x\0y'))).toBe(EINVAL);
    expect(helpers.configureFilesystem(fd, 1, raw('k'.repeat(256)), NONE, 0)).toBe(ENAMETOOLONG);
    expect(helpers.configureFilesystem(fd, 1, raw('k'), raw('v'.repeat(4096)), 0)).toBe(ENAMETOOLONG);
    expect(helpers.attachMount(fd, raw('/x\0y'))).toBe(EINVAL);
    expect(helpers.openTree(raw('/x\0y'), 0)).toBe(EINVAL);
    expect(helpers.unmount(raw('/x\0y'), 0)).toBe(EINVAL);
    closeSync(fd);
  });
});
