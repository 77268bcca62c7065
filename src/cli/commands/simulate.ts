/** `planish simulate IMAGE…` */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { SimulateResult } from '../../ops/simulate/simulate.ts';
import { type Column, formatBytes, formatCount, formatSeconds, formatTable, printable } from '../format.ts';
import { addSourceOptions, componentMapOption, type ParsedSourceOptions, sourceOptions } from '../options.ts';
import type { Runtime } from '../runtime.ts';

interface ParsedOptions extends ParsedSourceOptions {
  readonly maxLayers?: readonly number[];
  readonly sizes: 'compressed' | 'tar';
  readonly peers: boolean;
  readonly componentMap?: string;
  readonly details?: boolean;
  readonly build?: boolean;
  readonly tsv?: string;
}

const EXAMPLES = `
Examples:
  $ planish simulate oci:os:41.1 oci:os:41.2 oci:os:41.3
  $ planish simulate tar:week1.tar tar:week2.tar tar:week3.tar --max-layers 16,32,64
  $ planish --json simulate oci:os:41.1 oci:os:41.2 --sizes tar > economy.json
  $ planish simulate oci:os:41.1 oci:os:41.2 --no-peers --build --tsv updates.tsv

Name the images of a series, the oldest first. For every way of splitting them: what a client downloads that follows
all updates (DOWNLOAD), as a multiple of the bytes that changed (RATIO), and how many layers were rewritten although
nothing in them had changed (SPURIOUS). Nothing is written but --tsv; what --build makes is removed.`;

/** Defines the verb. */
export function addSimulate(program: Command, runtime: Runtime): Command {
  const command = new Command('simulate')
    .description('what updates along a series of images cost, by way of splitting them')
    .argument('<image...>', 'the series, the oldest first')
    .addOption(
      new Option('--max-layers <n,…>', 'layer budgets, each 1 to 500 (default: 64)').argParser(parseBudgets),
    )
    .addOption(
      new Option('--sizes <kind>', 'weigh components compressed, or by their tar, which is faster')
        .choices(['compressed', 'tar'])
        .default('compressed'),
    )
    .addOption(new Option('--no-peers', 'without the ways of other tools'))
    .addOption(componentMapOption())
    .addOption(new Option('--details', 'more figures: lagging clients, size, rebuilds, seconds, chains'))
    .addOption(
      new Option('--build', 'build the images too: are they what they were, in what time and memory'),
    )
    .addOption(new Option('--tsv <file>', 'write a line for each update and planner, for plots'))
    .addHelpText('after', EXAMPLES)
    .action(async (images: string[], _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<ParsedOptions>();
      const { simulate } = await import('../../ops/simulate/simulate.ts');
      const { maxLayers, sizes, peers, componentMap, build, tsv } = parsed;
      const choices = { maxLayers, sizes, peers, componentMap, build, tsv };
      const options = { ...sourceOptions(runtime, parsed), ...choices };
      const result = await simulate(images, options);
      runtime.output.json(result);
      runtime.output.print(heading(result));
      runtime.output.print(`\n${economyTable(result)}`);
      if (parsed.details === true) runtime.output.print(`\n${detailTable(result)}`);
      if (result.builds.length > 0) runtime.output.print(`\n${buildTable(result)}`);
    });
  program.addCommand(addSourceOptions(command));
  return command;
}

function parseBudgets(text: string): number[] {
  return text.split(',').map((part) => {
    if (/^[1-9][0-9]{0,8}$/.test(part)) return Number(part);
    throw new InvalidArgumentError('expected whole numbers from 1, with commas between');
  });
}

function heading({ images, sizes, planners }: SimulateResult): string {
  const last = images.at(-1);
  const bound = planners[0]?.weekly.bound ?? 0;
  return [
    `${formatCount(images.length)} images; the last has ${formatCount(last?.components ?? 0)} components, ${formatBytes(last?.size ?? 0)} (${sizes});`,
    `at best, a client of all updates downloads ${formatBytes(bound)}`,
  ].join(' ');
}

type Row = SimulateResult['planners'][number];
type Cell = readonly [Column, (row: Row) => string];

const NAME: readonly Cell[] = [
  [{ title: 'LAYERS', align: 'right' }, (row) => (row.maxLayers === 0 ? '' : String(row.maxLayers))],
  [{ title: 'PLANNER' }, (row) => row.planner],
];

const ECONOMY: readonly Cell[] = [
  ...NAME,
  [{ title: 'DOWNLOAD', align: 'right' }, (row) => formatBytes(row.weekly.bytes)],
  [{ title: 'RATIO', align: 'right' }, (row) => row.ratio.toFixed(3)],
  [{ title: 'EXCESS', align: 'right' }, (row) => formatBytes(Math.max(row.excess, 0))],
  [{ title: 'CHANGED', align: 'right' }, (row) => row.changedLayers.toFixed(1)],
  [{ title: 'SPURIOUS', align: 'right' }, (row) => (row.maxLayers === 0 ? '' : String(row.spuriousLayers))],
  [{ title: 'REGISTRY', align: 'right' }, (row) => formatBytes(row.registryGrowth)],
];

const DETAILS: readonly Cell[] = [
  ...NAME,
  [{ title: 'LAGGING', align: 'right' }, (row) => formatBytes(row.lagging.bytes)],
  [{ title: 'FIRST-LAST', align: 'right' }, (row) => formatBytes(row.firstToLast.bytes)],
  [{ title: 'SIZE', align: 'right' }, (row) => row.sizeRatio?.toFixed(4) ?? ''],
  [{ title: 'REBUILD', align: 'right' }, (row) => (row.maxLayers === 0 ? '' : formatBytes(row.noOp))],
  [{ title: 'RANGES', align: 'right' }, (row) => row.ranges?.toFixed(0) ?? ''],
  [{ title: '+1', align: 'right' }, (row) => perturbation(row, 'added')],
  [{ title: '-1', align: 'right' }, (row) => perturbation(row, 'removed')],
  [{ title: '×1.3', align: 'right' }, (row) => perturbation(row, 'grown')],
  [{ title: 'SERIAL', align: 'right' }, (row) => formatSeconds(row.serialSeconds)],
  [{ title: 'BY 6', align: 'right' }, (row) => formatSeconds(row.parallelSeconds)],
  [{ title: 'KEPT', align: 'right' }, (row) => row.keptPrefix.toFixed(1)],
];

function perturbation({ maxLayers, perturbations }: Row, which: keyof Row['perturbations']): string {
  return maxLayers === 0 ? '' : String(perturbations[which].layers);
}

function economyTable(result: SimulateResult): string {
  return table(ECONOMY, result);
}

function detailTable(result: SimulateResult): string {
  return table(DETAILS, result);
}

function table(cells: readonly Cell[], result: SimulateResult): string {
  const rows = [...result.planners, ...asPublished(result)];
  return formatTable(
    cells.map(([column]) => column),
    rows.map((row) => cells.map(([, text]) => text(row))),
  );
}

type Build = SimulateResult['builds'][number];

const BUILDS: readonly (readonly [Column, (build: Build) => string])[] = [
  [{ title: 'BUILD' }, ({ kind }) => kind],
  [{ title: 'DIFFERS', align: 'right' }, ({ differences }) => formatCount(differences)],
  [{ title: 'LAYERS', align: 'right' }, ({ layers }) => formatCount(layers)],
  [{ title: 'WRITTEN', align: 'right' }, ({ writtenLayers }) => formatCount(writtenLayers)],
  [{ title: 'BYTES', align: 'right' }, ({ writtenSize }) => formatBytes(writtenSize)],
  [{ title: 'TIME', align: 'right' }, ({ seconds }) => formatSeconds(seconds)],
  [{ title: 'CPU', align: 'right' }, ({ cpuSeconds }) => formatSeconds(cpuSeconds)],
  [
    { title: 'MEMORY', align: 'right' },
    ({ peakMemory }) => (peakMemory === undefined ? '' : formatBytes(peakMemory)),
  ],
  [{ title: 'DISK', align: 'right' }, ({ peakDisk }) => formatBytes(peakDisk)],
  [{ title: 'IMAGE' }, ({ source }) => printable(source)],
];

function buildTable({ builds }: SimulateResult): string {
  return formatTable(
    BUILDS.map(([column]) => column),
    builds.map((build) => BUILDS.map(([, text]) => text(build))),
  );
}

const NOTHING = { layers: 0, bytes: 0 };

/** The images' own layers as one more row; a budget of 0 stands for none. */
function asPublished({ published }: SimulateResult): Row[] {
  if (published === undefined) return [];
  const perturbations = { added: NOTHING, removed: NOTHING, grown: NOTHING };
  return [{ planner: 'the layers as published', maxLayers: 0, noOp: 0, perturbations, ...published }];
}
