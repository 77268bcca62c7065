/** `planish copy SOURCE DEST` */
import { Command, Option } from 'commander';
import type { CopyResult } from '../../ops/copy/copy.ts';
import { formatBytes, formatCount } from '../format.ts';
import { commonOptions } from '../options.ts';
import type { GlobalOptions, Runtime } from '../runtime.ts';

interface ParsedOptions extends GlobalOptions {
  readonly platform?: string;
  readonly all?: boolean;
  readonly referrers?: boolean;
  readonly tmpdir?: string;
}

const EXAMPLES = `
Examples:
  $ planish copy oci:app:flat docker://registry.example/app:flat
  $ planish copy docker://registry.example/app:flat oci-archive:app.tar:flat --platform linux/arm64
  $ planish copy docker://registry.example/os:42 docker://mirror.example/os:42 --all --referrers
  $ planish copy oci:os:42 docker://registry.example/os:42 --referrers

Manifest, config and layers keep their bytes, and so their digests and signatures. Of an index one image is copied,
with --all the index and everything in it. A Docker archive has no manifest: one is made up. What the destination has
is not written again, and its name changes last.`;

/** Defines the verb. */
export function addCopy(program: Command, runtime: Runtime): Command {
  const command = new Command('copy')
    .description('copy an image between layouts, archives and registries, bytes unchanged')
    .argument('<source>', 'an image with a manifest')
    .argument(
      '<dest>',
      'oci:DIR[:TAG], oci-archive:FILE[:TAG], docker://HOST/REPOSITORY[:TAG] or a directory',
    )
    .addOption(
      new Option(
        '--platform <os/arch[/variant]>',
        'which image of an index (default: this machine)',
      ).conflicts('all'),
    )
    .addOption(new Option('--all', 'an index whole, with the images of all platforms'))
    .addOption(new Option('--referrers', 'also what is attached: signatures and other artifacts'))
    .addOption(
      new Option(
        '--tmpdir <dir>',
        'where what is fetched is kept meanwhile (default: TMPDIR, else beside DEST)',
      ),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, dest: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<ParsedOptions>();
      const { copy } = await import('../../ops/copy/copy.ts');
      const { platform, all, referrers } = parsed;
      const result = await copy(source, dest, {
        ...commonOptions(runtime, parsed),
        platform,
        all,
        referrers,
      });
      runtime.output.json(result);
      runtime.output.print(describe(result));
    });
  program.addCommand(command);
  return command;
}

function describe({ manifest, documents, blobs, referrers, destination }: CopyResult): string {
  return [
    `manifest   ${manifest.digest}${documents > 1 ? ` and ${formatCount(documents - 1)} below it` : ''}`,
    `blobs      ${formatCount(blobs.count)} (${formatBytes(blobs.size)})`,
    ...referrers.map((digest) => `attached   ${digest}`),
    `wrote      ${destination}`,
  ].join('\n');
}
