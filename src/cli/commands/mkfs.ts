/** `planish mkfs SOURCE -o FILE` */
import { Command, Option } from 'commander';
import {
  addHostChoice,
  addSourceOptions,
  formatNumber,
  formatOption,
  hostChoice,
  type ParsedHostChoice,
  type ParsedSourceOptions,
  sourceOptions,
} from '../options.ts';
import type { Runtime } from '../runtime.ts';

interface ParsedOptions extends ParsedSourceOptions, ParsedHostChoice {
  readonly output: string;
  readonly format?: string;
}

const EXAMPLES = `
Examples:
  $ planish mkfs oci:app:latest -o app.erofs
  $ planish mkfs dump:tree.dump -o tree.erofs --format v0
  $ planish mkfs oci:os:42 --bootable -o os.erofs
  $ composefs-info dump old.erofs | planish mkfs dump:- -o new.erofs

A dumpfile gives the bytes of mkcomposefs in formats v0 and v1; any other source those of composefs-rs.`;

/** Defines the verb. */
export function addMkfs(program: Command, runtime: Runtime): Command {
  const command = new Command('mkfs')
    .description('write the composefs EROFS image and print its fs-verity digest')
    .argument('<source>', 'an image, tar, directory or dumpfile (dump:FILE, dump:-)')
    .addOption(new Option('-o, --output <file>', 'where to write it').makeOptionMandatory())
    .addOption(formatOption('EROFS format; changes the digest (default: "v1", or the profile\'s)'))
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<ParsedOptions>();
      const { mkfs } = await import('../../ops/look/mkfs.ts');
      const result = await mkfs(source, parsed.output, {
        ...sourceOptions(runtime, parsed),
        format: formatNumber(parsed.format),
        ...hostChoice(parsed),
      });
      runtime.output.json(result);
      runtime.output.print(result.digest);
    });
  program.addCommand(addSourceOptions(addHostChoice(command)));
  return command;
}
