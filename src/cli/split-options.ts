/** Options that say how files are split into layers: the same of all verbs that plan. */
import { type Command, Option } from 'commander';
import type { SplitOptions } from '../ops/build/split-rules.ts';
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
    .addOption(replanOption());
}

/** The options in the library's form. */
export function splitOptions(parsed: ParsedSplitOptions): SplitOptions {
  const { maxLayers, componentMap, fromContentmeta, groups, without, previous, replan } = parsed;
  return { maxLayers, componentMap, contentmeta: fromContentmeta, groups, without, previous, replan };
}
