/** What pages show is what is printed. `UPDATE_DOCS=1` writes it into the pages instead. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../support/cli.ts';
import { hasTool } from '../support/composefs-tools.ts';
import { comparable, openShell, rewritePage, stepsOf, withoutTimes } from '../support/transcript.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const canServe = ['curl', 'python3'].every((tool) => hasTool(tool, 'docs/guides/updates-over-http.md'));
const pages = [
  'README.md',
  'docs/guides/verifying.md',
  'docs/guides/emitting.md',
  ...(canServe ? ['docs/guides/updates-over-http.md'] : []),
].map((name) => ({ name, directory: temporaryDirectory() }));

test.each(pages)('$name shows what is printed', ({ name, directory }) => {
  const file = `${ROOT}/${name}`;
  const page = readFileSync(file, 'utf8');
  const run = openShell(directory);
  if (process.env['UPDATE_DOCS'] === '1') return writeFileSync(file, rewritePage(page, run));
  const steps = stepsOf(page);
  expect(steps.length).toBeGreaterThan(0);
  for (const { command, shown } of steps) {
    expect(`$ ${command}\n${comparable(run(command), shown)}`).toBe(`$ ${command}\n${withoutTimes(shown)}`);
  }
});
