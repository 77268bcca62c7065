/** docs/lint.md has a section for every rule, in the order of the table, and says what the table says. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { LintRule } from '../../../src/lint/rule.ts';
import { LINT_RULES, RULE_IDS } from '../../../src/lint/rules.ts';
import { generatedPart, markdownTable, ROOT } from './page.ts';

const page = readFileSync(`${ROOT}docs/lint.md`, 'utf8');
const sections = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((text) => [
      text.slice(0, text.indexOf('\n')),
      text
        .slice(text.indexOf('\n') + 1)
        .trim()
        .split('\n\n'),
    ]),
);

const SCOPES = { any: 'all images', bootable: 'images that boot' } as const;

function rule(id: keyof typeof LINT_RULES): LintRule {
  return LINT_RULES[id];
}

test('every rule has a section, in the order of the table', () => {
  expect([...sections.keys()]).toEqual(RULE_IDS);
});

describe('a section says what the table says, and why', () => {
  test.each(RULE_IDS)('%s', (id) => {
    const { title, severity, scope, hint, fix } = rule(id);
    const [head, why = '', mend] = sections.get(id) ?? [];
    const word = severity.charAt(0).toUpperCase() + severity.slice(1);
    expect(head).toBe(`**${title}** ${word}, ${SCOPES[scope]}.`);
    expect(why.length).toBeGreaterThan(40);
    expect(mend).toBe(`- Mend: ${hint}.\n- \`build\`: ${fix ?? 'cannot mend it'}.`);
  });
});

test('links within the page lead somewhere', () => {
  const targets = [...page.matchAll(/\]\(#([^)]*)\)/g)].map(([, target]) => target);
  expect(targets.filter((target) => !sections.has(target ?? ''))).toEqual([]);
});

test('the overview lists every rule', () => {
  const rows = RULE_IDS.map((id) => {
    const { severity, scope, title, fix } = rule(id);
    return [`[${id}](#${id})`, severity, SCOPES[scope], fix === undefined ? '' : 'yes', title];
  });
  const table = markdownTable(['rule', 'severity', 'held against', 'mended by `build`', 'what'], rows);
  const { actual, expected } = generatedPart('docs/lint.md', table);
  expect(actual).toBe(expected);
});
