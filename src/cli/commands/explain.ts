/** `planish explain A [B]` */
import { Command, Option } from 'commander';
import type { ExplainResult } from '../../ops/explain/explain-result.ts';
import { describeExplanation } from '../explanation.ts';
import { addSourceOptions, type ParsedSourceOptions, parseCount, sourceOptions } from '../options.ts';
import type { Runtime } from '../runtime.ts';

const EXAMPLES = `
A side is a source (see planish --help), or one of
  digest:HEX      an fs-verity digest, as on a kernel command line or in an annotation
  uki:[IMAGE]     what the UKI inside an image demands, by default inside the other side
  profile:NAME    the other side as hosts of that profile see it

Examples:
  $ planish explain oci:os:latest                      the image against the UKI inside it
  $ planish explain oci:os:latest digest:4f1c9a...     which settings give that digest?
  $ planish explain oci:os:latest rootfs:/mnt/os       the tars against a mounted tree
  $ planish explain oci:os:latest dump:built.dump --bootable
  $ planish explain oci:os:latest image.erofs
  $ planish explain oci:os:latest profile:bootc-1.16.0

Tries formats, attribute filters, transforms, times, labels, whiteouts and hard links, the fewest changes first, and
prints what makes the sides agree, then the paths that differ ("+" only in B, "-" only in A, "~" in both). Exit status
0 when they agree as they are, 1 when not.`;

/** Options of the verb, as parsed. */
interface ParsedExplainOptions extends ParsedSourceOptions {
  readonly profile?: string;
  readonly bootable?: boolean;
  readonly changes?: number;
  readonly all?: boolean;
}

/** Defines the verb. */
export function addExplain(program: Command, runtime: Runtime): Command {
  const command = new Command('explain')
    .description('find out why two views of an image disagree')
    .argument('<a>', 'a source, or what one is held against')
    .argument('[b]', 'the same; one of the two must be a source (default: "uki:")')
    .addOption(new Option('--profile <name>', 'hosts whose view of a source is the start (default: "bootc")'))
    .addOption(new Option('--bootable', 'start from the tree that is booted'))
    .addOption(
      new Option('--changes <n>', 'most settings changed at once (default: 2)').argParser(parseCount),
    )
    .addOption(new Option('--all', 'print every differing path'))
    .addHelpText('after', EXAMPLES)
    .action(async (a: string, b: string | undefined, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<ParsedExplainOptions>();
      const { explain } = await import('../../ops/explain/explain.ts');
      const { profile, bootable, changes } = parsed;
      const limit = parsed.all === true ? Number.POSITIVE_INFINITY : undefined;
      const source = sourceOptions(runtime, parsed);
      const options = { ...source, profile, bootable, maxChanges: changes, limit };
      print(runtime, await explain(a, b, options));
    });
  program.addCommand(addSourceOptions(command));
  return command;
}

function print(runtime: Runtime, result: ExplainResult): void {
  runtime.output.json(result);
  runtime.output.print(describeExplanation(result));
  if (!result.equal) runtime.exitStatus = 1;
}
