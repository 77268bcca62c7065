/**
 * Labels in host mode against composefs-rs: what `cfsctl create-dumpfile --bootable` writes of a directory, name by
 * name, hard links and what becomes of them included; and the policies that it refuses. Where `PLANISH_POLICY_ROOT`
 * names an unpacked image with a policy, that too.
 */
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { byteString } from '../../src/bytes/byte-string.ts';
import { parseDumpfile } from '../../src/dumpfile/parse.ts';
import { isPlanishError } from '../../src/errors.ts';
import { labelTree } from '../../src/selinux/label.ts';
import { loadPolicy } from '../../src/selinux/policy.ts';
import type { Directory } from '../../src/tree/tree.ts';
import { hasTool, runTool } from '../support/composefs-tools.ts';
import { fc } from '../support/property.ts';
import { diskReader } from '../support/selinux-disk.ts';
import {
  arbitraryRegex,
  FILES,
  labelLines,
  latin1,
  NAMES,
  type PolicyTexts,
  SUFFIXES,
} from '../support/selinux-policies.ts';

const available = hasTool('cfsctl', 'labels against composefs-rs');

/** What is in a directory: text of a file, `-> target`, `= other` for a hard link, `undefined` for a directory. */
type Entries = { readonly [path: string]: string | undefined };

const CONFIG = 'SELINUXTYPE=test\n';

function create(root: string, entries: Entries): void {
  const all: Entries = { '/usr': undefined, '/boot': undefined, '/sysroot': undefined, ...entries };
  for (const [path, what] of Object.entries(all)) {
    const file = Buffer.concat([Buffer.from(root), Buffer.from(path, 'latin1')]);
    mkdirSync(Buffer.from(dirname(file.toString('latin1')), 'latin1'), { recursive: true });
    if (what === undefined) mkdirSync(file, { recursive: true });
    else if (what.startsWith('-> ')) symlinkSync(what.slice(3), file);
    else if (what.startsWith('= ')) linkSync(join(root, what.slice(2)), file);
    else writeFileSync(file, latin1(what));
  }
}

/** The files of a policy in an image. */
function policyEntries(texts: PolicyTexts): Entries {
  const files = Object.entries(SUFFIXES).flatMap(([file, suffix]) => {
    const text = texts[file as keyof PolicyTexts];
    return text === undefined ? [] : [[`${FILES}/file_contexts${suffix}`, text]];
  });
  return { '/etc/selinux/config': CONFIG, ...Object.fromEntries(files) };
}

function cfsctl(root: string, ...options: string[]): Directory | undefined {
  const { status, stdout } = runTool('cfsctl', ['create-dumpfile', ...options, root]);
  return status === 0 ? parseDumpfile(stdout).root : undefined;
}

/** What composefs-rs makes of a directory; `undefined` when it refuses. */
function theirs(root: string): string[] | undefined {
  const tree = cfsctl(root, '--bootable');
  return tree === undefined ? undefined : labelLines(tree);
}

/** The same by us, out of the tree as composefs-rs reads it without labels. */
function ours(root: string): string[] | undefined {
  const tree = cfsctl(root) as Directory;
  for (const name of ['boot', 'sysroot']) (tree.children.get(byteString(name)) as Directory).children.clear();
  try {
    return labelLines(labelTree(tree, loadPolicy(tree, diskReader(root), 'host')).root);
  } catch (error) {
    if (isPlanishError(error, 'SELINUX_BAD_POLICY')) return undefined;
    throw error;
  }
}

const PLAIN: Entries = { '/a': 'A', '/b/a': 'BA', '/b/b': '-> a', '/ab/bin/a': 'ABA' };

describe.skipIf(!available)('composefs-rs', () => {
  let scratch = '';
  let cases = 0;

  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), 'planish-selinux-host-'));
  });

  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  function made(entries: Entries): string {
    const root = join(scratch, `case-${cases++}`);
    create(root, entries);
    return root;
  }

  test.each<[string, Entries]>([
    ['no /etc/selinux', PLAIN],
    ['no config', { ...PLAIN, '/etc/selinux': undefined }],
    [
      'a config without a type',
      { ...PLAIN, '/etc/selinux/config': '#SELINUXTYPE=test\nSELINUX=enforcing\n' },
    ],
    [
      'a config with CRLF, spaces, odd case',
      {
        ...PLAIN,
        ...policyEntries({ contexts: '/.* x:all\n' }),
        '/etc/selinux/config': 'A\r\n  selinuxType = test \r\nSELINUXTYPE=other\n',
      },
    ],
    [
      'a name with slashes',
      {
        ...PLAIN,
        ...policyEntries({ contexts: '/.* x:all\n' }),
        '/etc/selinux/config': 'SELINUXTYPE=test//./\n',
      },
    ],
    [
      'disabled all the same',
      {
        ...PLAIN,
        ...policyEntries({ contexts: '/.* x:all\n' }),
        '/etc/selinux/config': `SELINUX=disabled\n${CONFIG}`,
      },
    ],
    ['the root', { ...PLAIN, ...policyEntries({ contexts: '/ -d x:root\n/.+ x:rest\n' }) }],
    ['no rule for the root', { ...PLAIN, ...policyEntries({ contexts: '/a x:a\n' }) }],
    [
      'the last match wins, plain or not',
      { ...PLAIN, ...policyEntries({ contexts: '/b/a x:plain\n/b/.* x:regex\n' }) },
    ],
    [
      'types',
      { ...PLAIN, ...policyEntries({ contexts: '/.* x:any\n/.* -d x:d\n/.*a -- x:file\n/.* -l x:link\n' }) },
    ],
    [
      'local before homedirs',
      { ...PLAIN, ...policyEntries({ contexts: '/.* x:c\n', local: '/a.* x:l\n', homedirs: '/a x:h\n' }) },
    ],
    ['none', { ...PLAIN, ...policyEntries({ contexts: '/.* x:any\n/b.* <<none>>\n' }) }],
    ['branches', { ...PLAIN, ...policyEntries({ contexts: '/a|/b.* x:either\n' }) }],
    ['no stems', { ...PLAIN, ...policyEntries({ contexts: '/usr/? x:usr\n' }) }],
    ['an alias', { ...PLAIN, ...policyEntries({ contexts: '/a x:a\n/z(/.*)? x:z\n', subsDist: '/b /z\n' }) }],
    [
      'an alias of a leaf',
      { ...PLAIN, ...policyEntries({ contexts: '/a x:a\n/z x:z\n', subs: '/b/a /z\n' }) },
    ],
    [
      'an alias below an alias',
      { ...PLAIN, ...policyEntries({ contexts: '/y.* x:y\n/z.* x:z\n', subs: '/ab /z\n/z/bin /y\n' }) },
    ],
    [
      'subs_dist over subs, later over earlier',
      {
        ...PLAIN,
        ...policyEntries({
          contexts: '/y.* x:y\n/z.* x:z\n',
          subs: '/b /y\n/ab /y\n',
          subsDist: '/b /y\n/b /z\n',
        }),
      },
    ],
    [
      'an alias to the root',
      { ...PLAIN, ...policyEntries({ contexts: '/ x:root\n/a x:a\n/bin.* x:bin\n', subs: '/ab /\n' }) },
    ],
    [
      'an alias of the root',
      { ...PLAIN, ...policyEntries({ contexts: '/ x:root\n/z.* x:z\n', subs: '/ /z\n' }) },
    ],
    [
      'an alias with a slash',
      {
        '/b/a': '1',
        '/b/c': '2',
        '/b/d/e': '3',
        '/b/d/f': '4',
        ...policyEntries({
          contexts: '/z/a x:a\n/z/ x:slash\n/z x:z\n/z/c x:c\n/z//?.* x:any\n',
          subs: '/b /z/\n',
        }),
      },
    ],
    [
      'an alias with two slashes',
      {
        '/b/a': '1',
        '/b/c': '2',
        '/b/d/e': '3',
        '/b/d/f': '4',
        ...policyEntries({ contexts: '/z/[a-f/]* x:one\n/z//.* x:two\n', subs: '/b /z//\n' }),
      },
    ],
    [
      'an alias with a dot',
      {
        '/b/a': '1',
        '/b/c': '2',
        '/b/d/e': '3',
        ...policyEntries({ contexts: '/z/[a-f/]* x:one\n/z/\\..* x:two\n', subs: '/b /z/.\n' }),
      },
    ],
    [
      'an alias that is relative',
      {
        '/b/a': '1',
        '/b/c': '2',
        ...policyEntries({ contexts: 'z/.* x:one\nz x:z\n\\./.* x:dot\n', subs: '/b z\n/ab .\n' }),
        '/ab/a': '',
      },
    ],
    [
      'an alias to slashes',
      {
        '/b/a': '1',
        '/b/c': '2',
        ...policyEntries({ contexts: '/a x:a\n/c x:c\n//.* x:two\n', subs: '/b //\n' }),
      },
    ],
    ['hard links alike', { '/a': 'text', '/b': '= /a', ...policyEntries({ contexts: '/.* x:all\n' }) }],
    [
      'hard links split',
      {
        '/a': 'text',
        '/b': '= /a',
        '/c': '= /a',
        '/d': '= /a',
        '/e': '= /a',
        ...policyEntries({ contexts: '/.* x:all\n/[be] x:other\n/d <<none>>\n' }),
      },
    ],
    [
      'hard links of which the first has none',
      {
        '/a': 'text',
        '/b': '= /a',
        '/c': '= /a',
        ...policyEntries({ contexts: '/.* x:all\n/a <<none>>\n' }),
      },
    ],
    [
      'hard links across directories',
      {
        '/b/z': 'text',
        '/b.x': '= /b/z',
        '/c/a': '= /b/z',
        ...policyEntries({ contexts: '/b/.* x:b\n/c/.* x:c\n/b\\.x x:b\n' }),
      },
    ],
    [
      'look-arounds',
      {
        ...PLAIN,
        ...policyEntries({ contexts: '/(?!a).* x:not\n/.*(?<=bi)n(/.*)? x:behind\n/a(?=b).* x:ahead\n' }),
      },
    ],
    [
      'what the crate refuses sees no newline',
      { '/a\n': '1', '/b\n': '2', ...policyEntries({ contexts: '/a. x:crate\n/(?=b)b. x:pcre2\n' }) },
    ],
    [
      'possessive and atomic',
      {
        ...PLAIN,
        ...policyEntries({ contexts: '/a*+a x:crate\n/(?>[^/]*)/a x:atomic\n/(?>b|.)*+/b x:both\n' }),
      },
    ],
    [
      'word boundaries and anchors',
      { ...PLAIN, ...policyEntries({ contexts: '/\\bab\\b.* x:word\n/b(/a|$)? x:end\n^/a$ x:never\n' }) },
    ],
    [
      'quantifiers of quantifiers',
      { ...PLAIN, ...policyEntries({ contexts: '/a**b?{2}.* x:a\n/b{1}{1}/a x:b\n' }) },
    ],
    [
      'brackets',
      {
        '/-': '',
        '/]': '',
        '/a': '',
        '/[': '',
        '/^': '',
        ...policyEntries({
          contexts:
            '/[]a] x:first\n/[--] x:hyphens\n/[]-a] x:norange\n/[[:punct:]^] -- x:punct\n/[\\]-a] x:range\n',
        }),
      },
    ],
    [
      'bytes',
      {
        '/\xc3\xa9': '',
        '/\xc3\xa9\xc3\xa9': '',
        '/\xff': '',
        ...policyEntries({
          contexts: '/\xc3\xa9{2} x:two\n/\xc3\xa9 x:one\n/\\xff x:byte\n/[^a]\xa9\xc3\xa9? x:no\n'.replace(
            '/[^a]\xa9\xc3\xa9? x:no\n',
            '',
          ),
        }),
      },
    ],
    [
      'spaces of Unicode',
      {
        ...PLAIN,
        ...policyEntries({ contexts: '/a\xc2\xa0x:nbsp\n\xe2\x80\x83/b\xc2\x85-d\xe3\x80\x80x:b\n' }),
      },
    ],
    ['CRLF', { ...PLAIN, ...policyEntries({ contexts: '/a x:a\r\n# no\r\n\r\n/b.* x:b\r\n' }) }],
    ['a label that is not ASCII', { ...PLAIN, ...policyEntries({ contexts: '/a \xc3\xa9\n' }) }],
  ])('labels alike: %s', (_name, entries) => {
    const root = made(entries);
    const expected = theirs(root);
    expect(expected).toBeDefined();
    expect(ours(root)).toEqual(expected);
  });

  test.each<[string, Entries]>([
    ['a policy that is not there', { '/etc/selinux/config': CONFIG }],
    ['a policy without files', { '/etc/selinux/config': CONFIG, '/etc/selinux/test': undefined }],
    ['no file_contexts', { '/etc/selinux/config': CONFIG, [FILES]: undefined }],
    ['/etc/selinux as a file', { '/etc/selinux': 'text' }],
    ['a config that is a directory', { '/etc/selinux/config': undefined }],
    [
      'a config that is not UTF-8',
      { ...policyEntries({ contexts: '' }), '/etc/selinux/config': '\xff\nSELINUXTYPE=test\n' },
    ],
    ['rules that are not UTF-8', policyEntries({ contexts: '/a x:a\n# \xff\n' })],
    ['a rule without a label', policyEntries({ contexts: '/a\n' })],
    ['a rule with a type and no label', policyEntries({ contexts: '/a -d\n' })],
    ['an unknown type', policyEntries({ contexts: '/a -x x:a\n' })],
    ['a type of two letters', policyEntries({ contexts: '/a -dd x:a\n' })],
    ['more words', policyEntries({ contexts: '/a x:a more\n' })],
    ['more words after a type', policyEntries({ contexts: '/a -d x:a more\n' })],
    ['an alias of nothing', policyEntries({ contexts: '', subs: '/a\n' })],
    ['an alias of two', policyEntries({ contexts: '', subsDist: '/a /b /c\n' })],
    ['a parenthesis', policyEntries({ contexts: '/(a x:a\n' })],
    ['a bracket', policyEntries({ contexts: '/[a x:a\n' })],
    ['a backslash', policyEntries({ contexts: '/a\\ x:a\n' })],
    ['a range', policyEntries({ contexts: '/[z-a] x:a\n' })],
    ['an unknown escape', policyEntries({ contexts: '/\\y x:a\n' })],
  ])('refuses alike: %s', (_name, entries) => {
    const root = made(entries);
    expect(theirs(root)).toBeUndefined();
    expect(ours(root)).toBeUndefined();
  });

  // On disk composefs-rs follows links; in an image it cannot, and refuses them as we do.
  test('agrees on 60 arbitrary policies and trees', () => {
    const name = fc.constantFrom(...NAMES);
    const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((names) => `/top/${names.join('/')}`);
    const alias = path.filter((text) => !text.includes('\n'));
    const type = fc.constantFrom('', '', '-- ', '-d ');
    const rules = fc.array(
      fc.tuple(
        fc.constantFrom('/top/', '/top', '/.*', ''),
        arbitraryRegex({ pcre2: true, anchors: true }),
        type,
      ),
      { maxLength: 8 },
    );
    const file = (label: string): fc.Arbitrary<string> =>
      rules.map((list) =>
        list
          .map(([start, regex, letter], at) =>
            start + regex === '' ? '' : `${start}${regex} ${letter}x:${label}${at}\n`,
          )
          .join(''),
      );
    const subs = fc.option(
      fc
        .array(fc.tuple(alias, alias), { maxLength: 3 })
        .map((list) => list.map((pair) => `${pair.join(' ')}\n`).join('')),
      { nil: undefined },
    );
    const optional = (label: string) => fc.option(file(label), { nil: undefined });
    const texts = fc.record({
      contexts: file('c'),
      local: optional('l'),
      homedirs: optional('h'),
      subs,
      subsDist: subs,
    });
    let labelled = 0;
    fc.assert(
      fc.property(texts, fc.array(path, { maxLength: 8 }), (policy, paths) => {
        const files = paths.map((one): [string, string] => [`${one}/x`, 'x']);
        const root = made({ '/top/first': 'linked', ...Object.fromEntries(files), ...policyEntries(policy) });
        for (const [at, one] of paths.entries())
          linkSync(join(root, '/top/first'), join(root, one, `link${at}`));
        const expected = theirs(root);
        expect(ours(root)).toEqual(expected);
        labelled += expected?.filter((line) => line.includes(' x:')).length ?? 0;
      }),
      { numRuns: 60 },
    );
    expect(labelled).toBeGreaterThan(200);
  });

  const image = process.env['PLANISH_POLICY_ROOT'];
  if (image === undefined)
    process.stderr.write('SKIPPED: a whole image against composefs-rs: PLANISH_POLICY_ROOT is not set\n');

  test.skipIf(image === undefined)('labels every path of a whole image alike', () => {
    const expected = theirs(image as string);
    expect(expected?.length).toBeGreaterThan(1000);
    expect(ours(image as string)).toEqual(expected);
    process.stderr.write(`composefs-rs: ${expected?.length} names of a whole image have its labels\n`);
  });
});
