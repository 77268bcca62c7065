/**
 * The one table of lint rules, put together by subject. Adding a rule is adding a row, a section to `docs/lint.md` and
 * a fixture to `test/unit/lint`; tests hold the three together.
 */
import { BOOT_RULES } from './boot-rules.ts';
import { LAYER_RULES } from './layer-rules.ts';
import type { Finding, FindingPlace, LintRule } from './rule.ts';
import { TREE_RULES } from './tree-rules.ts';

/** Every rule by its identifier, in the order in which findings are told. */
export const LINT_RULES = { ...LAYER_RULES, ...TREE_RULES, ...BOOT_RULES } as const;

/** Identifier of a rule. */
export type RuleId = keyof typeof LINT_RULES;

/** All identifiers, in the order of the table. */
export const RULE_IDS = Object.keys(LINT_RULES) as readonly RuleId[];

/** Whether a text is the identifier of a rule. */
export function isRuleId(text: string): text is RuleId {
  return Object.hasOwn(LINT_RULES, text);
}

/** Page of a rule in the documentation, relative to the root of the project. */
export function rulePage(id: RuleId): string {
  return `docs/lint.md#${id}`;
}

/** A finding of a rule. */
export function finding(id: RuleId, message: string, place: FindingPlace = {}): Finding {
  const { severity, hint, ...rest }: LintRule = LINT_RULES[id];
  return {
    rule: id,
    severity,
    message,
    ...place,
    count: place.count ?? 1,
    hint,
    fixable: rest.fix !== undefined,
  };
}
