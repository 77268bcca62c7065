/** docs/errors.md and docs/warnings.md say what the tables say. */
import { expect, test } from 'vitest';
import { ERROR_TABLE, EXIT_STATUS } from '../../../src/errors.ts';
import { WARNING_TABLE } from '../../../src/warnings.ts';
import { generatedPart, markdownTable } from './page.ts';

test('errors.md lists every error', () => {
  const rows = Object.entries(ERROR_TABLE).map(([code, [kind, meaning]]) => [
    `\`${code}\``,
    kind,
    String(EXIT_STATUS[kind]),
    meaning,
  ]);
  const { actual, expected } = generatedPart(
    'docs/errors.md',
    markdownTable(['code', 'kind', 'exit status', 'meaning'], rows),
  );
  expect(actual).toBe(expected);
});

test('warnings.md lists every warning', () => {
  const rows = Object.entries(WARNING_TABLE).map(([code, meaning]) => [`\`${code}\``, meaning]);
  const { actual, expected } = generatedPart('docs/warnings.md', markdownTable(['code', 'meaning'], rows));
  expect(actual).toBe(expected);
});
