/** `planish dump SOURCE` */
import { Command } from 'commander';
import {
  addHostChoice,
  addSourceOptions,
  hostChoice,
  type ParsedHostChoice,
  type ParsedSourceOptions,
  sourceOptions,
} from '../options.ts';
import type { Runtime } from '../runtime.ts';

const EXAMPLES = `
Examples:
  $ planish dump oci:app:latest > app.dump
  $ planish dump --container oci:app:latest | grep ' /usr/bin/'
  $ planish dump --profile cfsctl --bootable oci:os:42 | diff - /boot/os.dump
  $ planish dump image.erofs`;

/** Defines the verb. */
export function addDump(program: Command, runtime: Runtime): Command {
  const command = new Command('dump')
    .description('print the composefs dumpfile')
    .argument('<source>', 'an image, tar, directory, dumpfile or EROFS image')
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<ParsedSourceOptions & ParsedHostChoice>();
      const { dump } = await import('../../ops/look/dump.ts');
      const options = { ...sourceOptions(runtime, parsed), ...hostChoice(parsed) };
      await dump(source, (piece) => runtime.output.write(piece), options);
    });
  program.addCommand(addSourceOptions(addHostChoice(command)));
  return command;
}
