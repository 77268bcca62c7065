/** Options that say what is in which layer: the same of all verbs that plan. */
import { type Command, Option } from 'commander';
import type { LayerOptions } from '../ops/build/plan-tree.ts';
import {
  componentMapOption,
  groupsOption,
  parseCount,
  previousOption,
  replanOption,
  withoutOption,
} from './options.ts';

/** As parsed from the command line. */
export interface ParsedSplitOptions {
  readonly maxLayers?: number;
  readonly componentMap?: string;
  readonly fromContentmeta?: string | undefined;
  readonly groups?: string;
  readonly without: readonly string[];
  readonly previous?: string;
  readonly replan?: boolean;
  readonly base?: string;
  readonly planFile?: string;
  readonly compression?: 'zstd' | 'gzip' | 'none';
  readonly selinux?: 'keep' | 'policy' | 'strip';
}

/** Adds the options of {@link ParsedSplitOptions}. */
export function addSplitOptions(command: Command): Command {
  return command
    .addOption(new Option('--max-layers <n>', 'layer budget, 1 to 500 (default: 64)').argParser(parseCount))
    .addOption(componentMapOption())
    .addOption(new Option('--from-contentmeta <file>', 'JSON that says which file goes into which layer'))
    .addOption(groupsOption())
    .addOption(withoutOption())
    .addOption(previousOption())
    .addOption(replanOption())
    .addOption(new Option('--base <image>', 'an image whose layers stay exactly as they are, at the bottom'))
    .addOption(
      new Option('--plan-file <path>', 'write the plan into the tree as well, where no tool loses it'),
    )
    .addOption(
      new Option('--compression <kind>', 'of the layers (default: "zstd")').choices(['zstd', 'gzip', 'none']),
    )
    .addOption(
      new Option('--selinux <how>', 'SELinux labels: as they came, by the policy in the image, or none')
        .choices(['keep', 'policy', 'strip'])
        .default('keep'),
    );
}

/** `--split`. */
export function addMergeOption(command: Command): Command {
  return command.addOption(
    new Option('--split', 'split files of the others by package and place, like those of the base'),
  );
}

/** The options in the library's form. */
export function splitOptions(parsed: ParsedSplitOptions): LayerOptions {
  const { maxLayers, componentMap, fromContentmeta, groups, without, previous, replan } = parsed;
  const { base, planFile, compression, selinux } = parsed;
  const split = { maxLayers, componentMap, contentmeta: fromContentmeta, groups, without, previous, replan };
  return { ...split, base, planFile, compression, selinux };
}
