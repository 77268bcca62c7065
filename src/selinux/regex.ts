/** Expressions of a policy, ready to be matched. */
import { PlanishError } from '../errors.ts';
import { matches } from './backtracker.ts';
import { NODE_MATCH, Program } from './program.ts';
import type { Dialect } from './regex-escape.ts';
import { RegexFault } from './regex-fault.ts';
import { wholeTextTree } from './regex-normal.ts';
import { parseRegex } from './regex-parse.ts';
import type { RegexTree } from './regex-tree.ts';
import type { StepBudget } from './step-budget.ts';

/**
 * `whole`: a tree for the automaton that must match the whole text. Otherwise `test` searches the text as the engine
 * would.
 */
export type CompiledRegex =
  | { readonly whole: RegexTree; readonly test?: never }
  | { readonly whole?: never; readonly test: (text: string, budget: StepBudget) => boolean };

/** States of one expression that only the backtracker can match. */
const BACKTRACKER_STATES = 16_384;

/**
 * An expression as libselinux compiles it: between `^` and `$`, by PCRE2 in bytes, where `.` matches a newline too and
 * a branch of its own is searched for anywhere. Throws a {@link RegexFault}, `LIMIT_EXCEEDED`.
 */
export function compileForLibselinux(regex: string): CompiledRegex {
  return compile(`^${regex}$`, 'pcre2', { dotAll: true, anchored: false });
}

/**
 * An expression as composefs-rs compiles it: with the letter of the type behind it, by the regex crate in bytes, or by
 * PCRE2 where the crate refuses it. Throws a {@link RegexFault}, `LIMIT_EXCEEDED`.
 */
export function compileForHost(regex: string, type: string): CompiledRegex {
  const text = `^(${regex})${type}$`;
  try {
    return compile(text, 'rust', { dotAll: true, anchored: true });
  } catch (error) {
    if (!(error instanceof RegexFault) || error.reason !== 'syntax') throw error;
    return compile(text, 'pcre2', { dotAll: false, anchored: false });
  }
}

function compile(
  text: string,
  dialect: Dialect,
  { dotAll, anchored }: { dotAll: boolean; anchored: boolean },
): CompiledRegex {
  const tree = parseRegex(text, { dialect, dotAll });
  const whole = wholeTextTree(tree, anchored);
  if (whole !== undefined) return { whole };
  const program = new Program(BACKTRACKER_STATES);
  const entry = program.emit(tree, program.add(NODE_MATCH, 0, 0));
  return { test: (subject, budget) => matches(program, entry, subject, { anchored, budget }) };
}

/** Says of a fault where it lies; other errors stay as they are. Bounds and escapes what it repeats. */
export function regexError(error: unknown, regex: string, where: { path: string; line: number }): unknown {
  if (!(error instanceof RegexFault)) return error;
  const shown = regex.length > 200 ? `${regex.slice(0, 200)}…` : regex;
  const message = `the regular expression "${printable(shown)}" cannot be used: ${printable(error.message)}`;
  return new PlanishError('SELINUX_BAD_POLICY', message, where);
}

/** Backslashes stay: an expression is full of them, and has the same meaning with other bytes escaped. */
function printable(text: string): string {
  return text.replace(
    /[^\x20-\x7e…]/g,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
