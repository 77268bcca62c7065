/** The matchers of policies against the regular expressions of this language, where both mean the same. */

import { expect, test } from 'vitest';
import { type CompiledRegex, compileForHost, compileForLibselinux } from '../../src/selinux/regex.ts';
import { RegexFault } from '../../src/selinux/regex-fault.ts';
import { RuleIndex } from '../../src/selinux/rule-index.ts';
import { StepBudget } from '../../src/selinux/step-budget.ts';
import { fc } from '../support/property.ts';
import { arbitraryPath, arbitraryRegex } from '../support/selinux-policies.ts';

/** What this language has no word for, in its own words. Lazy quantifiers and groups are the same. */
function translate(regex: string): string {
  return regex
    .replaceAll('[[:alnum:]_]', '[0-9A-Za-z_]')
    .replaceAll('[^[:alpha:]/]', '[^A-Za-z/]')
    .replaceAll('[]a]', '[\\]a]')
    .replaceAll('[^]a]', '[^\\]a]')
    .replaceAll('\\s', '[\\t\\n\\v\\f\\r ]')
    .replaceAll('\\A', '^')
    .replaceAll('\\z', '$');
}

/** The expressions that a text matches, by the index of rules. */
function matching(compiled: readonly CompiledRegex[], text: string): number[] {
  const index = new RuleIndex(compiled);
  return index.all(index.advance(index.start, text), text, () => true);
}

function expected(patterns: readonly RegExp[], text: string): number[] {
  return patterns.flatMap((pattern, number) => (pattern.test(text) ? [number] : [])).reverse();
}

test('hosts: many expressions at once match what each matches alone', () => {
  const regexes = fc.array(arbitraryRegex({ anchors: true }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(regexes, fc.array(arbitraryPath, { minLength: 1, maxLength: 4 }), (list, paths) => {
      const compiled = list.map((regex) => compileForHost(regex, '.'));
      const patterns = list.map((regex) => new RegExp(`^(?:${translate(regex)}).$`, 's'));
      for (const path of paths) {
        expect(matching(compiled, `${path}d`)).toEqual(expected(patterns, `${path}d`));
      }
    }),
    { numRuns: 400 },
  );
});

test('libselinux: the same, between bare anchors, where a newline may be left over', () => {
  const regexes = fc.array(arbitraryRegex(), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(regexes, fc.array(arbitraryPath, { minLength: 1, maxLength: 4 }), (list, paths) => {
      const compiled = list.map(compileForLibselinux);
      const patterns = list.map((regex) => new RegExp(`^${translate(regex)}(?=\\n?$)`, 's'));
      for (const path of paths) {
        const ours = matching(compiled, path);
        expect(ours).toEqual(expected(patterns, path));
      }
    }),
    { numRuns: 400 },
  );
});

test('the automaton and the backtracker are one', () => {
  const budget = new StepBudget();
  fc.assert(
    fc.property(arbitraryRegex(), arbitraryPath, (regex, path) => {
      const automaton = compileForHost(regex, '-');
      // A look-ahead for nothing keeps the expression from the automaton, and sends it to the other engine, to which
      // a newline is nothing that a dot matches.
      const backtracker = compileForHost(`(?=)(?:${regex})`, '-');
      expect(automaton.whole).toBeDefined();
      expect(backtracker.test).toBeDefined();
      const subject = `${path.replaceAll('\n', 'n')}-`;
      expect(backtracker.test?.(subject, budget)).toBe(matching([automaton], subject).length === 1);
    }),
    { numRuns: 1000 },
  );
});

test('any text is an expression, or a fault with a reason', () => {
  const character = fc.constantFrom(...'()[]{}*+?|\\^$.,-:=!<>&~#abdswxpQEPbBAzZkgN0129', '\xe9', '\xc3');
  fc.assert(
    fc.property(fc.array(character, { maxLength: 12 }), arbitraryPath, (characters, path) => {
      for (const compile of [compileForLibselinux, (text: string) => compileForHost(text, '.')]) {
        try {
          matching([compile(characters.join(''))], path);
        } catch (error) {
          expect(error).toBeInstanceOf(RegexFault);
        }
      }
    }),
    { numRuns: 5000 },
  );
});
