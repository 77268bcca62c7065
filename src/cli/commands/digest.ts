/** `planish digest SOURCE` */
import { Command } from 'commander';
import {
  addSourceOptions,
  formatNumber,
  formatOption,
  type ParsedSourceOptions,
  sourceOptions,
} from '../options.ts';
import type { Runtime } from '../runtime.ts';

const EXAMPLES = `
Examples:
  $ planish digest oci:app:latest
  $ planish digest oci-archive:app.tar --format v2 --algorithm sha256
  $ planish --json digest rootfs:/mnt/root

"container" is what a composefs host computes from the layers: the root takes the metadata of /usr, /run is emptied,
and of the extended attributes only security.capability stays. "tree" is the tree as it is, which "mkfs" writes.`;

/** Defines the verb. */
export function addDigest(program: Command, runtime: Runtime): Command {
  const command = new Command('digest')
    .description('print the composefs digests, computed from the tars as a host would')
    .argument('<source>', 'what to digest')
    .addOption(formatOption('EROFS format; changes digests (default: "v1")'))
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<ParsedSourceOptions & { format?: string }>();
      const { digest } = await import('../../ops/digest.ts');
      const result = await digest(source, {
        ...sourceOptions(runtime, parsed),
        format: formatNumber(parsed.format),
      });
      runtime.output.json(result);
      if (result.container !== undefined) runtime.output.print(`container  ${result.container}`);
      runtime.output.print(`tree       ${result.tree}`);
    });
  program.addCommand(addSourceOptions(command));
  return command;
}
