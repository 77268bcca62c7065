/** `planish cat SOURCE PATH` */
import { Command } from 'commander';
import { addSourceOptions, type ParsedSourceOptions, sourceOptions } from '../options.ts';
import type { Runtime } from '../runtime.ts';

const EXAMPLES = `
Examples:
  $ planish cat oci:app:latest /etc/os-release
  $ planish cat image.erofs /etc/hostname

Symlinks are followed inside the image. Layers are read from the uppermost down, no more than it takes. An EROFS image holds only contents of up to 64 bytes itself.`;

/** Defines the verb. */
export function addCat(program: Command, runtime: Runtime): Command {
  const command = new Command('cat')
    .description('print the content of a file of an image')
    .argument('<source>', 'an image, tar, directory or EROFS image')
    .argument('<path>', 'absolute path inside it')
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, path: string, _: unknown, self: Command) => {
      const { cat } = await import('../../ops/look/cat.ts');
      const options = sourceOptions(runtime, self.optsWithGlobals<ParsedSourceOptions>());
      await cat(source, path, (piece) => runtime.output.write(piece), options);
    });
  program.addCommand(addSourceOptions(command));
  return command;
}
