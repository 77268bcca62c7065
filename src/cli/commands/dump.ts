/** `planish dump SOURCE` */
import { Command, Option } from 'commander';
import { addSourceOptions, type ParsedSourceOptions, sourceOptions } from '../options.ts';
import type { Runtime } from '../runtime.ts';

const EXAMPLES = `
Examples:
  $ planish dump oci:app:latest > app.dump
  $ planish dump --container oci:app:latest | grep ' /usr/bin/'
  $ planish dump image.erofs`;

/** Defines the verb. */
export function addDump(program: Command, runtime: Runtime): Command {
  const command = new Command('dump')
    .description('print the composefs dumpfile')
    .argument('<source>', 'an image, tar, directory, dumpfile or EROFS image')
    .addOption(new Option('--container', 'the tree as a container host digests it, not as it is'))
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<ParsedSourceOptions & { container?: boolean }>();
      const { dump } = await import('../../ops/dump.ts');
      const options = { ...sourceOptions(runtime, parsed), container: parsed.container };
      await dump(source, (piece) => runtime.output.write(piece), options);
    });
  program.addCommand(addSourceOptions(command));
  return command;
}
