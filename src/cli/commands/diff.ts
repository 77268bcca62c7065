/** `planish diff A B` */
import { Command, Option } from 'commander';
import { differingLines } from '../differing-paths.ts';
import { addSourceOptions, type ParsedSourceOptions, sourceOptions } from '../options.ts';
import type { Runtime } from '../runtime.ts';

const EXAMPLES = `
Examples:
  $ planish diff oci:app:1.0 oci:app:1.1
  $ planish diff oci:app:latest rootfs:/mnt/root
  $ planish --json diff dump:a.dump b.erofs

Compares the trees as they are, before anything that a host does to them ("explain" looks through that): "+" only in B,
"-" only in A, "~" in both, with the values of A and B. Exit status 1 when anything differs. What a client of A would
download for B is not computed.`;

/** Defines the verb. */
export function addDiff(program: Command, runtime: Runtime): Command {
  const command = new Command('diff')
    .description('print what differs between two trees')
    .argument('<a>', 'a source')
    .argument('<b>', 'another source')
    .addOption(new Option('--no-nanoseconds', 'ignore fractions of seconds'))
    .addHelpText('after', EXAMPLES)
    .action(async (a: string, b: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<ParsedSourceOptions & { nanoseconds: boolean }>();
      const { diff } = await import('../../ops/diff.ts');
      const { nanoseconds } = parsed;
      const result = await diff(a, b, { ...sourceOptions(runtime, parsed), nanoseconds });
      runtime.output.json(result);
      const lines = result.differences.flatMap(differingLines);
      if (lines.length > 0) runtime.output.print(lines.join('\n'));
      if (lines.length > 0) runtime.exitStatus = 1;
    });
  program.addCommand(addSourceOptions(command));
  return command;
}
