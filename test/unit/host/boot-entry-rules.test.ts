import { describe, expect, test } from 'vitest';
import { checkBootEntries } from '../../../src/host/boot-entry-rules.ts';
import type { ReadFile } from '../../../src/host/read-file.ts';
import type { Directory, Node } from '../../../src/tree/tree.ts';
import { dir, file, symlink } from '../../support/tree-builder.ts';

const read: ReadFile = ({ content }) => {
  if (content.kind !== 'inline') throw new Error('too large for this test');
  return content.bytes;
};

function refused(tree: Directory, rules = { addons: true, androidImages: true }): string | undefined {
  try {
    checkBootEntries(tree, read, rules);
    return undefined;
  } catch (error) {
    expect(error).toMatchObject({ code: 'HOST_TREE_INVALID' });
    return (error as Error).message;
  }
}

const entries = (children: Record<string, Node>, more: Record<string, Node> = {}): Directory =>
  dir({ boot: dir({ loader: dir({ entries: dir(children) }), ...more }) });
const linux = (children: Record<string, Node>): Directory =>
  dir({ boot: dir({ EFI: dir({ Linux: dir(children) }) }) });
const modules = (children: Record<string, Node>, more: Record<string, Node> = {}): Directory =>
  dir({ usr: dir({ lib: dir({ modules: dir(children) }) }), ...more });
const kernel = (): Directory => dir({ vmlinuz: file('k') });

describe('boot entries that hosts collect', () => {
  test.each<[string, Directory]>([
    ['nothing at all', dir()],
    ['an entry that names nothing', entries({ 'a.conf': file('title x\n'), other: symlink('y') })],
    [
      'an entry that names a file',
      entries({ 'a.conf': file('linux\t /boot/./k\ninitrd //boot/k\nlinuxfoo none\nefi') }, { k: file() }),
    ],
    ['kernel images', linux({ 'a.efi': file(), d: dir({ 'b.addon.efi': file() }), l: symlink('x') })],
    ['kernels beside their modules', modules({ '6.1': kernel(), '6.2': dir(), x: file() })],
    ['a kernel that is a link', modules({ '\xff': dir({ vmlinuz: symlink('x') }) })],
    ['an Android boot image', dir({ boot: dir({ 'aboot-1.img': file(), 'vbmeta-1.img': file() }) })],
  ])('are taken: %s', (_, tree) => {
    expect(refused(tree)).toBeUndefined();
  });

  test.each<[string, Directory, string]>([
    [
      'entries behind a link',
      dir({ boot: dir({ loader: symlink('x') }) }),
      'loader on the way is of type symlink',
    ],
    ['an entry that is a link', entries({ 'a.conf': symlink('b') }), 'must be a regular file'],
    ['an entry that is a directory', entries({ 'a.conf': dir() }), 'must be a regular file'],
    ['an entry that is not UTF-8', entries({ 'a.conf': file('title \xff') }), 'must be UTF-8'],
    ['a file that is not there', entries({ 'a.conf': file('linux /k\n') }), 'names "/k"'],
    [
      'a carriage return',
      entries({ 'a.conf': file('linux /boot/k\r\n') }, { k: file() }),
      'names "/boot/k\\r"',
    ],
    [
      'a way out',
      entries({ 'a.conf': file('efi /boot/../boot/k\n') }, { k: file() }),
      'names "/boot/../boot/k"',
    ],
    ['a relative way', entries({ 'a.conf': file('efi ./boot/k\n') }, { k: file() }), 'names "./boot/k"'],
    ['a directory for a kernel', entries({ 'a.conf': file('efi /boot\n') }), 'names "/boot"'],
    ['a kernel image that is a link', linux({ d: dir({ 'a.efi': symlink('b') }) }), 'is of type symlink'],
    ['one beside modules', modules({ '6.1': dir({ 'a.efi': symlink('b') }) }), 'is of type symlink'],
    ['a version that is not UTF-8', modules({ '\xff': kernel() }), 'must be UTF-8'],
    [
      'an addon that is a link',
      dir({ boot: dir({ loader: dir({ addons: dir({ 'a.addon.efi': symlink('b') }) }) }) }),
      'is of type symlink',
    ],
    ['two Android boot images', dir({ boot: dir({ 'aboot-1.img': file(), 'aboot-2.img': file() }) }), 'one'],
    [
      'an Android boot image without a version',
      dir({ boot: dir({ 'aboot-.img': file() }) }),
      'name a kernel',
    ],
    ['a vbmeta image alone', dir({ boot: dir({ 'vbmeta-1.img': file() }) }), 'no aboot-1.img'],
    [
      'an Android boot image beside a kernel',
      modules({ '6.1': kernel() }, { boot: dir({ 'aboot-6.1.img': file() }) }),
      'cannot be combined',
    ],
  ])('are refused: %s', (_, tree, message) => {
    expect(refused(tree)).toContain(message);
  });

  test('of kinds that a host does not know are no concern', () => {
    const addons = dir({ boot: dir({ loader: dir({ addons: dir({ 'a.efi': symlink('b') }) }) }) });
    const android = dir({ boot: dir({ 'vbmeta-1.img': file() }) });
    for (const tree of [addons, android]) {
      expect(refused(tree)).toBeDefined();
      expect(refused(tree, { addons: false, androidImages: false })).toBeUndefined();
    }
  });
});
