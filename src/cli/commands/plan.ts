/** `planish plan SOURCE` */
import { Command, Option } from 'commander';
import type { PlanResult } from '../../ops/plan.ts';
import { formatBytes, formatCount, formatTable, truncate } from '../format.ts';
import {
  addSourceOptions,
  componentMapOption,
  type ParsedSourceOptions,
  parseCount,
  previousOption,
  replanOption,
  sourceOptions,
} from '../options.ts';
import type { Runtime } from '../runtime.ts';

interface ParsedOptions extends ParsedSourceOptions {
  readonly maxLayers?: number;
  readonly componentMap?: string;
  readonly previous?: string;
  readonly replan?: boolean;
  readonly members?: boolean;
}

const EXAMPLES = `
Examples:
  $ planish plan oci:app:latest
  $ planish plan oci:app:latest --max-layers 16 --members
  $ planish plan oci:app:latest --previous oci:app:flat

The cost is what a client that updates weekly is expected to download, the bound what no split can beat.`;

/** Defines the verb. */
export function addPlan(program: Command, runtime: Runtime): Command {
  const command = new Command('plan')
    .description('show how an image would be split, without writing it')
    .argument('<source>', 'what to plan')
    .addOption(new Option('--max-layers <n>', 'layer budget, 1 to 500 (default: 64)').argParser(parseCount))
    .addOption(componentMapOption())
    .addOption(previousOption())
    .addOption(replanOption())
    .addOption(new Option('--members', 'every component with its size and rate of change'))
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<ParsedOptions>();
      const { plan } = await import('../../ops/plan.ts');
      const result = await plan(source, {
        ...sourceOptions(runtime, parsed),
        maxLayers: parsed.maxLayers,
        componentMap: parsed.componentMap,
        previous: parsed.previous,
        replan: parsed.replan,
      });
      runtime.output.json(result);
      runtime.output.print(parsed.members === true ? memberTable(result) : layerTable(result));
      runtime.output.print(`\n${totals(result)}`);
    });
  program.addCommand(addSourceOptions(command));
  return command;
}

const MEMBERS_WIDTH = 90;

function layerTable(result: PlanResult): string {
  const rows = result.layers.map((layer, ordinal) => [
    String(ordinal),
    formatBytes(layer.size),
    layer.stability.toFixed(3),
    formatBytes(layer.cost),
    truncate(layer.members.map(({ key }) => key).join(' '), MEMBERS_WIDTH),
  ]);
  const columns = [
    { title: 'LAYER', align: 'right' },
    { title: 'SIZE', align: 'right' },
    { title: 'STABLE', align: 'right' },
    { title: 'WEEKLY', align: 'right' },
    { title: 'COMPONENTS' },
  ] as const;
  return formatTable(columns, rows);
}

function memberTable(result: PlanResult): string {
  const rows = result.layers.flatMap((layer, ordinal) =>
    layer.members.map((member) => [
      String(ordinal),
      formatBytes(member.size),
      formatCount(member.files),
      member.changesPerWeek.toFixed(4),
      member.key,
    ]),
  );
  const columns = [
    { title: 'LAYER', align: 'right' },
    { title: 'SIZE', align: 'right' },
    { title: 'FILES', align: 'right' },
    { title: 'CHANGES/WEEK', align: 'right' },
    { title: 'COMPONENT' },
  ] as const;
  return formatTable(columns, rows);
}

function totals({ totals, layers }: PlanResult): string {
  const kept = layers.filter((layer) => layer.kept);
  const { components, size, cost, bound, ratio } = totals;
  const split = kept.length === 0 ? [] : [`${kept.length} of them as the previous image has them;`];
  return [
    `${formatCount(components)} components, ${formatBytes(size)}, in ${layers.length} layers;`,
    ...split,
    `expected weekly download ${formatBytes(cost)}, at best ${formatBytes(bound)} (ratio ${ratio.toFixed(3)})`,
  ].join(' ');
}
