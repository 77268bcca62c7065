/** SELinux policies, trees and arbitrary regular expressions for tests. Text is one byte a character. */

import { type ByteString, byteString, toBytes } from '../../src/bytes/byte-string.ts';
import type { LabelMode, PolicyText } from '../../src/selinux/file-contexts.ts';
import { LABEL_XATTR } from '../../src/selinux/label.ts';
import { Policy } from '../../src/selinux/policy.ts';
import type { FileReader, PolicyFiles } from '../../src/selinux/policy-files.ts';
import type { Directory, Node } from '../../src/tree/tree.ts';
import { lookup, walk } from '../../src/tree/walk.ts';
import { fc } from './property.ts';
import { device, dir, fifo, file, socket, symlink } from './tree-builder.ts';

/** Where the policy "test" lies in an image. */
export const FILES = '/etc/selinux/test/contexts/files';

/** The texts of a policy; what is absent is no file. */
export interface PolicyTexts {
  readonly contexts: string;
  readonly local?: string | undefined;
  readonly homedirs?: string | undefined;
  readonly subs?: string | undefined;
  readonly subsDist?: string | undefined;
}

/** Names of the files of {@link PolicyTexts}. */
export const SUFFIXES = {
  contexts: '',
  local: '.local',
  homedirs: '.homedirs',
  subs: '.subs',
  subsDist: '.subs_dist',
} as const satisfies Record<keyof PolicyTexts, string>;

/** The policy as it would be found in an image. */
function policyFiles(texts: PolicyTexts): PolicyFiles {
  const text = (file: keyof PolicyTexts): PolicyText | undefined => {
    const content = texts[file];
    const path = byteString(`${FILES}/file_contexts${SUFFIXES[file]}`);
    return content === undefined ? undefined : { path, text: byteString(content) };
  };
  return {
    name: byteString('test'),
    contexts: text('contexts') as PolicyText,
    local: text('local'),
    homedirs: text('homedirs'),
    subs: text('subs'),
    subsDist: text('subsDist'),
  };
}

/** A policy of texts; a plain string is `file_contexts`. */
export function policyOf(texts: PolicyTexts | string, mode: LabelMode): Policy {
  return new Policy(policyFiles(typeof texts === 'string' ? { contexts: texts } : texts), mode);
}

/** Reads what is inline in a tree. */
export function inlineReader(root: Directory): FileReader {
  return {
    read: (path) => {
      const node = lookup(root, path);
      return node?.type === 'regular' && node.content.kind === 'inline' ? node.content.bytes : undefined;
    },
  };
}

/** The label of a node as text, a NUL byte as `\0`; `undefined` when it has none. */
export function labelText(node: Node | undefined): string | undefined {
  const value = node?.metadata.xattrs.get(LABEL_XATTR);
  return value === undefined ? undefined : Buffer.from(value).toString('latin1');
}

/** One line a name: its path, label, and for a further hard link the first name. */
export function labelLines(root: Directory): string[] {
  return [...walk(root)].map(({ path, node, firstPath }) =>
    [path, labelText(node) ?? '-', ...(firstPath === undefined ? [] : [`= ${firstPath}`])].join(' '),
  );
}

/** The bytes of a string, one byte a character. */
export function latin1(text: string): Uint8Array {
  return toBytes(byteString(text));
}

/** Pieces of paths that expressions of {@link arbitraryRegex} can match. */
export const NAMES = ['a', 'b', 'ab', 'a.b', 'a-b', 'bin', 'a\n', 'b+'] as const;

/** A path of one to three names. */
export const arbitraryPath: fc.Arbitrary<ByteString> = fc
  .array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 3 })
  .map((names) => byteString(`/${names.join('/')}`));

const LITERALS = ['a', 'b', '/', '/a', '/bin', 'ab', '\\.', '\\-', '-', '\\+', '\\n'];
const SETS = [
  '.',
  '[^/]',
  '[ab]',
  '[a-c./]',
  '[]a]',
  '[^]a]',
  '[a-]',
  '[[:alnum:]_]',
  '[^[:alpha:]/]',
  '\\w',
  '\\W',
  '\\d',
  '\\s',
  '[\\w.]',
  '[\\x61-\\x63]',
  '\\x2f',
];
const QUANTIFIERS = ['*', '+', '?', '{2}', '{1,}', '{0,2}', '*?', '+?', '??'];

/** What {@link arbitraryRegex} may hold beyond what every engine reads alike. */
export interface RegexKinds {
  /** Look-arounds, atomic groups, possessive quantifiers: PCRE2 alone. */
  readonly pcre2?: boolean;
  /** `^`, `$`, `\b` anywhere. */
  readonly anchors?: boolean;
}

/** Expressions as policies have them, and stranger ones. */
export function arbitraryRegex(kinds: RegexKinds = {}): fc.Arbitrary<string> {
  const atom = fc.constantFrom(
    ...LITERALS.filter((text) => !/^.{2,}$/.test(text) || text.startsWith('\\')),
    ...SETS,
  );
  return fc.letrec<{ regex: string; piece: string }>((tie) => ({
    regex: fc.oneof(
      { weight: 5, arbitrary: fc.array(tie('piece'), { maxLength: 4 }).map((list) => list.join('')) },
      { weight: 1, arbitrary: fc.tuple(tie('regex'), tie('regex')).map((pair) => pair.join('|')) },
    ),
    piece: fc.oneof(
      { maxDepth: 4, depthSize: 'small' },
      { weight: 4, arbitrary: fc.constantFrom(...LITERALS) },
      { weight: 2, arbitrary: fc.constantFrom(...SETS) },
      { weight: 2, arbitrary: fc.tuple(atom, fc.constantFrom(...QUANTIFIERS)).map((pair) => pair.join('')) },
      ...(kinds.anchors
        ? [{ weight: 1, arbitrary: fc.constantFrom('^', '$', '\\b', '\\B', '\\A', '\\z') }]
        : []),
      ...(kinds.pcre2
        ? [
            {
              weight: 1,
              arbitrary: fc.tuple(atom, fc.constantFrom('*+', '++', '?+')).map((pair) => pair.join('')),
            },
            {
              weight: 1,
              arbitrary: fc
                .tuple(fc.constantFrom('(?=', '(?!', '(?>'), tie('regex'))
                .map(([open, body]) => `${open}${body})`),
            },
            {
              weight: 1,
              arbitrary: fc
                .tuple(fc.constantFrom('(?<=', '(?<!'), fc.constantFrom('a', '/', 'ab|b', '[^/]b', '/a|bin'))
                .map(([open, body]) => `${open}${body})`),
            },
          ]
        : []),
      {
        weight: 2,
        arbitrary: fc
          .tuple(fc.constantFrom('(', '(?:'), tie('regex'), fc.constantFrom('', '', ...QUANTIFIERS))
          .map(([open, body, quantifier]) => `${open}${body})${quantifier}`),
      },
    ),
  })).regex;
}

/** A tree of lines `TYPE PATH`, types as `matchpathcon -m` names them; parents that no line names are made. */
export function treeOfPaths(lines: readonly string[]): Directory {
  const make: Readonly<Record<string, () => Node>> = {
    d: () => dir(),
    f: () => file(),
    l: () => symlink('target'),
    p: () => fifo(),
    c: () => device('character', 1, 3),
    b: () => device('block', 1, 3),
    s: () => socket(),
  };
  const root = dir();
  for (const line of lines) {
    const names = line
      .slice(2)
      .split('/')
      .filter((name) => name !== '');
    const last = names.pop();
    let parent = root;
    for (const name of names) parent = childDirectory(parent, byteString(name));
    const made = make[line.charAt(0)];
    if (made === undefined) throw new Error(`no type: ${line}`);
    if (last !== undefined && !parent.children.has(byteString(last)))
      parent.children.set(byteString(last), made());
  }
  return root;
}

function childDirectory(parent: Directory, name: ByteString): Directory {
  const known = parent.children.get(name);
  if (known?.type === 'directory') return known;
  if (known !== undefined) throw new Error(`${name} is no directory`);
  const child = dir();
  parent.children.set(name, child);
  return child;
}
