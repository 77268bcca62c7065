/** The page on explanations has the tables of variables and causes. */
import { expect, test } from 'vitest';
import { CAUSES } from '../../../src/explain/causes.ts';
import { CHOICES, VARIABLES, type VariableId } from '../../../src/explain/variables.ts';
import { generatedPart, markdownTable } from './page.ts';

function variableRows(): string[][] {
  return (Object.keys(VARIABLES) as VariableId[]).flatMap((variable) =>
    CHOICES.filter((choice) => choice.variable === variable).map(({ value, means }, index) => [
      index === 0 ? `\`${variable}\`: ${VARIABLES[variable]}` : '',
      `\`${value}\``,
      means,
    ]),
  );
}

test('docs/explain.md has the tables of the code', () => {
  const causes = Object.entries(CAUSES).map(([cause, title]) => [`\`${cause}\``, title]);
  const table = [
    'What is tried:\n\n',
    markdownTable(['variable', 'value', 'means'], variableRows()),
    '\nWhat no setting accounts for:\n\n',
    markdownTable(['cause', 'differ in'], causes),
  ].join('');
  const { actual, expected } = generatedPart('docs/explain.md', table);
  expect(actual).toBe(expected);
});
