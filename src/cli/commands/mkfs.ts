/** `planish mkfs SOURCE -o FILE` */
import { Command, Option } from 'commander';
import {
  addSourceOptions,
  formatNumber,
  formatOption,
  type ParsedSourceOptions,
  sourceOptions,
} from '../options.ts';
import type { Runtime } from '../runtime.ts';

interface ParsedOptions extends ParsedSourceOptions {
  readonly output: string;
  readonly format?: string;
  readonly container?: boolean;
}

const EXAMPLES = `
Examples:
  $ planish mkfs oci:app:latest -o app.erofs
  $ planish mkfs dump:tree.dump -o tree.erofs --format v0
  $ composefs-info dump old.erofs | planish mkfs dump:- -o new.erofs

A dumpfile gives the bytes of mkcomposefs in formats v0 and v1; any other source those of composefs-rs.`;

/** Defines the verb. */
export function addMkfs(program: Command, runtime: Runtime): Command {
  const command = new Command('mkfs')
    .description('write the composefs EROFS image and print its fs-verity digest')
    .argument('<source>', 'an image, tar, directory or dumpfile (dump:FILE, dump:-)')
    .addOption(new Option('-o, --output <file>', 'where to write it').makeOptionMandatory())
    .addOption(formatOption('EROFS format; changes the digest (default: "v1")'))
    .addOption(new Option('--container', 'the tree as a container host digests it, not as it is'))
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<ParsedOptions>();
      const { mkfs } = await import('../../ops/mkfs.ts');
      const result = await mkfs(source, parsed.output, {
        ...sourceOptions(runtime, parsed),
        format: formatNumber(parsed.format),
        container: parsed.container,
      });
      runtime.output.json(result);
      runtime.output.print(result.digest);
    });
  program.addCommand(addSourceOptions(command));
  return command;
}
