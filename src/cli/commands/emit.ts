/** `planish emit SOURCE --repo DIR` */
import { Command, Option } from 'commander';
import { PlanishError } from '../../errors.ts';
import type { HostProfileName } from '../../ops/profile-names.ts';
import type { EmitOptions, EmitResult } from '../../ops/repository/emit.ts';
import type { EmitStoreResult } from '../../ops/repository/emit-store.ts';
import { cacheDirectory, type ParsedCache } from '../cache-directory.ts';
import { formatBytes, formatCount } from '../format.ts';
import {
  attributesWanted,
  commonOptions,
  formatNumber,
  formatOption,
  profileOption,
  skipXattrsOption,
} from '../options.ts';
import type { GlobalOptions, Runtime } from '../runtime.ts';

interface ParsedOptions extends GlobalOptions, ParsedCache {
  readonly repo?: string;
  readonly disk?: string;
  readonly tag?: string;
  readonly platform?: string;
  readonly algorithm?: 'sha512' | 'sha256';
  readonly format?: string;
  readonly profile?: HostProfileName;
  readonly layout: 'composefs-rs' | 'mkcomposefs';
  readonly bootable?: boolean;
  readonly insecure?: boolean;
  readonly requireVerity?: boolean;
  readonly onlyMissingFrom?: string;
  readonly skipXattrs?: boolean;
}

const EXAMPLES = `
Examples:
  $ planish emit oci:os:42 --repo /sysroot/composefs
  $ planish emit oci-archive:app.tar --repo repo --tag app:1.2 --no-bootable
  $ planish emit oci:os:43 --repo update --only-missing-from repo
  $ planish emit oci:os:42 --disk os.img
  $ planish emit rootfs:tree --repo repo --tag tree
  $ planish emit rootfs:tree --repo store --layout mkcomposefs
  $ mount.composefs -o basedir=store/objects store/image.cfs /mnt

Makes the repository where there is none, or adds to the one that is there, in its format. What is there already is not
written again. Objects get fs-verity where the file system has it. --disk makes an ext4 image (with mke2fs and debugfs)
whose files have fs-verity already, whatever the file system here can do. --layout mkcomposefs takes any source that has
contents, and writes what mount.composefs takes, by default with the digests of mkcomposefs (SHA-256).`;

/** Defines the verb. */
export function addEmit(program: Command, runtime: Runtime): Command {
  const command = new Command('emit')
    .description('write an image into a composefs repository, as bootc hosts and cfsctl store it')
    .argument('<source>', 'an image; of a tar or a directory, the image that build makes of it')
    .addOption(new Option('--repo <dir>', 'the repository'))
    .addOption(
      new Option(
        '--disk <file>',
        'an ext4 image with the repository at /composefs, fs-verity included',
      ).conflicts(['repo', 'insecure', 'requireVerity', 'onlyMissingFrom']),
    )
    .addOption(
      new Option(
        '--layout <kind>',
        'what to write: a repository, or objects and image.cfs as mkcomposefs does',
      )
        .choices(['composefs-rs', 'mkcomposefs'])
        .default('composefs-rs'),
    )
    .addOption(new Option('--tag <name>', 'its name there (default: its name in the source, or image.cfs)'))
    .addOption(
      new Option('--platform <os/arch[/variant]>', 'which image of an index (default: this machine)'),
    )
    .addOption(
      new Option('--algorithm <name>', 'fs-verity algorithm of a new repository (default: "sha512")').choices(
        ['sha512', 'sha256'],
      ),
    )
    .addOption(formatOption('EROFS format of a new repository (default: "v1")'))
    .addOption(profileOption('whose rules make the images; changes their digests (default: "bootc")'))
    .addOption(new Option('--bootable', 'fail where no bootable image can be made'))
    .addOption(new Option('--no-bootable', 'make no bootable image'))
    .addOption(new Option('--insecure', 'make a new repository without fs-verity'))
    .addOption(new Option('--require-verity', 'fail where the repository is or would be insecure'))
    .addOption(
      new Option('--only-missing-from <dir>', 'leave out the objects that this other repository has'),
    )
    .addOption(skipXattrsOption())
    .addOption(
      new Option(
        '--cache <dir>',
        'what is known of layers and images made before (default: PLANISH_CACHE, else ~/.cache/planish)',
      ),
    )
    .addOption(new Option('--no-cache', 'make every image, and remember nothing'))
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<ParsedOptions>();
      if (parsed.layout === 'mkcomposefs') {
        await emitStoreTo(source, parsed, runtime);
        return;
      }
      const result = await emitTo(source, parsed, runtime);
      runtime.output.json(result);
      runtime.output.print(describe(result));
    });
  program.addCommand(command);
  return command;
}

async function emitStoreTo(source: string, parsed: ParsedOptions, runtime: Runtime): Promise<void> {
  const { repo: directory, tag: name, platform, algorithm, profile, format } = parsed;
  if (directory === undefined) throw new PlanishError('BAD_OPTION', '--layout mkcomposefs needs --repo');
  const { emitStore } = await import('../../ops/repository/emit-store.ts');
  const xattrs = attributesWanted(parsed);
  const options = {
    ...commonOptions(runtime, parsed),
    directory,
    name,
    platform,
    algorithm,
    profile,
    xattrs,
  };
  const result = await emitStore(source, { ...options, format: formatNumber(format) });
  runtime.output.json(result);
  runtime.output.print(describeStore(result));
}

function describeStore({ image, digest, format, algorithm, objects }: EmitStoreResult): string {
  return [
    `image      v${format} ${algorithm} ${digest}`,
    `objects    ${formatCount(objects.added)} written (${formatBytes(objects.addedBytes)}), ${formatCount(objects.present)} there (${formatBytes(objects.presentBytes)})`,
    `emitted    ${image}`,
  ].join('\n');
}

async function emitTo(source: string, parsed: ParsedOptions, runtime: Runtime): Promise<EmitResult> {
  const { repo, disk } = parsed;
  if (disk !== undefined) {
    const { emitDisk } = await import('../../ops/repository/emit-disk.ts');
    return await emitDisk(source, disk, emitOptions(runtime, parsed));
  }
  if (repo === undefined) throw new PlanishError('BAD_OPTION', 'say where to: --repo or --disk');
  const { emit } = await import('../../ops/repository/emit.ts');
  return await emit(source, { ...emitOptions(runtime, parsed), repository: repo });
}

function emitOptions(runtime: Runtime, parsed: ParsedOptions): Omit<EmitOptions, 'repository'> {
  const { tag, platform, algorithm, profile, bootable, onlyMissingFrom } = parsed;
  return {
    ...commonOptions(runtime, parsed),
    cache: cacheDirectory(parsed, process.env),
    tag,
    platform,
    algorithm,
    profile,
    onlyMissingFrom,
    xattrs: attributesWanted(parsed),
    format: formatNumber(parsed.format),
    bootable: bootable === undefined ? 'auto' : bootable ? 'require' : 'none',
    verity: parsed.requireVerity === true ? 'require' : parsed.insecure === true ? 'none' : 'try',
  };
}

function describe(result: EmitResult): string {
  const { objects, images, layers, refused } = result;
  const reused = layers.filter((layer) => layer.reused).length;
  const lines = [
    `manifest   ${result.manifest}`,
    ...images.map(
      ({ kind, digest, format }) => `${kind.padEnd(10)} v${format} ${result.algorithm} ${digest}`,
    ),
    ...(refused === undefined ? [] : [`           no bootable image: ${refused.message}`]),
    ...(result.referrers.length === 0 ? [] : [`referrers  ${result.referrers.length}`]),
    `layers     ${layers.length}, of which ${reused} were there`,
    `objects    ${formatCount(objects.added)} written (${formatBytes(objects.addedBytes)}), ${formatCount(objects.present)} there (${formatBytes(objects.presentBytes)})`,
    `${result.links === 0 ? 'unchanged' : 'emitted'.padEnd(9)}  ${'disk' in result ? String(result.disk) : result.repository} ${result.tag} (${result.secure ? 'secure' : 'insecure'})`,
  ];
  return lines.join('\n');
}
