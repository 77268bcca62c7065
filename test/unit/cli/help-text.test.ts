/** The help that is kept ready is the help that the parser would write. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { HELP_TEXT } from '../../../src/cli/help-text.ts';
import { createProgram } from '../../../src/cli/program.ts';
import { Runtime } from '../../../src/cli/runtime.ts';

const FILE = fileURLToPath(new URL('../../../src/cli/help-text.ts', import.meta.url));

async function parserHelp(): Promise<string> {
  const program = await createProgram(new Runtime(), []);
  let text = '';
  program.configureOutput({ writeOut: (part) => (text += part), getOutHelpWidth: () => 80 });
  program.outputHelp();
  return text;
}

function moduleOf(text: string): string {
  const literal = text
    .replaceAll('\\', '\\\\')
    .replaceAll('`', '\\`')
    .replaceAll('$' + '{', '\\$' + '{');
  return (
    '/** What `planish --help` prints, 80 columns wide. Made by its test: UPDATE_DOCS=1 writes it anew. */\n' +
    `export const HELP_TEXT = \`${literal}\`;\n`
  );
}

test('help is up to date', async () => {
  const help = await parserHelp();
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(FILE, moduleOf(help));
  else expect(HELP_TEXT).toBe(help);
});
