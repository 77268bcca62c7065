/** Options that several verbs share, and how their values are read. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { HostChoice } from '../ops/hosts/host-root.ts';
import type { SourceOptions } from '../ops/load/load-tree.ts';
import { DEFAULT_PROFILE_NAME, type HostProfileName, PROFILES } from '../ops/profile-names.ts';
import type { CommonOptions } from '../ops/session.ts';
import { authFiles } from './auth-files.ts';
import { cacheDirectory } from './cache-directory.ts';
import { proxyChoice } from './proxies.ts';
import type { GlobalOptions, Runtime } from './runtime.ts';

/** As parsed from the command line, of every verb that reads a tree. */
export interface ParsedSourceOptions extends GlobalOptions {
  readonly platform?: string;
  readonly algorithm?: 'sha512' | 'sha256';
  readonly missingParents?: 'create' | 'refuse';
  readonly skipXattrs?: boolean;
  readonly strict?: boolean;
  readonly tmpdir?: string;
  readonly memory?: number;
  readonly cache?: string | boolean;
}

/** Adds the options of {@link ParsedSourceOptions}. */
export function addSourceOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--platform <os/arch[/variant]>', 'which image of an index (default: this machine)'),
    )
    .addOption(
      new Option('--algorithm <name>', 'fs-verity algorithm; changes digests (default: "sha512")').choices([
        'sha512',
        'sha256',
      ]),
    )
    .addOption(
      new Option(
        '--missing-parents <how>',
        'an entry without a parent directory: make one, with a warning, or refuse',
      )
        .choices(['create', 'refuse'])
        .default('create'),
    )
    .addOption(skipXattrsOption())
    .addOption(new Option('--strict', 'accept a dumpfile only as composefs-rs does'))
    .addOption(
      new Option(
        '--tmpdir <dir>',
        'where uncompressed layers are kept meanwhile (default: TMPDIR, else beside the output)',
      ),
    )
    .addOption(memoryOption())
    .addOption(
      new Option(
        '--cache <dir>',
        'what is known of layers read before (default: PLANISH_CACHE, else ~/.cache/planish)',
      ),
    )
    .addOption(new Option('--no-cache', 'read every layer, and remember nothing'));
}

/** Starts the runtime and gives the options in the library's form. */
export function sourceOptions(runtime: Runtime, parsed: ParsedSourceOptions): SourceOptions {
  return {
    ...commonOptions(runtime, parsed),
    cache: cacheDirectory(parsed, process.env),
    platform: parsed.platform,
    algorithm: parsed.algorithm,
    missingParents: parsed.missingParents,
    xattrs: attributesWanted(parsed),
    strict: parsed.strict,
  };
}

/** `--skip-xattrs`. */
export function skipXattrsOption(): Option {
  return new Option('--skip-xattrs', 'do not read extended attributes of a rootfs: source');
}

/** What `--skip-xattrs` says in the library's form. */
export function attributesWanted({ skipXattrs }: Pick<ParsedSourceOptions, 'skipXattrs'>): 'all' | 'skip' {
  return skipXattrs === true ? 'skip' : 'all';
}

/** `--memory SIZE`. */
export function memoryOption(): Option {
  return new Option(
    '--memory <size>',
    'how much of uncompressed layers to hold in memory rather than in --tmpdir (default: 128M)',
  ).argParser(parseSize);
}

/** Starts the runtime and gives what every verb takes. */
export function commonOptions(
  runtime: Runtime,
  parsed: GlobalOptions & { tmpdir?: string; memory?: number },
): CommonOptions {
  const temporaryDirectory = parsed.tmpdir ?? process.env['TMPDIR'];
  return {
    ...runtime.begin(parsed),
    temporaryDirectory: temporaryDirectory === '' ? undefined : temporaryDirectory,
    memory: parsed.memory,
    registry: {
      authFiles: authFiles(parsed, process.env),
      tlsVerify: parsed.tlsVerify,
      proxy: proxyChoice(process.env),
    },
    zstd: zstdChoice(process.env['PLANISH_ZSTD']),
  };
}

function zstdChoice(text: string | undefined): CommonOptions['zstd'] {
  return text === 'wasm' || text === 'napi' ? text : undefined;
}

/** As parsed from the command line, of verbs that show the tree of a host. */
export interface ParsedHostChoice {
  readonly profile?: HostProfileName;
  readonly bootable?: boolean;
  readonly container?: boolean;
}

/** `--profile NAME`. */
export function profileOption(description: string): Option {
  return new Option('--profile <name>', description).choices(PROFILES.map(({ name }) => name));
}

/** Adds the options of {@link ParsedHostChoice}. */
export function addHostChoice(command: Command): Command {
  return command
    .addOption(profileOption('the tree as this kind of host digests it, not as it is'))
    .addOption(new Option('--container', `short for --profile ${DEFAULT_PROFILE_NAME}`))
    .addOption(new Option('--bootable', 'the tree that is booted: /boot and /sysroot emptied, labels set'));
}

/** The choice in the library's form. */
export function hostChoice({ profile, bootable, container }: ParsedHostChoice): HostChoice {
  return { profile: profile ?? (container === true ? DEFAULT_PROFILE_NAME : undefined), bootable };
}

/** `v1`, `v0`, `v2` and what stands for them. */
export function formatOption(description: string): Option {
  return new Option('--format <version>', description).choices(['v1', 'v0', 'v2']);
}

/** The number of a `--format`. */
export function formatNumber(text: string | undefined): 0 | 1 | 2 | undefined {
  return text === undefined ? undefined : (Number(text.slice(1)) as 0 | 1 | 2);
}

/** `--component-map FILE`. */
export function componentMapOption(): Option {
  return new Option('--component-map <file>', 'JSON or TSV that assigns paths to components, and intervals');
}

/** `--previous IMAGE`. */
export function previousOption(): Option {
  return new Option(
    '--previous <image>',
    'the image before this one, whose layers are kept where they can be',
  );
}

/** `--replan`. */
export function replanOption(): Option {
  return new Option('--replan', 'split afresh, even where that changes layers of the previous image');
}

/** `--order HOW`. */
export function orderOption(): Option {
  const description = 'of files in layers that are written: by path, or as in --previous, new ones last';
  return new Option('--order <how>', description).choices(['path', 'previous']).default('path');
}

/** `--groups FILE`. */
export function groupsOption(): Option {
  return new Option(
    '--groups <file>',
    'JSON or YAML that names optional groups of components, with layers of their own',
  );
}

/** `--without GROUP`. */
export function withoutOption(): Option {
  return new Option('--without <group>', 'leave out an optional group; repeatable')
    .argParser(collect)
    .default([], 'none');
}

/** `true` or `false`. */
export function parseFlag(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  throw new InvalidArgumentError('expected true or false');
}

/** A whole number from 1. */
export function parseCount(text: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('expected a whole number from 1');
}

const SIZE_UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** Bytes: a whole number, or one of KiB, MiB or GiB (`200M`). */
export function parseSize(text: string): number {
  const [, digits, unit = ''] = /^([0-9]{1,9})([KMG]?)$/.exec(text) ?? [];
  if (digits !== undefined) return Number(digits) * (SIZE_UNITS[unit] ?? 1);
  throw new InvalidArgumentError('expected bytes, as 0, 500000, 200M or 2G');
}

/** Collects a repeatable option. */
export function collect(value: string, previous: readonly string[]): string[] {
  return [...previous, value];
}
