/**
 * Tables of documentation pages that are made from tables of code: between two markers stands what is generated, all
 * else is written by hand. With `UPDATE_DOCS=1` in the environment a page is rewritten instead of compared.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

const BEGIN =
  '<!-- generated: UPDATE_DOCS=1 npx vitest run --config test/vitest.config.ts test/unit/docs -->\n';
const END = '<!-- end of generated -->';

/** What stands between the markers of a page, and what should. With `UPDATE_DOCS` both are what should. */
export function generatedPart(page: string, expected: string): { actual: string; expected: string } {
  const file = `${ROOT}${page}`;
  const text = readFileSync(file, 'utf8');
  const start = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (start < 0 || end < start) throw new Error(`${page} lacks the markers of a generated part`);
  const from = start + BEGIN.length;
  if (process.env['UPDATE_DOCS'] !== '1') return { actual: text.slice(from, end), expected };
  writeFileSync(file, text.slice(0, from) + expected + text.slice(end));
  return { actual: expected, expected };
}

/** A table in Markdown, pipes escaped. */
export function markdownTable(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
  const rule = `|${titles.map(() => '---').join('|')}|\n`;
  return [line(titles), rule, ...rows.map(line)].join('');
}
