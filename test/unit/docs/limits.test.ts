/** docs/limits.md says what src/limits.ts says: value and comment of every limit. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { LIMITS } from '../../../src/limits.ts';
import { generatedPart, markdownTable, ROOT } from './page.ts';

/** The comment before each limit: the reason is written once, where the number is. */
function reasons(): Map<string, string> {
  const source = readFileSync(`${ROOT}src/limits.ts`, 'utf8');
  const found = source.matchAll(/\/\*\* ([^\n]*) \*\/\n {2}(\w+):/g);
  return new Map([...found].map(([, text, name]) => [name as string, text as string]));
}

function amount(value: number): string {
  const power = Math.log2(value);
  const plain = value.toLocaleString('en-US');
  return value > 65_536 && Number.isInteger(power) ? `${plain} (2^${power})` : plain;
}

test('limits.md lists every limit with its reason', () => {
  const known = reasons();
  expect([...known.keys()]).toEqual(Object.keys(LIMITS));
  const rows = Object.entries(LIMITS).map(([name, value]) => [
    `\`${name}\``,
    amount(value),
    known.get(name) ?? '',
  ]);
  const { actual, expected } = generatedPart(
    'docs/limits.md',
    markdownTable(['limit', 'value', 'what it bounds'], rows),
  );
  expect(actual).toBe(expected);
});
