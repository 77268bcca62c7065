import { expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { labelTree } from '../../../src/selinux/label.ts';
import { lookup, walk } from '../../../src/tree/walk.ts';
import { labelLines, labelText, policyOf } from '../../support/selinux-policies.ts';
import { device, dir, fifo, file, render, socket, symlink } from '../../support/tree-builder.ts';

const OLD = { xattrs: { 'security.selinux': 'old\0', 'security.capability': 'cap' } };

test('every type of file has its letter', () => {
  const root = dir({
    b: device('block', 8, 0),
    c: device('character', 1, 3),
    d: dir(),
    f: file(),
    l: symlink('x'),
    p: fifo(),
    s: socket(),
  });
  const rules = ['b', 'c', 'd', '-', 'l', 'p', 's'].map((type) => `/.* -${type} x:${type}\n`).join('');
  const expected = ['/ x:d', '/b x:b', '/c x:c', '/d x:d', '/f x:-', '/l x:l', '/p x:p', '/s x:s'];
  for (const mode of ['host', 'libselinux'] as const) {
    expect(labelLines(labelTree(root, policyOf(rules, mode)).root)).toEqual(expected);
  }
});

test('labels of the input go, other attributes stay, and the input is left alone', () => {
  const root = dir(
    { a: file('text', OLD), b: file('text', OLD), c: file('text', { xattrs: { 'user.x': '1' } }) },
    OLD,
  );
  const before = render(root);
  const result = labelTree(root, policyOf('/a x:a\n/c x:c\n/b <<none>>\n', 'host'));
  expect(render(root)).toEqual(before);
  expect(render(result.root)).toEqual([
    '/ directory 0755 0:0 0.0 {security.capability=636170}',
    '/a regular 0644 0:0 0.0 {security.capability=636170 security.selinux=783a61} "text"',
    '/b regular 0644 0:0 0.0 {security.capability=636170} "text"',
    '/c regular 0644 0:0 0.0 {security.selinux=783a63 user.x=31} "text"',
  ]);
  expect(result).toMatchObject({ labelled: 2, unlabelled: 2, stripped: 3, split: [] });
});

test('without a policy no label is left', () => {
  const root = dir({ a: file('', OLD), b: dir({}, OLD), c: file() });
  const result = labelTree(root, undefined);
  expect(labelLines(result.root)).toEqual(['/ -', '/a -', '/b -', '/c -']);
  expect(result).toMatchObject({ labelled: 0, unlabelled: 4, stripped: 2, split: [] });
});

test('a label ends as asked', () => {
  const root = dir({ a: file() });
  const policy = policyOf('/a x:a\n', 'host');
  const at = byteString('/a');
  expect(labelText(lookup(labelTree(root, policy).root, at))).toBe('x:a');
  expect(labelText(lookup(labelTree(root, policy, { terminator: 'none' }).root, at))).toBe('x:a');
  expect(labelText(lookup(labelTree(root, policy, { terminator: 'nul' }).root, at))).toBe('x:a\0');
});

test('hard links with one label stay one inode', () => {
  const linked = file('text');
  const result = labelTree(
    dir({ a: linked, b: linked, c: dir({ d: linked }) }),
    policyOf('/.* x:a\n', 'host'),
  );
  expect(labelLines(result.root)).toEqual(['/ x:a', '/a x:a', '/b x:a = /a', '/c x:a', '/c/d x:a = /a']);
  expect(result.split).toEqual([]);
});

test('the first name in byte order keeps the inode, every other label gets one of its own', () => {
  const linked = file('text', OLD);
  // Names in the map in another order than that of bytes.
  const root = dir({ e: linked, d: linked, c: linked, b: linked, a: linked });
  const result = labelTree(root, policyOf('/.* x:all\n/[be] x:other\n/d <<none>>\n', 'host'));
  expect(labelLines(result.root)).toEqual([
    '/ x:all',
    '/a x:all',
    '/b x:other',
    '/c x:all = /a',
    '/d -',
    '/e x:other',
  ]);
  expect(result.split).toEqual(['/b', '/d', '/e']);
  expect([...result.root.children.keys()]).toEqual(['e', 'd', 'c', 'b', 'a']);
  const capability = [...walk(result.root)].filter(({ node }) => node.type === 'regular');
  for (const { node } of capability)
    expect(node.metadata.xattrs.has(byteString('security.capability'))).toBe(true);
});

test('names are bytes', () => {
  const root = dir({ '\xff\n': file(), '\xc3\xa9': file(), '\xe9': file() });
  const policy = policyOf('/[^a] x:one\n/\\xff. -- x:byte\n/\xc3\xa9 x:utf8\n', 'host');
  expect(labelLines(labelTree(root, policy).root)).toEqual([
    '/ -',
    '/\xc3\xa9 x:utf8',
    '/\xe9 x:one',
    '/\xff\n x:byte',
  ]);
});

test('a deep tree is no danger', () => {
  let root = dir({ leaf: file() });
  for (let depth = 0; depth < 2000; depth++) root = dir({ d: root });
  const result = labelTree(root, policyOf('/(d/)*leaf x:leaf\n', 'host'));
  expect(result).toMatchObject({ labelled: 1, unlabelled: 2001 });
});
