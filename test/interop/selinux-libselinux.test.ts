/**
 * Labels in libselinux mode against `matchpathcon` (libselinux itself): rules of every form, arbitrary policies and
 * paths of every type, and, where `PLANISH_POLICY_ROOT` names an unpacked image with a policy, every path of it.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { byteString } from '../../src/bytes/byte-string.ts';
import { PlanishError } from '../../src/errors.ts';
import { explainLabel } from '../../src/selinux/explain.ts';
import { labelTree } from '../../src/selinux/label.ts';
import { loadPolicy, type Policy } from '../../src/selinux/policy.ts';
import type { FileType } from '../../src/tree/tree.ts';
import { walk } from '../../src/tree/walk.ts';
import { hasTool } from '../support/composefs-tools.ts';
import { fc } from '../support/property.ts';
import { diskReader, diskTree } from '../support/selinux-disk.ts';
import {
  arbitraryPath,
  arbitraryRegex,
  labelText,
  latin1,
  type PolicyTexts,
  policyOf,
  SUFFIXES,
} from '../support/selinux-policies.ts';

const available = ['matchpathcon', 'sefcontext_compile'].every((tool) =>
  hasTool(tool, 'labels against libselinux'),
);

/** Types as `matchpathcon -m` names them. */
const MODES: Readonly<Record<FileType, string>> = {
  directory: 'd',
  regular: 'f',
  symlink: 'l',
  character: 'c',
  block: 'b',
  fifo: 'p',
  socket: 's',
};

const TYPES = Object.keys(MODES) as FileType[];

/** Paths in one call: the kernel bounds the size of a command line. */
const BATCH = 2000;

/** What `matchpathcon` says of each path, as bytes; `undefined` for no label. Throws what it prints when it fails. */
function matchpathcon(contexts: string, type: FileType, paths: readonly string[]): (string | undefined)[] {
  const labels: (string | undefined)[] = [];
  for (let at = 0; at < paths.length; at += BATCH) {
    // Arguments go out as UTF-8: paths of tests are ASCII, those of images UTF-8.
    const names = paths.slice(at, at + BATCH).map((path) => Buffer.from(path, 'latin1').toString());
    const run = spawnSync('matchpathcon', ['-n', '-f', contexts, '-m', MODES[type], ...names], {
      encoding: 'latin1',
    });
    if (run.status !== 0) throw new Error(`${run.stderr}${run.stdout}`);
    const lines = run.stdout.trimEnd().split('\n');
    labels.push(...lines.map((line) => (line === '<<none>>' ? undefined : line)));
  }
  return labels;
}

describe.skipIf(!available)('libselinux', () => {
  let scratch = '';
  let cases = 0;

  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), 'planish-libselinux-'));
  });

  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  function write(texts: PolicyTexts): string {
    const contexts = join(scratch, `case-${cases++}`);
    for (const [file, suffix] of Object.entries(SUFFIXES)) {
      const text = texts[file as keyof PolicyTexts];
      if (text !== undefined) writeFileSync(`${contexts}${suffix}`, latin1(text));
    }
    return contexts;
  }

  function ours(policy: Policy, type: FileType, paths: readonly string[]): (string | undefined)[] {
    return paths.map((path) => explainLabel(policy, byteString(path), type).label);
  }

  function compare(texts: PolicyTexts, paths: readonly string[], types: readonly FileType[] = TYPES): void {
    const contexts = write(texts);
    const policy = policyOf(texts, 'libselinux');
    for (const type of types) {
      const expected = matchpathcon(contexts, type, paths);
      expect(ours(policy, type, paths).map((label, at) => `${type} ${paths[at]} ${label}`)).toEqual(
        expected.map((label, at) => `${type} ${paths[at]} ${label}`),
      );
    }
  }

  test.each<[string, PolicyTexts, string[]]>([
    ['the last match wins', { contexts: '/a.* x:first\n/a.* x:last\n' }, ['/a', '/ab', '/b']],
    [
      'a plain path goes before an expression',
      { contexts: '/a/b x:plain\n/a/.* x:regex\n' },
      ['/a/b', '/a/c'],
    ],
    ['an escaped dot keeps a path plain', { contexts: '/a\\.b x:plain\n/a.* x:regex\n' }, ['/a.b', '/axb']],
    [
      'types',
      { contexts: '/a -d x:d\n/a -- x:f\n/a -l x:l\n/a -c x:c\n/a -b x:b\n/a -p x:p\n/a -s x:s\n' },
      ['/a'],
    ],
    ['a type after none', { contexts: '/a.* x:any\n/a.* -- x:file\n' }, ['/a']],
    ['none', { contexts: '/a.* x:any\n/ab <<none>>\n' }, ['/a', '/ab', '/abc']],
    [
      'local after homedirs',
      { contexts: '/a.* x:base\n', homedirs: '/a.* x:home\n', local: '/a.* x:local\n' },
      ['/a'],
    ],
    ['homedirs after contexts', { contexts: '/a.* x:base\n', homedirs: '/a.* x:home\n' }, ['/a']],
    [
      'a plain path in contexts before local',
      { contexts: '/ab x:base\n', local: '/a.* x:local\n' },
      ['/ab', '/ac'],
    ],
    ['a stem', { contexts: '/usr/? x:stem\n/usr(/)? x:group\n' }, ['/usr', '/usr/a']],
    ['a stem alone', { contexts: '/usr/? x:stem\n' }, ['/usr']],
    [
      'a stem with an escape',
      { contexts: '/a\\-b/c x:stem\n/a\\-b(/.*)? x:group\n' },
      ['/a-b/c', '/a-b', '/a-b/d'],
    ],
    ['bare anchors around branches', { contexts: '/a|/b x:either\n' }, ['/a', '/ax', '/b', '/x/b', '/x']],
    ['a final newline', { contexts: '/a x:plain\n/b. x:dot\n' }, ['/a\n', '/b\n', '/bx\n', '/a\n\n']],
    [
      'subs_dist',
      { contexts: '/usr/lib(/.*)? x:lib\n', subsDist: '/lib /usr/lib\n/lib64 /usr/lib\n' },
      ['/lib', '/lib/a', '/lib64/a', '/lib6', '/libx/a'],
    ],
    [
      'subs before subs_dist',
      { contexts: '/z(/.*)? x:z\n/y(/.*)? x:y\n', subs: '/a /b\n', subsDist: '/b /z\n/a /y\n' },
      ['/a', '/a/c', '/b/c'],
    ],
    [
      'the last line of subs wins',
      { contexts: '/y.* x:y\n/z.* x:z\n', subsDist: '/a/b /y\n/a /z\n' },
      ['/a/b', '/a/b/c', '/a/c'],
    ],
    [
      'the last line, though shorter, or longer',
      { contexts: '/y.* x:y\n/z.* x:z\n', subsDist: '/a /z\n/a/b /y\n/a /z\n/a/c /y\n' },
      ['/a/b', '/a/c', '/a/c/d'],
    ],
    ['a sub to the root', { contexts: '/b x:b\n/ x:root\n', subsDist: '/a /\n' }, ['/a/b', '/a', '/']],
    ['a sub of the root', { contexts: '/b x:b\n/ x:root\n', subsDist: '/ /b\n' }, ['/b', '/', '/c']],
    [
      'subs with a slash at the end',
      { contexts: '/b/.* x:b\n/b x:plain\n', subsDist: '/a /b/\n/c/ /b\n' },
      ['/a', '/a/x', '/c', '/c/x'],
    ],
    [
      'subs of strange lines',
      { contexts: '/b x:b\n', subsDist: '# /a /b\n/one\n  /a   /b  more words\n\n' },
      ['/a', '/one'],
    ],
    [
      'the second file sees what the first made',
      { contexts: '/z x:z\n/q(/.*)? x:q\n', subs: '/a /b\n', subsDist: '/b /q\n/b/c /z\n' },
      ['/a/c', '/a', '/a/d', '/b/c'],
    ],
    [
      'comments, spaces, more words',
      { contexts: '# /a x:no\n\n  \t/a \t -d\t x:a more words\n/b x:b   \n' },
      ['/a', '/b'],
    ],
    ['no newline at the end', { contexts: '/a x:a\n/b x:b' }, ['/a', '/b']],
    [
      'possessive quantifiers',
      { contexts: '/a*+a x:never\n/[^/]++/b x:once\n/(?>a|ab)c x:atomic\n' },
      ['/aa', '/a/b', '/ac', '/abc'],
    ],
    [
      'look-arounds',
      {
        contexts: '/(?!a)[^/]* x:not\n/a(?=b).* x:ahead\n/.*(?<=/b)in x:behind\n/.*(?<!a|bc)z x:notbehind\n',
      },
      ['/b', '/a', '/ab', '/ac', '/bin', '/x/bin', '/az', '/bcz', '/abz'],
    ],
    [
      'word boundaries',
      { contexts: '/\\bab\\b.* x:word\n/.*b\\B.* x:inside\n' },
      ['/ab', '/abc', '/ab-', '/b-'],
    ],
    [
      'classes',
      {
        contexts:
          '/[[:digit:]]+ x:digit\n/[[:^digit:]/]+ x:other\n/x\\h x:h\n/x\\v x:v\n/x\\N x:N\n/[]x-z]] x:bracket\n/[x-] x:hyphen\n',
      },
      ['/12', '/ab', '/x\t', '/x\v', '/xx', '/]]', '/-', '/x'],
    ],
    [
      'braces that count nothing',
      { contexts: '/a{ x:open\n/b{x} x:word\n/c{2}{ x:both\n' },
      ['/a{', '/b{x}', '/cc{'],
    ],
    [
      'escapes',
      { contexts: '/\\x61\\x x:hex\n/\\e\\a\\f\\r\\n\\t x:controls\n/\\_\\- x:plain\n' },
      ['/a', '/_-', '/\x1b\x07\f\r\n\t'],
    ],
    [
      'anchors inside',
      { contexts: '/a(^|b)c x:a\n/a$\\n? x:newline\n/(x$|y) x:end\n' },
      ['/abc', '/ac', '/x', '/y', '/x\n', '/a', '/a\n'],
    ],
    ['a backslash at the end', { contexts: '/a\\ x:dollar\n' }, ['/a', '/a$', '/a$b']],
  ])('decides as it does: %s', (_name, texts, paths) => compare(texts, paths));

  test.each([
    ['a parenthesis', '/(a x:a\n'],
    ['a bracket', '/[a x:a\n'],
    ['a quantifier of nothing', '* x:a\n'],
    ['a quantifier of a quantifier', '/a** x:a\n'],
    ['a range', '/[z-a] x:a\n'],
    ['an unknown escape', '/\\y x:a\n'],
    ['an unknown class', '/[[:foo:]] x:a\n'],
    ['a width that is not fixed', '/(?<=a*)b x:a\n'],
    ['a missing label', '/a\n'],
    ['an unknown type', '/a -x x:a\n'],
    ['a type that is none', '/a x:a more\n'],
    ['a byte outside ASCII', '/\xe9 x:a\n'],
  ])('refuses what it refuses: %s', (_name, contexts) => {
    // Unlike matchpathcon this compiles every rule at once, as setfiles does.
    const file = write({ contexts });
    expect(spawnSync('sefcontext_compile', ['-o', `${file}.out`, file]).status).toBeGreaterThan(0);
    expect(() => policyOf(contexts, 'libselinux')).toThrow(PlanishError);
  });

  test('takes what it takes', () => {
    const file = write({ contexts: '/a x:a\n' });
    expect(spawnSync('sefcontext_compile', ['-o', `${file}.out`, file]).status).toBe(0);
  });

  test('agrees on 150 arbitrary policies', () => {
    const type = fc.constantFrom('', '', '', '-- ', '-d ', '-l ');
    const rules = fc
      .array(fc.tuple(arbitraryRegex({ pcre2: true, anchors: true }), type), { minLength: 1, maxLength: 6 })
      .map((list) => list.filter(([regex]) => regex !== ''))
      .map((list) =>
        list.map(([regex, letter], at) => [regex.startsWith('/') ? regex : `/${regex}`, letter, at] as const),
      );
    const file = (label: string): fc.Arbitrary<string> =>
      rules.map((list) => list.map(([regex, letter, at]) => `${regex} ${letter}x:${label}${at}\n`).join(''));
    const subs = fc.option(
      fc
        .array(fc.tuple(arbitraryPath, fc.oneof(arbitraryPath, fc.constant('/'))), { maxLength: 3 })
        .map((list) =>
          list
            .filter((pair) => !pair.join('').includes('\n'))
            .map(([from, to]) => `${from} ${to}\n`)
            .join(''),
        ),
      { nil: undefined },
    );
    const optional = (label: string) => fc.option(file(label), { nil: undefined });
    const texts = fc.record({
      contexts: file('c').filter((text) => text !== ''),
      local: optional('l'),
      homedirs: optional('h'),
      subs,
      subsDist: subs,
    });
    let labelled = 0;
    fc.assert(
      fc.property(texts, fc.array(arbitraryPath, { minLength: 1, maxLength: 12 }), (policy, paths) => {
        let compiled: Policy;
        try {
          compiled = policyOf(policy, 'libselinux');
        } catch (error) {
          expect(error).toBeInstanceOf(PlanishError);
          return;
        }
        compare(policy, paths, ['regular', 'directory']);
        labelled += ours(compiled, 'regular', paths).filter((label) => label !== undefined).length;
      }),
      { numRuns: 150 },
    );
    expect(labelled).toBeGreaterThan(100);
  });

  const root = process.env['PLANISH_POLICY_ROOT'];
  if (root === undefined)
    process.stderr.write('SKIPPED: a whole image against libselinux: PLANISH_POLICY_ROOT is not set\n');

  test.skipIf(root === undefined)('labels every path of a whole image alike', () => {
    const tree = diskTree(root as string);
    const policy = loadPolicy(tree, diskReader(root as string), 'libselinux') as Policy;
    const labelled = labelTree(tree, policy).root;
    const contexts = join(root as string, 'etc/selinux', policy.name, 'contexts/files/file_contexts');
    const byType = new Map<FileType, { paths: string[]; labels: (string | undefined)[] }>();
    for (const { path, node } of walk(labelled)) {
      const group = byType.get(node.type) ?? { paths: [], labels: [] };
      group.paths.push(path);
      group.labels.push(labelText(node));
      byType.set(node.type, group);
    }
    let names = 0;
    for (const [type, { paths, labels }] of byType) {
      expect(matchpathcon(contexts, type, paths)).toEqual(labels);
      names += paths.length;
    }
    process.stderr.write(`libselinux: ${names} names of a whole image have the labels of matchpathcon\n`);
  });
});
