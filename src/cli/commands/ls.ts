/** `planish ls SOURCE [PATH]` */
import { Command, Option } from 'commander';
import type { LsEntry } from '../../ops/look/ls.ts';
import { addSourceOptions, type ParsedSourceOptions, sourceOptions } from '../options.ts';
import type { Runtime } from '../runtime.ts';

interface ParsedOptions extends ParsedSourceOptions {
  readonly recursive?: boolean;
  readonly long?: boolean;
  readonly digests?: boolean;
}

const EXAMPLES = `
Examples:
  $ planish ls oci:app:latest /usr/bin
  $ planish ls -lR image.erofs /etc
  $ planish ls -lR tar:root.tar /usr/lib
  $ planish --json ls --digests oci:app:latest /usr/lib

Contents are read for --digests only: without it layers are decompressed and held to their digests, and of a tar that is
not compressed nothing but headers is read.`;

/** Defines the verb. */
export function addLs(program: Command, runtime: Runtime): Command {
  const command = new Command('ls')
    .description('list what an image or EROFS file holds')
    .argument('<source>', 'an image, tar, directory, dumpfile or EROFS image')
    .argument('[path]', 'where to look', '/')
    .addOption(new Option('-R, --recursive', 'everything below the path'))
    .addOption(new Option('-l, --long', 'type, mode, links, owner, size and time'))
    .addOption(new Option('--digests', 'fs-verity digests of contents'))
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, path: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<ParsedOptions>();
      const { ls } = await import('../../ops/look/ls.ts');
      const { recursive, digests } = parsed;
      const result = await ls(source, { ...sourceOptions(runtime, parsed), path, recursive, digests });
      runtime.output.json(result);
      const show = parsed.long === true ? longFormat() : (entry: LsEntry) => entry.path;
      const lines = result.entries.map((entry) => withDigest(show(entry), entry, digests === true));
      if (lines.length > 0) runtime.output.print(lines.join('\n'));
    });
  program.addCommand(addSourceOptions(command));
  return command;
}

function withDigest(line: string, entry: LsEntry, wanted: boolean): string {
  return wanted ? `${entry.verity ?? '-'}  ${line}` : line;
}

const TYPE_LETTERS: Readonly<Record<LsEntry['type'], string>> = {
  regular: '-',
  directory: 'd',
  symlink: 'l',
  character: 'c',
  block: 'b',
  fifo: 'p',
  socket: 's',
};

/** Lines as `ls -l` has them. Thousands of files share modes and times, whose texts are made once. */
function longFormat(): (entry: LsEntry) => string {
  const modes = new Map<string, string>();
  const times = new Map<number, string>();
  return (entry) => {
    const { type, mode, mtime } = entry;
    const owner = `${entry.uid}:${entry.gid}`.padEnd(11);
    const size = (entry.device ?? String(entry.size)).padStart(12);
    const text = once(modes, `${type} ${mode}`, () => modeText(entry));
    const time = once(times, mtime.sec, () => timeText(mtime.sec));
    return `${text} ${String(entry.links).padStart(3)} ${owner} ${size} ${time} ${entry.path}${suffix(entry)}`;
  };
}

function once<K>(known: Map<K, string>, key: K, make: () => string): string {
  const text = known.get(key) ?? make();
  known.set(key, text);
  return text;
}

function suffix(entry: LsEntry): string {
  const parts = [];
  if (entry.target !== undefined) parts.push(` -> ${entry.target}`);
  if (entry.hardLinkTo !== undefined) parts.push(` = ${entry.hardLinkTo}`);
  if (entry.xattrs !== undefined) parts.push(`  [${Object.keys(entry.xattrs).join(' ')}]`);
  return parts.join('');
}

/** `drwxr-sr-t` as ls(1) writes it. */
function modeText({ type, mode }: LsEntry): string {
  const letters = [...'rwxrwxrwx'].map((letter, bit) => ((mode >> (8 - bit)) & 1 ? letter : '-'));
  const special = [
    [0o4000, 2, 's'],
    [0o2000, 5, 's'],
    [0o1000, 8, 't'],
  ] as const;
  for (const [bit, place, letter] of special) {
    if ((mode & bit) !== 0) letters[place] = letters[place] === 'x' ? letter : letter.toUpperCase();
  }
  return TYPE_LETTERS[type] + letters.join('');
}

const MAX_DATE_SECONDS = 8.64e12;

/** UTC; seconds where the calendar ends. */
function timeText(seconds: number): string {
  if (Math.abs(seconds) > MAX_DATE_SECONDS) return `@${seconds}`;
  return new Date(seconds * 1000).toISOString().slice(0, 16).replace('T', ' ');
}
