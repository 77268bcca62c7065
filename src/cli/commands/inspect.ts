/** `planish inspect IMAGE` */
import { Command, Option } from 'commander';
import type { AttachedArtifact, InspectResult } from '../../ops/look/inspect.ts';
import { formatBytes, formatTable, shortDigest, truncate } from '../format.ts';
import { commonOptions } from '../options.ts';
import type { GlobalOptions, Runtime } from '../runtime.ts';

const EXAMPLES = `
Examples:
  $ planish inspect oci:app:flat
  $ planish --json inspect oci-archive:app.tar | jq '.layers[].key'

Only the documents are read: "verify" checks what they claim.`;

/** Defines the verb. */
export function addInspect(program: Command, runtime: Runtime): Command {
  const command = new Command('inspect')
    .description('show layers, components, digests, labels and annotations of an image')
    .argument('<image>', 'an image with a manifest')
    .addOption(
      new Option('--platform <os/arch[/variant]>', 'which image of an index (default: this machine)'),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (image: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<GlobalOptions & { platform?: string }>();
      const { inspect } = await import('../../ops/look/inspect.ts');
      const result = await inspect(image, { ...commonOptions(runtime, parsed), platform: parsed.platform });
      runtime.output.json(result);
      runtime.output.print(describe(result));
    });
  program.addCommand(command);
  return command;
}

function describe(result: InspectResult): string {
  return [
    `image      ${result.reference}${result.name === undefined ? '' : ` (${result.name})`}`,
    `platform   ${result.platform}`,
    `manifest   ${result.manifest.digest}`,
    `config     ${result.config.digest}`,
    ...(result.created === undefined ? [] : [`created    ${result.created}`]),
    `size       ${formatBytes(result.size)} in ${result.layers.length} layers`,
    ...pairs('composefs', result.composefs),
    ...pairs('label', result.labels),
    ...pairs('annotation', result.annotations),
    ...result.attached.map(describeAttached),
    '',
    layerTable(result),
  ].join('\n');
}

function describeAttached({ digest, how, type, layers, error }: AttachedArtifact): string {
  const what =
    error !== undefined
      ? `unreadable: ${error}`
      : how === 'tag'
        ? `cosign signatures: ${layers}`
        : truncate(JSON.stringify(type ?? '').slice(1, -1), VALUE_WIDTH);
  return `attached   ${digest} ${what}`;
}

const VALUE_WIDTH = 140;

function pairs(title: string, values: Readonly<Record<string, string>>): string[] {
  return Object.entries(values).map(
    ([key, value]) =>
      `${title.padEnd(10)} ${key}=${truncate(JSON.stringify(value).slice(1, -1), VALUE_WIDTH)}`,
  );
}

const COMPONENTS_WIDTH = 70;

function layerTable(result: InspectResult): string {
  const rows = result.layers.map((layer, ordinal) => [
    String(ordinal),
    formatBytes(layer.size),
    layer.mediaType.replace(/^.*\.(?=tar|diff)/, ''),
    shortDigest(layer.digest),
    layer.key?.slice(0, 12) ?? '-',
    layer.stability?.toFixed(3) ?? '-',
    truncate(layer.components?.map(({ key }) => key).join(' ') ?? '-', COMPONENTS_WIDTH),
  ]);
  const columns = [
    { title: 'LAYER', align: 'right' },
    { title: 'SIZE', align: 'right' },
    { title: 'TYPE' },
    { title: 'DIGEST' },
    { title: 'KEY' },
    { title: 'STABLE', align: 'right' },
    { title: 'COMPONENTS' },
  ] as const;
  return formatTable(columns, rows);
}
