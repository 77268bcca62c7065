/** `planish cache ls|prune|verify` */
import { Command, Option } from 'commander';
import type { CacheListResult } from '../../ops/cache.ts';
import { cacheDirectory } from '../cache-directory.ts';
import { formatBytes, formatCount, formatTable } from '../format.ts';
import { commonOptions, parseSize } from '../options.ts';
import type { GlobalOptions, Runtime } from '../runtime.ts';

interface ParsedOptions extends GlobalOptions {
  readonly cache?: string;
  readonly maxSize?: number;
}

const EXAMPLES = `
Examples:
  $ planish cache ls
  $ planish cache prune --max-size 200M
  $ planish cache verify --cache build-cache

The cache holds what reading layers yielded, by their digests: entries and fs-verity digests, no contents but package
databases. It may be removed at any time.`;

/** Defines the verb and its own verbs. */
export function addCache(program: Command, runtime: Runtime): Command {
  const command = new Command('cache')
    .description('look after the cache of layers that were read before')
    .addHelpText('after', EXAMPLES);
  add(command, 'ls', 'list its files, those used last first', runtime, list);
  add(command, 'prune', 'remove what was used longest ago', runtime, prune).addOption(
    new Option('--max-size <size>', 'bytes that may stay: 0, 200M, 2G (default: 1 GiB)').argParser(parseSize),
  );
  add(command, 'verify', 'read every file as a run would; exit status 1 if any is damaged', runtime, verify);
  program.addCommand(command);
  return command;
}

type Run = (directory: string, parsed: ParsedOptions, runtime: Runtime) => Promise<void>;

function add(parent: Command, name: string, description: string, runtime: Runtime, run: Run): Command {
  return parent
    .command(name)
    .description(description)
    .addOption(cacheOption())
    .addHelpText('after', `\nExamples:\n  $ planish cache ${name}`)
    .action(async (_: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<ParsedOptions>();
      commonOptions(runtime, parsed);
      const directory = cacheDirectory(parsed, process.env);
      if (directory === undefined) runtime.output.note('planish: there is no cache; --cache names one');
      else await run(directory, parsed, runtime);
    });
}

function cacheOption(): Option {
  return new Option('--cache <dir>', 'the cache (default: PLANISH_CACHE, else ~/.cache/planish)');
}

async function list(directory: string, _: ParsedOptions, { output }: Runtime): Promise<void> {
  const { cacheList } = await import('../../ops/cache.ts');
  const result = cacheList(directory);
  output.json(result);
  const rows = result.files.map(({ name, size, used }) => [formatBytes(size), time(used), name]);
  const columns = [{ title: 'SIZE', align: 'right' }, { title: 'USED' }, { title: 'NAME' }] as const;
  if (rows.length > 0) output.print(formatTable(columns, rows));
  output.print(total(result));
}

async function prune(directory: string, { maxSize }: ParsedOptions, { output }: Runtime): Promise<void> {
  const { cachePrune } = await import('../../ops/cache.ts');
  const result = cachePrune(directory, maxSize);
  output.json(result);
  const freed = result.removed.reduce((sum, { size }) => sum + size, 0);
  output.print(`removed ${formatCount(result.removed.length)} files, ${formatBytes(freed)}`);
  output.print(total(result));
}

async function verify(directory: string, _: ParsedOptions, runtime: Runtime): Promise<void> {
  const { cacheVerify } = await import('../../ops/cache.ts');
  const result = cacheVerify(directory);
  runtime.output.json(result);
  for (const { name, problem } of result.findings) runtime.output.print(`${name}: ${problem}`);
  runtime.output.print(`${formatCount(result.files)} files, ${formatCount(result.findings.length)} damaged`);
  if (result.findings.length > 0) runtime.exitStatus = 1;
}

function total({ directory, files, size }: CacheListResult): string {
  return `${directory}: ${formatCount(files.length)} files, ${formatBytes(size)}`;
}

function time(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 16).replace('T', ' ');
}
