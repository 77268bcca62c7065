import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { PlanishError } from '../../../src/errors.ts';
import { LIMITS } from '../../../src/limits.ts';
import { findPolicy, policyName } from '../../../src/selinux/policy-files.ts';
import type { Directory, Node } from '../../../src/tree/tree.ts';
import { inlineReader } from '../../support/selinux-policies.ts';
import { dir, external, file, symlink } from '../../support/tree-builder.ts';

function image(selinux: Record<string, Node>): Directory {
  return dir({ etc: dir({ selinux: dir(selinux) }) });
}

function policy(files: Record<string, Node>): Node {
  return dir({ contexts: dir({ files: dir(files) }) });
}

const config = file('SELINUX=enforcing\nSELINUXTYPE=targeted\n');

/** The error of a tree as `CODE path`. */
function refusal(root: Directory): string {
  try {
    findPolicy(root, inlineReader(root));
  } catch (error) {
    if (error instanceof PlanishError) return `${error.code} ${error.detail.path}`;
    throw error;
  }
  return 'none';
}

describe('policyName', () => {
  test.each([
    ['SELINUXTYPE=a\n', 'a'],
    ['SELINUXTYPE=a\nSELINUXTYPE=b\n', 'a'],
    ['selinuxtype = a b \t\r\n', 'a b'],
    ['\u00a0SelinuxType\u2003=\u3000a\u0085\n', 'a'],
    ['SELINUXTYPE=a=b', 'a=b'],
    ['SELINUXTYPE=\n', ''],
    ['#SELINUXTYPE=a\n', undefined],
    ['SELINUXTYPE\n SELINUX=a\n', undefined],
    ['SELINUX=disabled\nSELINUXTYPE=a\n', 'a'],
    ['\ufeffSELINUXTYPE=a\n', undefined],
    ['', undefined],
  ])('%j', (text, expected) => {
    const bytes = byteString(Buffer.from(text).toString('latin1'));
    expect(policyName({ path: byteString('/etc/selinux/config'), text: bytes })).toBe(expected);
  });

  test('a line that is not UTF-8 before the name is refused, behind it nobody looks', () => {
    const path = byteString('/etc/selinux/config');
    expect(() => policyName({ path, text: byteString('\xff\nSELINUXTYPE=a\n') })).toThrow(
      expect.objectContaining({ code: 'SELINUX_BAD_POLICY', detail: { path, line: 1 } }),
    );
    expect(policyName({ path, text: byteString('SELINUXTYPE=a\n\xff\n') })).toBe('a');
  });
});

describe('findPolicy', () => {
  test('finds the files that are there', () => {
    const root = image({
      config,
      targeted: policy({
        file_contexts: file('/a x:a\n'),
        'file_contexts.subs_dist': file('/b /a\n'),
        'file_contexts.bin': file('\xf9\x7c\xff\x8a'),
      }),
    });
    expect(findPolicy(root, inlineReader(root))).toEqual({
      name: 'targeted',
      contexts: { path: '/etc/selinux/targeted/contexts/files/file_contexts', text: '/a x:a\n' },
      local: undefined,
      homedirs: undefined,
      subs: undefined,
      subsDist: { path: '/etc/selinux/targeted/contexts/files/file_contexts.subs_dist', text: '/b /a\n' },
    });
  });

  test.each<[string, Directory]>([
    ['an empty tree', dir()],
    ['no /etc/selinux', dir({ etc: dir() })],
    ['no config', image({ targeted: dir() })],
    ['no name', image({ config: file('SELINUX=disabled\n') })],
  ])('there is no policy in %s', (_name, root) => {
    expect(findPolicy(root, inlineReader(root))).toBeUndefined();
  });

  const at = '/etc/selinux/targeted/contexts/files';
  test.each<[string, Directory, string]>([
    ['/etc as a link', dir({ etc: symlink('usr/etc') }), 'SELINUX_BAD_POLICY /etc'],
    [
      '/etc/selinux as a link',
      dir({ etc: dir({ selinux: symlink('x') }) }),
      'SELINUX_BAD_POLICY /etc/selinux',
    ],
    ['the config as a link', image({ config: symlink('x') }), 'SELINUX_BAD_POLICY /etc/selinux/config'],
    ['the config as a directory', image({ config: dir() }), 'SELINUX_BAD_POLICY /etc/selinux/config'],
    ['no directory of that name', image({ config }), `SELINUX_BAD_POLICY ${at}`],
    ['no files in it', image({ config, targeted: dir({ contexts: dir() }) }), `SELINUX_BAD_POLICY ${at}`],
    [
      'the policy as a link',
      image({ config, targeted: symlink('x') }),
      'SELINUX_BAD_POLICY /etc/selinux/targeted',
    ],
    ['no file_contexts', image({ config, targeted: policy({}) }), `SELINUX_BAD_POLICY ${at}`],
    [
      'file_contexts as a link',
      image({ config, targeted: policy({ file_contexts: symlink('x') }) }),
      `SELINUX_BAD_POLICY ${at}/file_contexts`,
    ],
    [
      'an optional file as a link',
      image({ config, targeted: policy({ file_contexts: file(), 'file_contexts.local': symlink('x') }) }),
      `SELINUX_BAD_POLICY ${at}/file_contexts.local`,
    ],
    [
      'a name that leads out',
      image({ config: file('SELINUXTYPE=../x\n') }),
      'SELINUX_BAD_POLICY /etc/selinux/config',
    ],
    [
      'a name that begins here',
      image({ config: file('SELINUXTYPE=./x\n') }),
      'SELINUX_BAD_POLICY /etc/selinux/config',
    ],
    [
      'a file without its content',
      image({ config, targeted: policy({ file_contexts: file(external(100, 'x')) }) }),
      `SELINUX_BAD_POLICY ${at}/file_contexts`,
    ],
    [
      'a file that is too large',
      image({
        config,
        targeted: policy({ file_contexts: file(external(LIMITS.selinuxFileBytes + 1, 'x')) }),
      }),
      `LIMIT_EXCEEDED ${at}/file_contexts`,
    ],
  ])('refuses %s', (_name, root, expected) => {
    expect(refusal(root)).toBe(expected);
  });

  test('a name may lead through directories, or be empty', () => {
    const files = policy({ file_contexts: file('/a x:a\n') });
    for (const [name, tree] of [
      ['/a//b/.', image({ config: file('SELINUXTYPE=/a//b/.\n'), a: dir({ b: files }) })],
      [
        '',
        image({
          config: file('SELINUXTYPE=\n'),
          contexts: (files as Directory).children.get(byteString('contexts')) as Node,
        }),
      ],
    ] as const) {
      expect(findPolicy(tree, inlineReader(tree))?.name).toBe(name);
    }
  });
});
