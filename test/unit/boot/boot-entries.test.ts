import { expect, test } from 'vitest';
import { findBootEntries } from '../../../src/boot/boot-entries.ts';
import { dir, external, file, symlink } from '../../support/tree-builder.ts';

const big = (): ReturnType<typeof file> => file(external(1000, 'efi'));

test('finds entries of all kinds in byte order, and follows no links', () => {
  const root = dir({
    boot: dir({
      loader: dir({
        entries: dir({ 'b.conf': file('x'), 'a.conf': symlink('b.conf'), 'c.txt': file('') }),
        addons: dir({ 'all.addon.efi': big() }),
      }),
      EFI: dir({
        Linux: dir({
          '6.1.efi': big(),
          '6.1.efi.extra.d': dir({ 'one.addon.efi': big() }),
          sub: dir({ 'z.efi': big() }),
          'link.efi': symlink('6.1.efi'),
          'tiny.efi': file('64 bytes at most'),
          'NOT.EFI': big(),
        }),
        BOOT: dir({ 'BOOTX64.EFI': big(), 'x.efi': big() }),
      }),
    }),
    usr: dir({
      lib: dir({
        modules: dir({
          '6.1': dir({ vmlinuz: big(), 'initramfs.img': big(), 'k.efi': big() }),
          '6.2': dir({ vmlinuz: big(), 'initramfs.img': symlink('../6.1/initramfs.img') }),
          '6.3': dir({ vmlinuz: symlink('x') }),
          '6.4': symlink('6.1'),
        }),
      }),
    }),
  });
  const { type1, ukis, addons, kernels, irregular } = findBootEntries(root);
  expect(type1).toEqual(['/boot/loader/entries/a.conf', '/boot/loader/entries/b.conf']);
  expect(ukis.map(({ path }) => path)).toEqual([
    '/boot/EFI/Linux/6.1.efi',
    '/boot/EFI/Linux/sub/z.efi',
    '/usr/lib/modules/6.1/k.efi',
  ]);
  expect(addons.map(({ path }) => path)).toEqual([
    '/boot/EFI/Linux/6.1.efi.extra.d/one.addon.efi',
    '/boot/loader/addons/all.addon.efi',
  ]);
  expect(kernels).toEqual([
    { path: '/usr/lib/modules/6.1/vmlinuz', version: '6.1', initramfs: true },
    { path: '/usr/lib/modules/6.2/vmlinuz', version: '6.2', initramfs: false },
  ]);
  expect(irregular).toEqual([
    { path: '/boot/EFI/Linux/link.efi', what: 'of type symlink, not a regular file' },
    { path: '/boot/EFI/Linux/tiny.efi', what: 'of 16 bytes, too small for a PE file' },
  ]);
});

test('finds nothing where nothing is, and where links or files stand in the way', () => {
  const nothing = { type1: [], ukis: [], addons: [], kernels: [], irregular: [] };
  expect(findBootEntries(dir())).toEqual(nothing);
  expect(findBootEntries(dir({ boot: symlink('usr'), usr: file('') }))).toEqual(nothing);
});
