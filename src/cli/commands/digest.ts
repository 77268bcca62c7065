/** `planish digest SOURCE` */
import { Command, Option } from 'commander';
import { PlanishError } from '../../errors.ts';
import type { DigestResult } from '../../ops/hosts/digest.ts';
import type { DigestAllResult, ProfileDigests } from '../../ops/hosts/digest-all.ts';
import { DEFAULT_PROFILE_NAME, type HostProfileName, PROFILES } from '../../ops/profile-names.ts';
import { formatTable } from '../format.ts';
import {
  addSourceOptions,
  formatNumber,
  formatOption,
  type ParsedSourceOptions,
  profileOption,
  sourceOptions,
} from '../options.ts';
import type { Runtime } from '../runtime.ts';

interface ParsedOptions extends ParsedSourceOptions {
  readonly profile?: HostProfileName;
  readonly format?: string;
  readonly bootable?: boolean;
  readonly all?: boolean;
}

const EXAMPLES = `
Examples:
  $ planish digest oci:app:latest
  $ planish digest oci:os:42 --all
  $ echo "composefs=$(planish digest oci:os:42 --bootable)" >> cmdline
  $ planish digest oci:os:42 --profile bootc-1.16.0 --bootable
  $ planish digest rootfs:/mnt/root --profile mkcomposefs
  $ planish --json digest oci-archive:app.tar --format v2 --algorithm sha256

"container" is what a host computes from the layers, by their tars and its own rules: the root takes the metadata of
/usr, /run is emptied, and attributes are filtered. "bootable" is what it computes to boot the image, and what belongs
on a kernel command line: /boot and /sysroot are emptied as well, and labels come from the policy inside. "tree" is
the tree as it is, which "mkfs" writes.

Profiles:
${PROFILES.map(({ name, describes }) => `  ${name.padEnd(14)} ${describes}`).join('\n')}`;

/** Defines the verb. */
export function addDigest(program: Command, runtime: Runtime): Command {
  const command = new Command('digest')
    .description('print the composefs digests, computed from the tars as a host would')
    .argument('<source>', 'what to digest')
    .addOption(profileOption(`which kind of host; changes digests (default: "${DEFAULT_PROFILE_NAME}")`))
    .addOption(formatOption("EROFS format; changes digests (default: the profile's)"))
    .addOption(
      new Option('--bootable', 'the digest for the kernel command line alone; fails where there is none'),
    )
    .addOption(
      new Option('--all', 'a table of all profiles').conflicts([
        'profile',
        'format',
        'algorithm',
        'bootable',
      ]),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<ParsedOptions>();
      if (parsed.all === true) await printAll(source, parsed, runtime);
      else await printOne(source, parsed, runtime);
    });
  program.addCommand(addSourceOptions(command));
  return command;
}

async function printOne(source: string, parsed: ParsedOptions, runtime: Runtime): Promise<void> {
  const { digest } = await import('../../ops/hosts/digest.ts');
  const result = await digest(source, {
    ...sourceOptions(runtime, parsed),
    profile: parsed.profile,
    format: formatNumber(parsed.format),
  });
  if (parsed.bootable === true && result.bootable === undefined) throw noBootable(result);
  runtime.output.json(result);
  runtime.output.print(parsed.bootable === true ? (result.bootable ?? '') : describe(result));
}

function noBootable({ profile, refused }: DigestResult): PlanishError {
  const { bootable } = refused;
  if (bootable === undefined) {
    return new PlanishError('BAD_OPTION', `hosts of the profile ${profile} make no bootable images`);
  }
  return new PlanishError(bootable.code, bootable.message, { path: bootable.path, layer: bootable.layer });
}

function describe({ container, bootable, tree, refused }: DigestResult): string {
  const lines = [
    ...(container === undefined ? [] : [`container  ${container}`]),
    ...(bootable === undefined ? [] : [`bootable   ${bootable}`]),
    `tree       ${tree}`,
    ...(container !== undefined && refused.bootable !== undefined
      ? [`           no bootable digest: ${refused.bootable.message}`]
      : []),
  ];
  return lines.join('\n');
}

async function printAll(source: string, parsed: ParsedOptions, runtime: Runtime): Promise<void> {
  const { digestAll } = await import('../../ops/hosts/digest-all.ts');
  const { algorithm: _, ...options } = sourceOptions(runtime, parsed);
  const result = await digestAll(source, options);
  runtime.output.json(result);
  runtime.output.print(table(result));
}

function table({ profiles }: DigestAllResult): string {
  const columns = [{ title: 'PROFILE' }, { title: 'FORMAT' }, { title: 'TREE' }, { title: 'DIGEST' }];
  return formatTable(
    columns,
    profiles.flatMap((profile) => rows(profile)),
  );
}

function rows({ profile, algorithm, plain, bootable }: ProfileDigests): string[][] {
  const row = (tree: string, outcome: ProfileDigests['plain']): string[] => [
    profile,
    outcome.format === undefined ? '' : `v${outcome.format} ${algorithm}`,
    tree,
    outcome.digest ?? `refused: ${outcome.refused?.message ?? ''}`,
  ];
  return [row('container', plain), ...(bootable === undefined ? [] : [row('bootable', bootable)])];
}
