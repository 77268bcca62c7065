/** Every `planish …` command that the documentation shows exists: its verb, its options and their values. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { createProgram } from '../../../src/cli/program.ts';
import { Runtime } from '../../../src/cli/runtime.ts';
import { VERBS } from '../../../src/cli/verbs.ts';
import { ROOT } from './page.ts';

interface Shown {
  readonly page: string;
  readonly line: number;
  readonly words: readonly string[];
}

function pages(): string[] {
  const found = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' });
  const docs = found.filter((name) => name.endsWith('.md')).map((name) => join('docs', name));
  return ['README.md', 'CONTRIBUTING.md', ...docs.sort()];
}

/** A shell line as words: quotes are removed, a redirection ends it. Enough for what documentation shows. */
function splitWords(command: string): string[] {
  const words = [...command.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)].map(([word]) => word);
  const end = words.findIndex((word) => /^[0-9]*[<>]/.test(word));
  return (end < 0 ? words : words.slice(0, end)).map((word) => word.replace(/['"]/g, ''));
}

/** Commands of a line of a transcript, between pipes and `&&`, variables before the program left out. */
function commandsOf(page: string, text: string, line: number): Shown[] {
  const shell = /^\s*\$ (.*)$/.exec(text)?.[1];
  if (shell === undefined) return [];
  return shell
    .replace(/\s#.*$/, '')
    .split(/\s(?:\||&&|;)\s/)
    .map((part) => splitWords(part).filter((word, at) => at > 0 || word !== ''))
    .map((words) => words.slice(words.findIndex((word) => !/^[A-Z_]+=/.test(word))))
    .filter(([program]) => program === 'planish')
    .map((words) => ({ page, line, words: words.slice(1) }));
}

function shownCommands(): Shown[] {
  return pages().flatMap((page) =>
    readFileSync(join(ROOT, page), 'utf8')
      .split('\n')
      .flatMap((text, index) => commandsOf(page, text, index + 1)),
  );
}

/** The program with verbs that do nothing. */
async function dryProgram(): Promise<Command> {
  const names = VERBS.map(({ name }) => name);
  const program = await createProgram(new Runtime(), names);
  const verbs = program.commands.flatMap((verb) => (verb.commands.length > 0 ? verb.commands : [verb]));
  for (const command of [program, ...program.commands, ...verbs])
    command.configureOutput({ writeErr: () => undefined });
  for (const verb of verbs) verb.action(() => undefined);
  return program;
}

/** What the parser of the command line has against these words. */
async function complaint(words: readonly string[]): Promise<string | undefined> {
  const program = await dryProgram();
  try {
    program.parse(words, { from: 'user' });
    return undefined;
  } catch (error) {
    if (error instanceof CommanderError) return error.message;
    throw error;
  }
}

describe('commands in the documentation', () => {
  const shown = shownCommands();

  test('are found', () => {
    const verbs = new Set(shown.map(({ words }) => words.find((word) => !word.startsWith('-'))));
    const wanted = ['build', 'digest', 'dump', 'inspect', 'mkfs', 'verify'];
    expect(wanted.filter((verb) => !verbs.has(verb))).toEqual([]);
  });

  test('would be noticed if they were wrong', async () => {
    expect(await complaint(['build', 'oci:a', '-o', 'oci:b'])).toBeUndefined();
    expect(await complaint(['buidl', 'oci:a'])).toContain('buidl');
    expect(await complaint(['build', 'oci:a', '-o', 'oci:b', '--fast'])).toContain('--fast');
    expect(await complaint(['digest', 'oci:a', '--format', 'v3'])).toContain('v3');
    expect(await complaint(['build', 'oci:a'])).toContain('--output');
    expect(await complaint(['digest', 'oci:a', 'oci:b'])).toContain('too many arguments');
  });

  test.each(shown.map(({ page, line, words }) => [`${page}:${line}`, words.join(' '), words] as const))(
    '%s: planish %s',
    async (_place, _text, words) => {
      expect(await complaint(words)).toBeUndefined();
    },
  );
});
