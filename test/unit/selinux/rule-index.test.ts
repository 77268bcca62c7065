/** The automaton at its bounds: tables that overflow, expressions made to hang or to fill memory. */
import { describe, expect, test } from 'vitest';
import { LIMITS } from '../../../src/limits.ts';
import { compileForHost, compileForLibselinux } from '../../../src/selinux/regex.ts';
import { RuleIndex } from '../../../src/selinux/rule-index.ts';
import { StepBudget } from '../../../src/selinux/step-budget.ts';
import { policyOf } from '../../support/selinux-policies.ts';

function indexOf(...regexes: string[]): RuleIndex {
  return new RuleIndex(regexes.map((regex) => compileForHost(regex, '.')));
}

function best(index: RuleIndex, text: string, accepts: (rule: number) => boolean = () => true): number {
  return index.best(index.advance(index.start, text), text, accepts);
}

test('the last rule that passes the filter decides', () => {
  const index = indexOf('/a.*', '/ab', '/(?=a).b.*', '/abc');
  expect([best(index, '/abd'), best(index, '/abcd'), best(index, '/acd'), best(index, '/bd')]).toEqual([
    2, 3, 0, -1,
  ]);
  expect(best(index, '/abcd', (rule) => rule < 3)).toBe(2);
  expect(best(index, '/abcd', (rule) => rule < 2)).toBe(0);
  expect(index.all(index.advance(index.start, '/abcd'), '/abcd', (rule) => rule !== 1)).toEqual([3, 2, 0]);
});

test('text may come in pieces', () => {
  const index = indexOf('/usr(/.*)?', '/usr/bin/.*');
  const usr = index.advance(index.start, '/usr');
  const below = index.advance(usr, '/');
  expect(index.best(index.advance(usr, 'd'), '/usrd', () => true)).toBe(0);
  expect(index.best(index.advance(below, 'bin/ad'), '/usr/bin/ad', () => true)).toBe(1);
  expect(index.advance(index.start, '/usr/')).toBe(below);
});

test('states that overflow their table are made again, and are right', () => {
  // The automaton has a state for every pattern of a and b among the last 16 bytes: 65,536, four times what is kept.
  const index = indexOf('.*a.{15}');
  const held = index.advance(index.start, '/bbab');
  let seed = 1;
  for (let round = 0; round < 20_000; round++) {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    const text = [...seed.toString(2).padStart(32, '0')].map((bit) => (bit === '0' ? 'a' : 'b')).join('');
    expect(best(index, `${text}-`)).toBe(text.charAt(16) === 'a' ? 0 : -1);
  }
  const rest = `${'b'.repeat(14)}-`;
  expect(index.best(index.advance(held, rest), `/bbab${rest}`, () => true)).toBe(0);
  expect(index.best(index.advance(held, `b${rest}`), `/bbabb${rest}`, () => true)).toBe(-1);
});

describe('hostile expressions', () => {
  const limit = (name: string) =>
    expect.objectContaining({ code: 'LIMIT_EXCEEDED', detail: { limit: name } });

  test.each(['((a{1000}){1000}){1000}', '(a?){4000000}', '([ab]{60000}){60000}', '(a|b){1,2000000}'])(
    'cost no memory: %s',
    (regex) => {
      expect(() => indexOf(`/${regex}`)).toThrow(limit('selinuxStates'));
    },
  );

  test.each(['(){4294967295}', '((){4000000}){4000000}', '(|){1000}', '(()*)*', '(a*)*', '((a*)*)*{2}'])(
    'mean something: %s',
    (regex) => {
      expect(best(indexOf(`/${regex}b`), '/b-')).toBe(0);
      expect(best(indexOf(`/${regex}b`), '/c-')).toBe(-1);
    },
  );

  test.each(['(a*)*b', '(a|a)*b', '(a|aa)+b', '(.*a){20}b', '(a+)+(a+)+b'])('cost no time: %s', (regex) => {
    const text = `/${'a'.repeat(4000)}-`;
    expect(best(indexOf(`/${regex}`), text)).toBe(-1);
    const budget = new StepBudget(2 ** 22);
    expect(compileForHost(`(?=/)/${regex}`, '.').test?.(text, budget)).toBe(false);
  });

  test('steps are counted where nothing else bounds them', () => {
    const text = `/${'a'.repeat(4000)}`;
    const nested = compileForLibselinux('/(?=(?>(a*)*)b|(?=a*b)).*');
    expect(() => nested.test?.(text, new StepBudget(1000))).toThrow(limit('selinuxSteps'));
    const rules = Array.from({ length: 100 }, (_, at) => compileForHost(`.*${at}.*`, '.'));
    const index = new RuleIndex(rules, new StepBudget(5000));
    expect(() => {
      for (let at = 0; at < 1000; at++) index.advance(index.start, String(at * 7919));
    }).toThrow(limit('selinuxSteps'));
  });

  test('depth is bounded', () => {
    for (const mode of ['host', 'libselinux'] as const) {
      for (const [open, close] of [
        ['(', ')'],
        ['(?=', ')'],
        ['(', ')*'],
      ] as const) {
        const regex = `/${open.repeat(100_000)}a${close.repeat(100_000)}`;
        expect(() => policyOf(`${regex} x:a\n`, mode)).toThrow(
          expect.objectContaining({ code: 'SELINUX_BAD_POLICY' }),
        );
      }
    }
    expect(best(indexOf(`/${'('.repeat(200)}a${')*'.repeat(200)}`), '/aa-')).toBe(0);
  });

  test('a count of rules with long literals is bounded too', () => {
    const long = 'x'.repeat(LIMITS.selinuxStates / 4);
    const regexes = ['a', 'b', 'c', 'd'].map((letter) => `/${letter}${long}`);
    expect(() => indexOf(...regexes)).toThrow(limit('selinuxStates'));
    expect(best(indexOf(regexes[0] as string), `/a${long}-`)).toBe(0);
  });
});
