import { describe, expect, test } from 'vitest';
import { CompressedSize, estimateCompressedBytes } from '../../../src/chunk/compressed-size.ts';
import { TreeIndex } from '../../../src/chunk/tree-index.ts';
import { emptyFixture, put, putDirectory, putFile, putLink } from './tree-fixture.ts';

const ENTRY = 32;
const MIB = 1024 * 1024;

/** Estimated bytes of the contents of files, each of its size. */
function contents(files: Readonly<Record<string, number>>, executable = false): number {
  const fixture = emptyFixture();
  for (const [path, size] of Object.entries(files)) {
    const node = putFile(fixture, path, size);
    if (executable) node.metadata = { ...node.metadata, mode: 0o755 };
  }
  const { items } = new TreeIndex(fixture.root);
  return estimateCompressedBytes(items) - ENTRY * items.length;
}

describe('estimated bytes of a file of 1000', () => {
  test.each([
    ['/usr/share/doc/a/changelog.gz', 1000],
    ['/usr/lib/modules/6.1/kernel/a.ko.xz', 1000],
    ['/usr/share/a.PNG', 1000],
    ['/usr/lib/python3/a.whl', 1000],
    ['/boot/vmlinuz-6.1.0', 1000],
    ['/boot/initrd.img-6.1.0', 1000],
    ['/etc/ssl/certs/ca.pem', 500],
    ['/usr/share/fonts/a.ttf', 500],
    ['/usr/lib/firmware/a/b.bin', 500],
    ['/usr/lib/firmware/a/b.bin.zst', 1000],
    ['/usr/lib/libc.so.6', 350],
    ['/usr/lib/libm-2.36.so', 350],
    ['/usr/lib/__pycache__/a.cpython-311.pyc', 350],
    ['/usr/lib/modules/6.1/kernel/a.ko', 200],
    ['/usr/share/locale/de/LC_MESSAGES/a.mo', 200],
    ['/usr/share/doc/a/copyright', 200],
    ['/usr/lib/a.social', 200],
    ['/usr/share/gz', 200],
  ])('%s: %i', (path, bytes) => {
    expect(contents({ [path]: 1000 })).toBe(bytes);
  });

  test('that may be executed is code, unless its name says that it is a script', () => {
    expect(contents({ '/usr/bin/a': 1000 }, true)).toBe(350);
    expect(contents({ '/usr/bin/a.py': 1000 }, true)).toBe(200);
    expect(contents({ '/usr/bin/a': 1000 })).toBe(200);
  });
});

describe('copies', () => {
  test('of the same name and size cost nothing, within the window', () => {
    expect(contents({ '/a/log.gz': 1000, '/b/log.gz': 1000, '/c/log.gz': 1001, '/d/cat.gz': 1000 })).toBe(
      3001,
    );
    // Each is as far behind the other as its own tar entry is long.
    expect(contents({ '/a/log.gz': 2 * MIB - 512, '/b/log.gz': 2 * MIB - 512 })).toBe(2 * MIB - 512);
    expect(contents({ '/a/log.gz': 2 * MIB, '/b/log.gz': 2 * MIB })).toBe(4 * MIB);
  });

  test('count where they are as small as a reference', () => {
    expect(contents({ '/a/x.gz': 64, '/b/x.gz': 64 })).toBe(128);
    expect(contents({ '/a/x.gz': 65, '/b/x.gz': 65 })).toBe(65);
  });
});

test('entries without contents are headers alone, further names of a file among them', () => {
  const fixture = emptyFixture();
  const node = putFile(fixture, '/a', 1000);
  put(fixture, '/b', node);
  putLink(fixture, '/c', 'a');
  putDirectory(fixture, '/d');
  expect(estimateCompressedBytes(new TreeIndex(fixture.root).items)).toBe(4 * ENTRY + 200);
});

test('sums are rounded once, at the end', () => {
  expect(contents({ '/a': 1, '/b': 1, '/c': 1 })).toBe(1);
  expect(new CompressedSize().bytes).toBe(0);
});
