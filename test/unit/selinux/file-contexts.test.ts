/** Lines that the readings take and refuse; what the programs themselves do is in test/interop. */
import { describe, expect, test } from 'vitest';
import { PlanishError } from '../../../src/errors.ts';
import { LIMITS } from '../../../src/limits.ts';
import type { LabelMode } from '../../../src/selinux/file-contexts.ts';
import { FILES, type PolicyTexts, policyOf } from '../../support/selinux-policies.ts';

/** The error of a policy as `CODE file:line`. */
function refusal(texts: PolicyTexts, mode: LabelMode): string | undefined {
  try {
    policyOf(texts, mode);
    return undefined;
  } catch (error) {
    if (!(error instanceof PlanishError)) throw error;
    return `${error.code} ${error.detail.path?.slice(FILES.length + 1)}:${error.detail.line}`;
  }
}

test('rules know where they stand', () => {
  const texts = { contexts: '\n/a x:a\r\n# /b\n/c\t-d  x:c', local: '/d -- x:d\n', homedirs: '/e+ x:e\n' };
  const rows = (mode: LabelMode): unknown[] =>
    policyOf(texts, mode).rules.map(({ path, line, regex, type, context }) => [
      path.slice(FILES.length + 1),
      line,
      regex,
      type,
      context,
    ]);
  const [a, c, d, e] = [
    ['file_contexts', 2, '/a', undefined, 'x:a'],
    ['file_contexts', 4, '/c', 'd', 'x:c'],
    ['file_contexts.local', 1, '/d', '-', 'x:d'],
    ['file_contexts.homedirs', 1, '/e+', undefined, 'x:e'],
  ];
  expect(rows('host')).toEqual([a, c, d, e]);
  expect(rows('libselinux')).toEqual([e, a, c, d]);
});

describe('lines', () => {
  test.each<[string, string | undefined, string | undefined]>([
    ['/a\n', 'SELINUX_BAD_POLICY file_contexts:2', 'SELINUX_BAD_POLICY file_contexts:2'],
    ['/a -d\n', 'SELINUX_BAD_POLICY file_contexts:2', undefined],
    ['/a -x x:a\n', 'SELINUX_BAD_POLICY file_contexts:2', 'SELINUX_BAD_POLICY file_contexts:2'],
    ['/a x:a more\n', 'SELINUX_BAD_POLICY file_contexts:2', 'SELINUX_BAD_POLICY file_contexts:2'],
    ['/a -d x:a more\n', 'SELINUX_BAD_POLICY file_contexts:2', undefined],
    ['/\xc3\xa9 x:a\n', undefined, 'SELINUX_BAD_POLICY file_contexts:2'],
    ['/\xff x:a\n', 'SELINUX_BAD_POLICY file_contexts:2', 'SELINUX_BAD_POLICY file_contexts:2'],
    ['# \xff\n', 'SELINUX_BAD_POLICY file_contexts:2', undefined],
    ['/a x:a\0more\n', undefined, undefined],
    ['/a** x:a\n', undefined, 'SELINUX_BAD_POLICY file_contexts:2'],
    ['/(a x:a\n', 'SELINUX_BAD_POLICY file_contexts:2', 'SELINUX_BAD_POLICY file_contexts:2'],
    ['/a\\ x:a\n', 'SELINUX_BAD_POLICY file_contexts:2', undefined],
    ['/a)|(b x:a\n', undefined, 'SELINUX_BAD_POLICY file_contexts:2'],
  ])('%j', (line, host, libselinux) => {
    const texts = { contexts: `/first x:first\n${line}` };
    expect([refusal(texts, 'host'), refusal(texts, 'libselinux')]).toEqual([host, libselinux]);
  });

  test.each<[string, string | undefined, string | undefined]>([
    ['/a\n', 'SELINUX_BAD_POLICY file_contexts.subs:1', undefined],
    ['/a /b /c\n', 'SELINUX_BAD_POLICY file_contexts.subs:1', undefined],
    [`/a /${'b'.repeat(1022)}\n`, undefined, 'SELINUX_BAD_POLICY file_contexts.subs:1'],
  ])('substitutions: %j', (subs, host, libselinux) => {
    const texts = { contexts: '', subs };
    expect([refusal(texts, 'host'), refusal(texts, 'libselinux')]).toEqual([host, libselinux]);
  });
});

test('what is read by an engine and not modelled is refused by name', () => {
  const names = (regex: string, mode: LabelMode): string => {
    try {
      policyOf(`${regex} x:a\n`, mode);
      return 'taken';
    } catch (error) {
      return (error as PlanishError).message.replace(/^.*cannot be used: /, '');
    }
  };
  const messages = [
    '(?i)a',
    '(?<n>a)',
    '(a)\\1',
    '\\p{L}',
    '\\x{41}',
    '(*FAIL)',
    'a{,2}',
    '[a[b]]',
    '[a&&b]',
    '\\<a',
  ].map((regex) => [regex, names(`/${regex}`, 'host'), names(`/${regex}`, 'libselinux')]);
  expect(messages).toEqual([
    [
      '(?i)a',
      'a group that begins with "(?i" is not supported',
      'a group that begins with "(?i" is not supported',
    ],
    [
      '(?<n>a)',
      'a group that begins with "(?<" is not supported',
      'a group that begins with "(?<" is not supported',
    ],
    ['(a)\\1', 'the escape \\1 is not supported', 'the escape \\1 is not supported'],
    ['\\p{L}', 'the escape \\p is not supported', 'the escape \\p is not supported'],
    ['\\x{41}', 'the escape \\x{…} is not supported', 'the escape \\x{…} is not supported'],
    ['(*FAIL)', 'a verb in parentheses is not supported', 'a verb in parentheses is not supported'],
    [
      'a{,2}',
      'a count without a lower bound is not supported',
      'a count without a lower bound is not supported',
    ],
    ['[a[b]]', 'a bracket within a bracket is not supported', 'taken'],
    ['[a&&b]', '"&&" within a bracket is not supported', 'taken'],
    ['\\<a', 'the word boundary \\< is not supported', 'taken'],
  ]);
});

test('a message holds no control characters of the policy', () => {
  expect(() => policyOf('/\x1b[31m( x:a\n', 'host')).toThrow(/"\/\\x1b\[31m\(" cannot be used/);
});

test('rules are counted', () => {
  const contexts = '/a x:a\n'.repeat(LIMITS.selinuxRules + 1);
  expect(() => policyOf(contexts, 'host')).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
});
