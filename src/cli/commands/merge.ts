/** `planish merge BASE TREE… -o DEST` */
import { Command } from 'commander';
import { conflictLines } from '../conflict-lines.ts';
import type { Runtime } from '../runtime.ts';
import { addMergeOption } from '../split-options.ts';
import { addBuildOptions, buildOptions, type ParsedBuildOptions, summary } from './build.ts';

interface ParsedOptions extends ParsedBuildOptions {
  readonly split?: boolean;
}

const EXAMPLES = `
Examples:
  $ planish merge oci:os:42 oci:tools:1 rootfs:./overlay -o oci:os:merged
  $ planish merge oci:os:42 docker-archive:app.tar -o oci:os:app --base oci:os:42 --previous oci:os:last

Later sources lie over earlier ones: their files win, directories that both have stay as they were. The config is that
of the first; labels of the others are added. Each source but the first is one component, unless --split. Options are
those of "build"; "plan" with the same sources shows the layers without writing them.`;

/** Defines the verb. */
export function addMerge(program: Command, runtime: Runtime): Command {
  const command = new Command('merge')
    .description('lay sources over each other and build one image of them')
    .argument('<base>', 'what lies at the bottom')
    .argument('<others...>', 'what is laid over it, in order')
    .addHelpText('after', EXAMPLES)
    .action(async (base: string, others: string[], _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<ParsedOptions>();
      const { merge } = await import('../../ops/build/merge.ts');
      const start = performance.now();
      const options = { ...(await buildOptions(runtime, parsed)), split: parsed.split };
      const result = await merge([base, ...others], options);
      runtime.output.json(result);
      runtime.output.print(
        [...conflictLines(result.conflicts), summary(result, (performance.now() - start) / 1000)].join('\n'),
      );
    });
  program.addCommand(addBuildOptions(addMergeOption(command)));
  return command;
}
