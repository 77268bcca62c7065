/** `planish build SOURCE -o DEST` */
import { Command, Option } from 'commander';
import type { BuildOptions } from '../../ops/build/build-options.ts';
import type { BuildResult } from '../../ops/build/build-result.ts';
import { formatBytes, formatCount, formatSeconds, formatTable, shortDigest, truncate } from '../format.ts';
import {
  addSourceOptions,
  collect,
  formatNumber,
  formatOption,
  orderOption,
  type ParsedSourceOptions,
  parseCount,
  sourceOptions,
} from '../options.ts';
import type { Runtime } from '../runtime.ts';
import { addSplitOptions, type ParsedSplitOptions, splitOptions } from '../split-options.ts';

/** Options of `build`, and of verbs that build. */
export interface ParsedBuildOptions extends ParsedSourceOptions, ParsedSplitOptions {
  readonly output: string;
  readonly contentmeta?: string;
  readonly order: 'path' | 'previous';
  readonly level?: number;
  readonly format?: string;
  readonly label: readonly string[];
  readonly annotation: readonly string[];
}

const EXAMPLES = `
Examples:
  $ planish build oci:app:latest -o oci:app:flat
  $ planish build docker-archive:saved.tar -o oci-archive:flat.tar --compression gzip
  $ planish build rootfs:/mnt/root -o oci:os:42 --label containers.bootc=1 --max-layers 96
  $ planish build docker://r.example/built:2 -o docker://r.example/app:2 --previous docker://r.example/app:1
  $ planish build oci:app:latest -o oci:app:flat2 --previous oci:app:flat
  $ planish build oci:app:latest -o oci:app:flat3 --previous oci:app:flat2 --order previous
  $ planish build oci:app:latest -o oci:app:flat4 --previous oci:app:flat3 --plan-file /usr/lib/layers.plan
  $ SOURCE_DATE_EPOCH=1780000000 planish build tar:root.tar -o oci:os:42

The tree is flattened, times become whole seconds, and the files are split into layers by the package they belong to.
The same source and options give the same bytes on every machine; --jobs never changes them. With --previous, layers of
which nothing has changed are carried over from that image, and the rest is split again among itself.`;

/** Defines the verb. */
export function addBuild(program: Command, runtime: Runtime): Command {
  const command = new Command('build')
    .description('flatten an image, digest it, and write it as layers that last')
    .argument('<source>', 'what to build from')
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, _: unknown, self: Command) => {
      await run(source, self.optsWithGlobals<ParsedBuildOptions>(), runtime);
    });
  program.addCommand(addBuildOptions(command));
  return command;
}

/** Adds the options of {@link ParsedBuildOptions}. */
export function addBuildOptions(command: Command): Command {
  command
    .addOption(
      new Option(
        '-o, --output <dest>',
        'oci:DIR[:TAG], oci-archive:FILE[:TAG], docker://HOST/REPOSITORY[:TAG] or a directory',
      ).makeOptionMandatory(),
    )
    .addOption(
      new Option('--contentmeta <file>', 'short for --from-contentmeta').conflicts('fromContentmeta'),
    )
    .addOption(orderOption())
    .addOption(
      new Option('--level <n>', 'of the compression: zstd 1-19 (default 3), gzip 1-9 (default 6)').argParser(
        parseCount,
      ),
    )
    .addOption(formatOption('EROFS format of the image digest; changes it (default: "v1")'))
    .addOption(
      new Option('--label <KEY=VALUE>', 'set a label of the config, or KEY- to remove one; repeatable')
        .argParser(collect)
        .default([], 'none'),
    )
    .addOption(
      new Option('--annotation <KEY=VALUE>', 'set an annotation of the manifest, or KEY-; repeatable')
        .argParser(collect)
        .default([], 'none'),
    );
  return addSourceOptions(addSplitOptions(command));
}

/** What the command line says, as options of `build`. */
export async function buildOptions(runtime: Runtime, parsed: ParsedBuildOptions): Promise<BuildOptions> {
  const { parseKeyEdit, parseSourceDateEpoch } = await import('../../ops/build/image-config.ts');
  return {
    ...sourceOptions(runtime, parsed),
    destination: parsed.output,
    ...splitOptions({ ...parsed, fromContentmeta: parsed.contentmeta ?? parsed.fromContentmeta }),
    order: parsed.order,
    level: parsed.level,
    format: formatNumber(parsed.format),
    labels: parsed.label.map(parseKeyEdit),
    annotations: parsed.annotation.map(parseKeyEdit),
    created: parseSourceDateEpoch(process.env['SOURCE_DATE_EPOCH']),
  };
}

async function run(source: string, parsed: ParsedBuildOptions, runtime: Runtime): Promise<void> {
  const { build } = await import('../../ops/build/build.ts');
  const start = performance.now();
  const result = await build(source, await buildOptions(runtime, parsed));
  runtime.output.json(result);
  runtime.output.print(summary(result, (performance.now() - start) / 1000));
}

const COMPONENTS_WIDTH = 60;

/** What was built, for people. */
export function summary(result: BuildResult, seconds: number): string {
  const rows = result.layers.map((layer, ordinal) => [
    String(ordinal),
    formatBytes(layer.size),
    formatBytes(layer.tarSize),
    formatCount(layer.entries),
    layer.stability.toFixed(3),
    shortDigest(layer.digest),
    truncate(layer.components.join(' '), COMPONENTS_WIDTH),
  ]);
  const columns = [
    { title: 'LAYER', align: 'right' },
    { title: 'SIZE', align: 'right' },
    { title: 'TAR', align: 'right' },
    { title: 'ENTRIES', align: 'right' },
    { title: 'STABLE', align: 'right' },
    { title: 'DIGEST' },
    { title: 'COMPONENTS' },
  ] as const;
  return [formatTable(columns, rows), '', ...facts(result, seconds)].join('\n');
}

function facts(result: BuildResult, seconds: number): string[] {
  const { before, after, plan, digests, update } = result;
  const speed = formatBytes(before.tarSize / Math.max(seconds, 0.001));
  return [
    `layers     ${before.layers} → ${after.layers}, ${formatBytes(before.size)} → ${formatBytes(after.size)} (tar ${formatBytes(before.tarSize)} → ${formatBytes(after.tarSize)})`,
    `plan       ${formatCount(plan.components)} components; expected weekly download ${formatBytes(plan.cost)}, at best ${formatBytes(plan.bound)} (ratio ${plan.ratio.toFixed(3)})`,
    ...(update === undefined ? [] : [updateLine(update, after)]),
    `composefs  v${digests.format} ${digests.algorithm} ${digests.container ?? `${digests.tree} (tree as it is; no host digest)`}`,
    ...(digests.bootable === undefined ? [] : [`bootable   ${digests.bootable}`]),
    `manifest   ${result.manifest.digest}`,
    `wrote      ${result.destination} in ${formatSeconds(seconds)} (${speed}/s)`,
  ];
}

function updateLine(update: NonNullable<BuildResult['update']>, after: BuildResult['after']): string {
  const { layers, size, previous, replanned } = update;
  const part = `${formatBytes(size)} of ${formatBytes(after.size)}`;
  const how = replanned ? ', planned afresh' : '';
  return `update     ${part}, ${layers} of ${after.layers} layers, for clients of ${previous}${how}`;
}
