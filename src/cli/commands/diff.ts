/** `planish diff A B` */
import { Command, Option } from 'commander';
import type { DiffResult } from '../../ops/look/diff.ts';
import type { DownloadComponent, DownloadResult } from '../../ops/look/download.ts';
import { differingLines } from '../differing-paths.ts';
import { formatBytes, formatTable, shortDigest, truncate } from '../format.ts';
import { addSourceOptions, type ParsedSourceOptions, sourceOptions } from '../options.ts';
import type { Runtime } from '../runtime.ts';

const EXAMPLES = `
Examples:
  $ planish diff oci:app:1.0 oci:app:1.1
  $ planish diff oci:app:latest rootfs:/mnt/root
  $ planish --json diff dump:a.dump b.erofs
  $ planish diff --download oci:app:1.0 oci:app:1.1

Compares the trees as they are, before anything that a host does to them ("explain" looks through that): "+" only in B,
"-" only in A, "~" in both, with the values of A and B; last, the objects (contents of more than 64 bytes, each once) that
a composefs host of A lacks for B. Exit status 1 when anything differs. With --download, prints what
a client of A downloads for B instead, by layer and by component; only documents are read. Exit status 1 when it
downloads anything.`;

/** Defines the verb. */
export function addDiff(program: Command, runtime: Runtime): Command {
  const command = new Command('diff')
    .description('print what differs between two trees')
    .argument('<a>', 'a source')
    .argument('<b>', 'another source')
    .addOption(new Option('--no-nanoseconds', 'ignore fractions of seconds'))
    .addOption(
      new Option('--download', 'what a client of A downloads for B, from the documents of both images'),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (a: string, b: string, _: unknown, self: Command): Promise<void> => {
      const parsed = self.optsWithGlobals<
        ParsedSourceOptions & { nanoseconds: boolean; download?: boolean }
      >();
      if (parsed.download === true) return await runDownload(a, b, parsed, runtime);
      const { diff } = await import('../../ops/look/diff.ts');
      const { nanoseconds } = parsed;
      const result = await diff(a, b, { ...sourceOptions(runtime, parsed), nanoseconds });
      runtime.output.json(result);
      const lines = result.differences.flatMap(differingLines);
      if (lines.length > 0) runtime.output.print(lines.join('\n'));
      if (result.objects !== undefined && result.objects.missing.objects > 0)
        runtime.output.print(objectLine(result.objects));
      if (lines.length > 0) runtime.exitStatus = 1;
    });
  program.addCommand(addSourceOptions(command));
  return command;
}

/** Set apart from the paths by an empty line. */
function objectLine({ missing, total }: NonNullable<DiffResult['objects']>): string {
  const part = `${missing.objects} of ${total.objects} objects, ${formatBytes(missing.bytes)} of ${formatBytes(total.bytes)}`;
  return `\nobjects    ${part}, that a composefs host of A lacks for B`;
}

async function runDownload(
  a: string,
  b: string,
  parsed: ParsedSourceOptions,
  runtime: Runtime,
): Promise<void> {
  const { download } = await import('../../ops/look/download.ts');
  const result = await download(a, b, sourceOptions(runtime, parsed));
  runtime.output.json(result);
  if (result.fresh.layers > 0) runtime.output.print(`${layerTable(result)}\n`);
  runtime.output.print(summary(result));
  if (result.fresh.layers > 0) runtime.exitStatus = 1;
}

const COMPONENTS_WIDTH = 80;

function layerTable({ layers }: DownloadResult): string {
  const rows = layers.flatMap(({ digest, size, fresh, changed, unchanged }, ordinal) =>
    fresh ? [[String(ordinal), formatBytes(size), shortDigest(digest), list(changed), list(unchanged)]] : [],
  );
  const columns = [
    { title: 'LAYER', align: 'right' },
    { title: 'SIZE', align: 'right' },
    { title: 'DIGEST' },
    { title: 'CHANGED' },
    { title: 'UNCHANGED' },
  ] as const;
  return formatTable(columns, rows);
}

function list(components: readonly DownloadComponent[] | undefined): string {
  if (components === undefined) return '?';
  const bySize = [...components].sort((a, b) => b.size - a.size);
  return truncate(
    bySize.map(({ key, size }) => `${key} (${formatBytes(size)})`).join(' ') || '-',
    COMPONENTS_WIDTH,
  );
}

function summary({ fresh, total, commonLayers, best }: DownloadResult): string {
  const part = `${formatBytes(fresh.size)} of ${formatBytes(total.size)}`;
  const atBest = best === undefined ? '' : `; at best ${formatBytes(best)}, the components that have changed`;
  return [
    `download   ${part}, ${fresh.layers} of ${total.layers} layers${atBest}`,
    `unpack     ${total.layers - commonLayers} layers, where clients keep chains of layers`,
  ].join('\n');
}
