/** `planish seal SOURCE -o DEST` */
import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import type { SealResult } from '../../ops/seal/seal.ts';
import {
  addBootSigningOptions,
  bootSigningOptions,
  type ParsedBootSigning,
} from '../boot-signing-options.ts';
import { formatBytes, formatSeconds, truncate } from '../format.ts';
import {
  addSourceOptions,
  collect,
  componentMapOption,
  orderOption,
  type ParsedSourceOptions,
  parseCount,
  previousOption,
  profileOption,
  replanOption,
  sourceOptions,
} from '../options.ts';
import type { Runtime } from '../runtime.ts';

interface ParsedOptions extends ParsedSourceOptions, ParsedBootSigning {
  readonly output: string;
  readonly maxLayers?: number;
  readonly componentMap?: string;
  readonly previous?: string;
  readonly replan?: boolean;
  readonly order: 'path' | 'previous';
  readonly compression?: 'zstd' | 'gzip' | 'none';
  readonly level?: number;
  readonly selinux?: 'keep' | 'policy' | 'strip';
  readonly label: readonly string[];
  readonly annotation: readonly string[];
  readonly profile?: SealResult['profile'];
  readonly karg: readonly string[];
  readonly stub?: string;
  readonly initrd: readonly string[];
  readonly kernel: readonly string[];
  readonly ukiAddon: readonly string[];
  readonly addon: readonly string[];
  readonly allowMissingVerity?: boolean;
  readonly dump?: boolean;
  readonly unsigned?: boolean;
  readonly request?: string;
  readonly attach: readonly string[];
}

const EXAMPLES = `
Examples:
  $ planish seal oci:os:42 -o oci:os:sealed --key db.key --cert db.crt
  $ planish seal oci:os:42 -o oci:os:sealed --key db.key --cert db.crt --karg console=ttyS0 --dump
  $ planish seal oci:os:42 -o oci:os:sealed --cert db.crt \\
      --sign-with 'exec:openssl pkeyutl -sign -inkey db.key -pkeyopt digest:sha256'
  $ planish seal oci:os:42 -o oci:os:waiting --sign-with detached --request request.json
  $ planish seal oci:os:waiting -o oci:os:sealed --attach signature.bin --cert db.crt

Kernel and initial file system are taken out of the tree and put into a UKI, with the digest that hosts will compute of
the rest on its command line. The UKI is signed and becomes the last layer, as /boot/EFI/Linux/VERSION.efi. Then the
image is read again, and what hosts will compute of its layers is compared with what the UKI says.`;

const repeatable = (flags: string, description: string): Option =>
  new Option(flags, `${description}; repeatable`).argParser(collect).default([], 'none');

/** Defines the verb. */
export function addSeal(program: Command, runtime: Runtime): Command {
  const command = new Command('seal')
    .description('make an image that boots as it is or not at all: a signed UKI with its digest')
    .argument('<source>', 'an image with a kernel, or with --attach a sealed one')
    .addOption(
      new Option(
        '-o, --output <dest>',
        'oci:DIR[:TAG], oci-archive:FILE[:TAG], docker://HOST/REPOSITORY[:TAG] or a directory',
      ).makeOptionMandatory(),
    )
    .addOption(repeatable('--karg <argument>', 'kernel argument behind those of kargs.d and the digest'))
    .addOption(new Option('--stub <file>', "systemd's EFI stub (default: the image's)"))
    .addOption(repeatable('--initrd <file>', "initial file system instead of the image's"))
    .addOption(repeatable('--kernel <version>', 'a kernel of an image that has several; name every one'))
    .addOption(repeatable('--uki-addon <file>', 'an addon (*.addon.efi) for the UKI'))
    .addOption(repeatable('--addon <file>', 'an addon for all UKIs'))
    .addOption(new Option('--dump', 'put a dumpfile of the sealed tree into /boot, to explain mismatches by'))
    .addOption(new Option('--allow-missing-verity', 'boot without fs-verity too: then nothing is sealed'))
    .addOption(profileOption('hosts that are to boot it (default: "bootc"); changes the digest'));
  addBootSigningOptions(command)
    .addOption(new Option('--unsigned', 'do not sign'))
    .addOption(
      new Option('--request <file>', 'with --sign-with detached: where to write what is to be signed'),
    )
    .addOption(
      repeatable(
        '--attach <[path=]file>',
        'a signature that came for a sealed image: raw, base64 or PKCS #7',
      ),
    );
  addImageOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, _: unknown, self: Command) => {
      await run(source, self.optsWithGlobals<ParsedOptions>(), runtime);
    });
  program.addCommand(addSourceOptions(command));
  return command;
}

function addImageOptions(command: Command): Command {
  return command
    .addOption(new Option('--max-layers <n>', 'layer budget, 2 to 500 (default: 64)').argParser(parseCount))
    .addOption(componentMapOption())
    .addOption(previousOption())
    .addOption(replanOption())
    .addOption(orderOption())
    .addOption(
      new Option('--compression <kind>', 'of the layers (default: "zstd")').choices(['zstd', 'gzip', 'none']),
    )
    .addOption(
      new Option('--level <n>', 'of the compression: zstd 1-19 (default 3), gzip 1-9 (default 6)').argParser(
        parseCount,
      ),
    )
    .addOption(
      new Option('--selinux <how>', 'SELinux labels: as they came, by the policy in the image, or none')
        .choices(['keep', 'policy', 'strip'])
        .default('keep'),
    )
    .addOption(repeatable('--label <KEY=VALUE>', 'set a label of the config, or KEY- to remove one'))
    .addOption(repeatable('--annotation <KEY=VALUE>', 'set an annotation of the manifest, or KEY-'));
}

async function run(source: string, parsed: ParsedOptions, runtime: Runtime): Promise<void> {
  if (parsed.attach.length > 0) return await attach(source, parsed, runtime);
  const { seal } = await import('../../ops/seal/seal.ts');
  const { parseKeyEdit, parseSourceDateEpoch } = await import('../../ops/build/image-config.ts');
  const start = performance.now();
  const result = await seal(source, {
    ...sourceOptions(runtime, parsed),
    ...bootSigningOptions(parsed),
    destination: parsed.output,
    profile: parsed.profile,
    kargs: parsed.karg,
    stub: parsed.stub,
    initrds: parsed.initrd,
    kernels: parsed.kernel,
    ukiAddons: parsed.ukiAddon,
    addons: parsed.addon,
    allowMissingVerity: parsed.allowMissingVerity,
    dump: parsed.dump,
    unsigned: parsed.unsigned,
    maxLayers: parsed.maxLayers,
    componentMap: parsed.componentMap,
    previous: parsed.previous,
    replan: parsed.replan,
    order: parsed.order,
    compression: parsed.compression,
    level: parsed.level,
    selinux: parsed.selinux,
    labels: parsed.label.map(parseKeyEdit),
    annotations: parsed.annotation.map(parseKeyEdit),
    created: parseSourceDateEpoch(process.env['SOURCE_DATE_EPOCH']),
  });
  if (parsed.request !== undefined && result.request !== undefined) {
    writeFileSync(parsed.request, `${JSON.stringify(result.request, undefined, 2)}\n`);
  }
  runtime.output.json(result);
  runtime.output.print(summary(result, (performance.now() - start) / 1000));
}

/** `--attach`: other options than those of the signature and the destination do not apply. */
async function attach(source: string, parsed: ParsedOptions, runtime: Runtime): Promise<void> {
  const { attachSignatures } = await import('../../ops/seal/seal-attach.ts');
  const { parseAttached } = await import('../../ops/seal/seal-request.ts');
  const { certificate, time } = bootSigningOptions(parsed);
  const result = await attachSignatures(source, {
    ...sourceOptions(runtime, parsed),
    destination: parsed.output,
    signatures: parsed.attach.map(parseAttached),
    certificate,
    time,
    profile: parsed.profile,
    selinux: parsed.selinux,
    level: parsed.level,
    maxLayers: parsed.maxLayers,
    componentMap: parsed.componentMap,
  });
  runtime.output.json(result);
  const carried = result.layers.filter((layer) => layer.carried).length;
  runtime.output.print(
    [
      ...result.proof.files.map(
        ({ path, signatures }) => `signed     ${path}: ${signatures.at(-1)?.signer ?? 'no'}`,
      ),
      `layers     ${carried} of ${result.after.layers} as they were`,
      `proved     ${result.proof.bootable.slice(0, 16)}… recomputed from the layers of ${result.destination}`,
      `manifest   ${result.manifest.digest}`,
    ].join('\n'),
  );
}

const CMDLINE_WIDTH = 160;

function summary(result: SealResult, seconds: number): string {
  const { files, after, profile, proof, manifest, destination } = result;
  return [
    ...files.flatMap(({ path, kind, size, cmdline, authenticode, signer }) => [
      `${kind.padEnd(10)} ${path} (${formatBytes(size)})`,
      ...(cmdline === undefined ? [] : [`cmdline    ${truncate(cmdline, CMDLINE_WIDTH)}`]),
      ...(authenticode === undefined ? [] : [`digest     ${authenticode}`]),
      ...(authenticode === undefined ? [] : [`signed     ${signer ?? 'no'}`]),
    ]),
    `layers     ${after.layers}, ${formatBytes(after.size)}`,
    `sealed     ${result.argument} for ${profile}`,
    `proved     ${proof.bootable.slice(0, 16)}… recomputed from the layers of ${destination}`,
    `manifest   ${manifest.digest}`,
    `wrote      ${destination} in ${formatSeconds(seconds)}`,
  ].join('\n');
}
