/** Every row of the parser table against the three parsers it speaks of, and the images they make of what they take. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { parseDumpfile } from '../../src/dumpfile/parse.ts';
import { automaticVersion } from '../../src/erofs/collect.ts';
import { encodeImage } from '../../src/erofs/writer.ts';
import { PARSER_TABLE, type ParserRow } from '../unit/dumpfile/parser-table.ts';

const scratch = mkdtempSync(join(tmpdir(), 'planish-parsers-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function has(program: string): boolean {
  const found = spawnSync(program, ['--help']).error === undefined;
  if (!found)
    process.stderr.write(`skipped: ${program} is not on PATH, so its dumpfile parser is not compared\n`);
  return found;
}

const input = ({ text }: ParserRow): Uint8Array =>
  typeof text === 'string' ? Buffer.from(text, 'latin1') : text;

/** The image that a program makes of a text, or `undefined` where it refuses it. */
function imageOf(row: ParserRow, program: string, args: string[], env = {}): Uint8Array | undefined {
  const file = join(scratch, 'image');
  rmSync(file, { force: true });
  const command = [...args, '--from-file', '-', file];
  const run = spawnSync(program, command, { input: input(row), env: { ...process.env, ...env } });
  return run.status === 0 ? readFileSync(file) : undefined;
}

describe.skipIf(!has('mkcomposefs'))('mkcomposefs', () => {
  test.for(PARSER_TABLE)('$name', (row) => {
    const image = imageOf(row, 'mkcomposefs', []);
    const strict = imageOf(row, 'mkcomposefs', [], { CFS_PARSE_STRICT: '1' });
    expect([image !== undefined, strict !== undefined]).toEqual([row.c, row.cStrict]);
    if (!row.lenient || image === undefined) return;
    const { root, facts } = parseDumpfile(input(row));
    const options = { version: automaticVersion(root), algorithm: 'sha256', dialect: 'c', facts } as const;
    expect(Buffer.compare(encodeImage(root, options), image)).toBe(0);
  });
});

describe.skipIf(!has('cfsctl'))('cfsctl mkcomposefs', () => {
  test.for(PARSER_TABLE)('$name', (row) => {
    const image = imageOf(row, 'cfsctl', ['mkcomposefs', '--min-version=1']);
    expect(image !== undefined).toBe(row.rs);
    if (!row.strict || image === undefined) return;
    const { root } = parseDumpfile(input(row), { strict: true });
    const options = { version: 1, algorithm: 'sha256', dialect: 'rs' } as const;
    expect(Buffer.compare(encodeImage(root, options), image)).toBe(0);
  });
});
