/** `planish mount IMAGE MOUNTPOINT` and `planish umount MOUNTPOINT` */
import { Command, Option } from 'commander';
import type { MountOptions, MountResult } from '../../ops/mount.ts';
import { collect, commonOptions } from '../options.ts';
import type { GlobalOptions, Runtime } from '../runtime.ts';

interface ParsedOptions extends GlobalOptions {
  readonly repo?: string;
  readonly objects: readonly string[];
  readonly digest?: string;
  readonly verity: boolean;
  readonly upper?: string;
  readonly work?: string;
  readonly idmap?: string;
  readonly print?: boolean;
  readonly kernel?: string;
}

const EXAMPLES = `
Examples:
  $ planish mount --repo /srv/repo 1befd2713a58…395c95 /mnt
  $ planish mount --digest 1befd2713a58…395c95 --objects /srv/objects os.erofs /mnt
  $ planish mount --no-verity --objects objects app.erofs /mnt
  $ planish mount --print --repo /sysroot/composefs 1befd2713a58…395c95 /mnt

IMAGE is the fs-verity digest of an image of the repository, or a composefs EROFS file. The kernel measures the image and
every object, or nothing is mounted. --no-verity is for file systems without fs-verity: then a promised digest is
computed from the bytes of the image, and nobody checks objects. Needs root; --print shows the commands instead.`;

/** Defines the verb `mount`. */
export function addMount(program: Command, runtime: Runtime): Command {
  const command = new Command('mount')
    .description('mount a composefs image over its objects, by digest or not at all')
    .argument('<image>', 'an fs-verity digest of the repository, or a composefs EROFS file')
    .argument('<mountpoint>', 'a directory')
    .addOption(new Option('--repo <dir>', 'composefs repository (default for a digest: /sysroot/composefs)'))
    .addOption(
      new Option('--objects <dir>', 'object directory; may be repeated').argParser(collect).default([], ''),
    )
    .addOption(new Option('--digest <hex>', 'fs-verity digest that the file must have'))
    .addOption(new Option('--no-verity', 'mount without fs-verity'))
    .addOption(new Option('--upper <dir>', 'where changes go: mounts writable'))
    .addOption(new Option('--work <dir>', 'empty directory on the same file system as --upper'))
    .addOption(new Option('--idmap <file>', 'user namespace (/proc/PID/ns/user) whose owners are shown'))
    .addOption(new Option('--print', 'show the commands instead of running them'))
    .addOption(new Option('--kernel <version>', 'with --print: for this kernel, not the one that runs'))
    .addHelpText('after', EXAMPLES)
    .action(async (image: string, mountpoint: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<ParsedOptions>();
      commonOptions(runtime, parsed);
      const { mount, mountCommands } = await import('../../ops/mount.ts');
      const act = parsed.print === true ? mountCommands : mount;
      const result = act(image, mountpoint, mountOptions(parsed));
      runtime.output.json(result);
      runtime.output.print(
        'commands' in result ? (result.commands as string[]).join('\n') : describe(result),
      );
    });
  program.addCommand(command);
  return command;
}

function mountOptions({ repo, objects, verity, ...parsed }: ParsedOptions): MountOptions {
  return {
    repository: repo,
    objects: objects.length === 0 ? undefined : objects,
    verity: verity ? 'require' : 'none',
    digest: parsed.digest,
    upper: parsed.upper,
    work: parsed.work,
    idmap: parsed.idmap,
    kernel: parsed.kernel,
  };
}

function describe({ mountpoint, digest, verity, readOnly }: MountResult): string {
  const mode = readOnly ? 'read-only' : 'writable';
  return `mounted ${digest ?? 'the image'} at ${mountpoint}, ${mode}, ${verity ? 'fs-verity required' : 'no fs-verity'}`;
}

/** Defines the verb `umount`. */
export function addUmount(program: Command, runtime: Runtime): Command {
  const command = new Command('umount')
    .description('take a mount of a composefs image away')
    .argument('<mountpoint>', 'where it is mounted')
    .addOption(new Option('--lazy', 'also while it is in use'))
    .addHelpText('after', '\nExamples:\n  $ planish umount /mnt')
    .action(async (mountpoint: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<GlobalOptions & { readonly lazy?: boolean }>();
      commonOptions(runtime, parsed);
      const { umount } = await import('../../ops/mount.ts');
      umount(mountpoint, { lazy: parsed.lazy });
      runtime.output.json({ mountpoint });
    });
  program.addCommand(command);
  return command;
}
