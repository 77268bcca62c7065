/** Our reading in the words of `tar --list --verbose`, and the other way round what tools say. */
import { spawnSync } from 'node:child_process';
import type { TarEntry } from '../../src/tar/index.ts';

/** Whether a program runs with these arguments; said on standard error when it does not. */
export function findTool(name: string, args: readonly string[] = ['--version']): boolean {
  const found = spawnSync(name, args, { stdio: 'ignore' }).status === 0;
  if (!found) process.stderr.write(`skipped: tests that need "${[name, ...args].join(' ')}" to work\n`);
  return found;
}

/** Standard output of a program, one byte a character. Throws when it fails. */
export function run(name: string, args: readonly string[], cwd?: string): string {
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
  const result = spawnSync(name, args, { cwd, env, encoding: 'latin1', maxBuffer: 2 ** 30 });
  if (result.error !== undefined) throw result.error;
  if (result.status !== 0) throw new Error(`${name} ${args.join(' ')}: ${result.stderr}`);
  return result.stdout;
}

/** What GNU tar lists, a line an entry, runs of spaces as one. */
export function gnuList(file: string): string[] {
  const args = [
    '--list',
    '--verbose',
    '--numeric-owner',
    '--full-time',
    '--quoting-style=escape',
    '--file',
    file,
  ];
  return run('tar', args)
    .trimEnd()
    .split('\n')
    .map((line) => line.replace(/ +/g, ' '));
}

const LETTERS: Readonly<Record<TarEntry['type'], string>> = {
  regular: '-',
  directory: 'd',
  symlink: 'l',
  hardlink: 'h',
  character: 'c',
  block: 'b',
  fifo: 'p',
};

/** An entry as GNU tar lists it. */
export function listLine(entry: TarEntry): string {
  const isDevice = entry.type === 'character' || entry.type === 'block';
  const size = isDevice ? `${entry.major},${entry.minor}` : String(entry.size);
  const arrow = entry.type === 'symlink' ? ' -> ' : ' link to ';
  const target = entry.linkTarget === '' ? '' : `${arrow}${escapeName(entry.linkTarget)}`;
  const line = [
    `${LETTERS[entry.type]}${modeText(entry.mode)}`,
    `${entry.uid}/${entry.gid}`,
    size,
    timeText(entry),
    `${escapeName(entry.path)}${target}`,
  ].join(' ');
  return line.replace(/ +/g, ' ');
}

function modeText(mode: number): string {
  const text = [...'rwxrwxrwx'].map((letter, index) => ((mode & (0o400 >> index)) === 0 ? '-' : letter));
  const special = (bit: number, at: number, letter: string): void => {
    if ((mode & bit) !== 0) text[at] = text[at] === 'x' ? letter : letter.toUpperCase();
  };
  special(0o4000, 2, 's');
  special(0o2000, 5, 's');
  special(0o1000, 8, 't');
  return text.join('');
}

/** Before 1970 GNU tar shows a fraction as seconds towards zero: -1.25 as second -1 and .25. */
function timeText({ mtime }: TarEntry): string {
  const flip = mtime.sec < 0 && mtime.nsec > 0;
  const seconds = flip ? mtime.sec + 1 : mtime.sec;
  const nanoseconds = flip ? 1_000_000_000 - mtime.nsec : mtime.nsec;
  const [day, time] = new Date(seconds * 1000).toISOString().slice(0, -5).split('T');
  const fraction = nanoseconds === 0 ? '' : `.${String(nanoseconds).padStart(9, '0').replace(/0+$/, '')}`;
  return `${day} ${time}${fraction}`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

function escapeName(name: string): string {
  return name.replace(/[^\x20-\x5b\x5d-\x7e]/g, (character) => {
    const octal = character.charCodeAt(0).toString(8).padStart(3, '0');
    return ESCAPES[character] ?? `\\${octal}`;
  });
}
