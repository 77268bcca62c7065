/** `planish plan SOURCE` */
import { Command, Option } from 'commander';
import type { PlanLayer, PlanResult } from '../../ops/build/plan.ts';
import { conflictLines } from '../conflict-lines.ts';
import { formatBytes, formatCount, formatTable, truncate } from '../format.ts';
import { addSourceOptions, type ParsedSourceOptions, sourceOptions } from '../options.ts';
import type { Runtime } from '../runtime.ts';
import { addMergeOption, addSplitOptions, type ParsedSplitOptions, splitOptions } from '../split-options.ts';

interface ParsedOptions extends ParsedSourceOptions, ParsedSplitOptions {
  readonly split?: boolean;
  readonly members?: boolean;
  readonly explain?: string;
  readonly contentmeta?: string;
  readonly contentmetaKeys?: 'path' | 'ostree' | 'verity';
}

const EXAMPLES = `
Examples:
  $ planish plan oci:app:latest
  $ planish plan oci:app:latest --max-layers 16 --members
  $ planish plan oci:app:latest --previous oci:app:flat
  $ planish plan oci:app:latest --base oci:os:42
  $ planish plan oci:os:42 oci:tools:1 rootfs:./overlay --previous oci:os:merged
  $ planish plan oci:app:latest --explain /usr/bin/python3
  $ planish plan oci:app:latest --contentmeta split.json
  $ planish plan oci:app:latest --from-contentmeta split.json

The layers are those that "build" writes with the same options, or "merge" where there are several sources. The cost is what a client that updates weekly is expected to download, the bound what no split can beat. All sizes are
compressed ones, estimated from names and sizes of files, but for those under TAR.`;

/** Defines the verb. */
export function addPlan(program: Command, runtime: Runtime): Command {
  const command = new Command('plan')
    .description('show how an image would be split, without writing it')
    .argument('<source>', 'what to plan')
    .argument('[others...]', 'what is laid over it, in order, as by "merge"')
    .addOption(new Option('--explain <path>', 'which source claimed a file, and why it lies where it lies'))
    .addOption(new Option('--contentmeta <file>', 'write the split to a file, for --from-contentmeta'))
    .addOption(
      new Option('--contentmeta-keys <kind>', 'what names files there (default: "path")').choices([
        'path',
        'ostree',
        'verity',
      ]),
    )
    .addOption(new Option('--members', 'every component with its size and rate of change'))
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, others: string[], _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<ParsedOptions>();
      const { plan } = await import('../../ops/build/plan.ts');
      const result = await plan([source, ...others], {
        ...sourceOptions(runtime, parsed),
        ...splitOptions(parsed),
        split: parsed.split,
        explain: parsed.explain,
        writeContentmeta: parsed.contentmeta,
        contentmetaKeys: parsed.contentmetaKeys,
      });
      runtime.output.json(result);
      if (result.explanation !== undefined) {
        runtime.output.print(explanationText(result.explanation));
        return;
      }
      const table = parsed.members === true ? memberTable(result) : layerTable(result);
      runtime.output.print([...conflictLines(result.conflicts), table, '', totals(result)].join('\n'));
    });
  program.addCommand(addSourceOptions(addSplitOptions(addMergeOption(command))));
  return command;
}

type Explanation = NonNullable<PlanResult['explanation']>;

const REASONS: Readonly<Record<Explanation['reason'], string>> = {
  kept: 'the layer is that of the previous image, and nothing in it has changed',
  database: 'what changes always goes last',
  alone: 'it has a layer to itself',
  cheapest: 'it adds least to the expected download there',
};

function explanationText(explanation: Explanation): string {
  const { path, component, source, claims, layer, others, reason, cost, elsewhere } = explanation;
  const { size, tarSize, rate, changes } = explanation;
  const rivals = claims.filter((claim) => claim.component !== component);
  const there = elsewhere === undefined ? '' : `; ${formatBytes(elsewhere.cost)} in layer ${elsewhere.layer}`;
  return [
    `path       ${path}`,
    `component  ${component}`,
    `claimed    ${source === undefined ? 'with another name of the same file' : `by ${source}`}`,
    ...rivals.map((rival) => `wanted     by ${rival.source} for ${rival.component}`),
    `size       about ${formatBytes(size)} (tar ${formatBytes(tarSize)})`,
    `changes    ${changesText(rate, changes)}`,
    `layer      ${layer}, with ${formatCount(others)} other components: ${REASONS[reason]}`,
    `weekly     ${formatBytes(cost)} more in this layer${there}`,
  ].join('\n');
}

function changesText(rate: number, { days, release, security, development }: Explanation['changes']): string {
  const weeks = rate === 0 ? 'never' : `once in ${formatCount(Math.max(Math.round(1e6 / rate), 1))} weeks`;
  if (release === undefined) return `${weeks}, by ${formatCount(days)} known`;
  const kinds = [`${release} for a release`, `${security} for security`, `${development} for development`];
  return `${weeks}, by ${formatCount(days)} known: ${kinds.join(', ')}`;
}

const MEMBERS_WIDTH = 90;

function layerTable(result: PlanResult): string {
  const rows = result.layers.map((layer, ordinal) => [
    String(ordinal),
    formatBytes(layer.size),
    formatBytes(layer.tarSize),
    layer.stability.toFixed(3),
    formatBytes(layer.cost),
    truncate(contentsOf(layer), MEMBERS_WIDTH),
  ]);
  const columns = [
    { title: 'LAYER', align: 'right' },
    { title: 'SIZE', align: 'right' },
    { title: 'TAR', align: 'right' },
    { title: 'STABLE', align: 'right' },
    { title: 'WEEKLY', align: 'right' },
    { title: 'COMPONENTS' },
  ] as const;
  return formatTable(columns, rows);
}

/** The components of a layer, or what stands in their place. */
function contentsOf({ members, base, kept, whiteouts }: PlanLayer): string {
  if (members.length > 0) return members.map(({ key }) => key).join(' ');
  if (base) return '(of the base image)';
  if (kept) return '(of the previous image)';
  return whiteouts.length === 0 ? '(directories)' : `(directories, ${whiteouts.length} whiteouts)`;
}

function memberTable(result: PlanResult): string {
  const rows = result.layers.flatMap((layer, ordinal) =>
    layer.members.map((member) => [
      String(ordinal),
      formatBytes(member.size),
      formatBytes(member.tarSize),
      formatCount(member.files),
      member.changesPerWeek.toFixed(4),
      member.key,
    ]),
  );
  const columns = [
    { title: 'LAYER', align: 'right' },
    { title: 'SIZE', align: 'right' },
    { title: 'TAR', align: 'right' },
    { title: 'FILES', align: 'right' },
    { title: 'CHANGES/WEEK', align: 'right' },
    { title: 'COMPONENT' },
  ] as const;
  return formatTable(columns, rows);
}

function totals({ totals, layers }: PlanResult): string {
  const base = layers.filter((layer) => layer.base);
  const kept = layers.filter((layer) => layer.kept && !layer.base);
  const { components, size, cost, bound, ratio } = totals;
  const above = layers.slice(base.length);
  const tarSize = above.reduce((sum, layer) => sum + layer.tarSize, 0);
  const below = base.length === 0 ? '' : ` above ${base.length} of the base image`;
  const split = kept.length === 0 ? [] : [`${kept.length} of them as the previous image has them;`];
  return [
    `${formatCount(components)} components, about ${formatBytes(size)} (tar ${formatBytes(tarSize)}), in ${above.length} layers${below};`,
    ...split,
    `expected weekly download ${formatBytes(cost)}, at best ${formatBytes(bound)} (ratio ${ratio.toFixed(3)})`,
  ].join(' ');
}
