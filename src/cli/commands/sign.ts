/** `planish sign IMAGE` */
import { Command, Option } from 'commander';
import { PlanishError } from '../../errors.ts';
import type { SignatureForm, SignResult } from '../../ops/sign/sign.ts';
import type { SignComposefsResult } from '../../ops/sign/sign-composefs.ts';
import { commonOptions } from '../options.ts';
import type { GlobalOptions, Runtime } from '../runtime.ts';
import { addSigningKey, type ParsedSigningKey, signingKey } from '../signing-options.ts';

interface ParsedOptions extends GlobalOptions, ParsedSigningKey {
  readonly platform?: string;
  readonly identity?: string;
  readonly form?: SignatureForm;
  readonly composefs?: 'inline' | 'artifact';
  readonly fsverity?: boolean;
  readonly cert?: string;
  readonly algorithm?: 'sha512' | 'sha256';
  readonly output?: string;
  readonly tmpdir?: string;
}

const EXAMPLES = `
Examples:
  $ planish sign oci:os:42 --key cosign.key --identity registry.example/os
  $ planish sign oci-archive:os.tar --key release.pem --form bundle
  $ planish sign oci:os:42 --sign-with 'exec:openssl pkeyutl -sign -inkey k.pem -pkeyopt digest:sha256' \\
      --public-key k.pub --identity registry.example/os
  $ planish sign oci:os:42 --composefs artifact --key verity.pem --cert verity.crt
  $ planish sign --fsverity os.erofs --key verity.pem --cert verity.crt -o os.erofs.sig

An image is signed where it lies, in a layout or an archive; nothing else of it changes, but its manifest with
"--composefs inline". The same input, key and options give the same bytes, and a second run changes nothing.`;

/** Defines the verb. */
export function addSign(program: Command, runtime: Runtime): Command {
  const command = new Command('sign')
    .description('sign an image or a file, for cosign, podman, skopeo, bootc and the kernel')
    .argument('<image>', 'an image in a layout or an OCI archive; with --fsverity, a file')
    .addOption(new Option('--identity <repository>', 'what the image is published as: HOST/REPOSITORY'))
    .addOption(
      new Option('--form <form>', 'one form of signature only (default: both)').choices(['cosign', 'bundle']),
    )
    .addOption(
      new Option('--composefs <where>', 'sign its fs-verity digests: in its annotations, or in an artifact')
        .choices(['inline', 'artifact'])
        .conflicts(['identity', 'form']),
    )
    .addOption(
      new Option('--fsverity', 'sign the fs-verity digest of a file').conflicts([
        'identity',
        'form',
        'composefs',
        'platform',
      ]),
    )
    .addOption(new Option('--cert <file>', 'certificate of the key; needed for --composefs and --fsverity'))
    .addOption(
      new Option('--algorithm <name>', 'fs-verity algorithm (default: "sha512")').choices([
        'sha512',
        'sha256',
      ]),
    )
    .addOption(new Option('-o, --output <file>', 'with --fsverity: where to write it (default: FILE.sig)'))
    .addOption(
      new Option(
        '--platform <os/arch[/variant]>',
        'sign this image of an index, not the index and all of it',
      ),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (image: string, _: unknown, self: Command) => {
      await run(image, self.optsWithGlobals<ParsedOptions>(), runtime);
    });
  program.addCommand(addSigningKey(command));
  return command;
}

async function run(image: string, parsed: ParsedOptions, runtime: Runtime): Promise<void> {
  if (parsed.fsverity === true) return await runFile(image, parsed, runtime);
  if (parsed.composefs !== undefined) return await runComposefs(image, parsed, runtime);
  const { sign } = await import('../../ops/sign/sign.ts');
  const result = await sign(image, {
    ...commonOptions(runtime, parsed),
    ...signingKey(parsed),
    identity: parsed.identity,
    forms: parsed.form === undefined ? undefined : [parsed.form],
    platform: parsed.platform,
  });
  runtime.output.json(result);
  runtime.output.print(describe(result));
}

async function runFile(file: string, parsed: ParsedOptions, runtime: Runtime): Promise<void> {
  const { signFile } = await import('../../ops/sign/sign-file.ts');
  const { algorithm, output } = parsed;
  const certificate = requiredCertificate(parsed);
  const options = {
    ...commonOptions(runtime, parsed),
    ...signingKey(parsed),
    certificate,
    algorithm,
    output,
  };
  const result = await signFile(file, options);
  runtime.output.json(result);
  runtime.output.print(`${result.digest}\nsigned ${result.file} by ${result.signature}`);
}

async function runComposefs(image: string, parsed: ParsedOptions, runtime: Runtime): Promise<void> {
  const { signComposefs } = await import('../../ops/sign/sign-composefs.ts');
  const result = await signComposefs(image, {
    ...commonOptions(runtime, parsed),
    ...signingKey(parsed),
    mode: parsed.composefs ?? 'artifact',
    certificate: requiredCertificate(parsed),
    algorithm: parsed.algorithm,
    platform: parsed.platform,
  });
  runtime.output.json(result);
  runtime.output.print(describeComposefs(result));
}

function requiredCertificate({ cert }: ParsedOptions): string {
  if (cert !== undefined) return cert;
  throw new PlanishError('BAD_OPTION', 'an fs-verity signature names the certificate of its key', {
    hint: 'give --cert FILE',
  });
}

function describe(result: SignResult): string {
  const lines = result.signatures.map(({ form, subject, manifest, added }) =>
    [form.padEnd(8), subject, added ? 'signed by' : 'was signed by', manifest].join(' '),
  );
  return [...lines, `signed ${result.reference} with key ${result.key}`].join('\n');
}

function describeComposefs(result: SignComposefsResult): string {
  const lines = Object.entries(result.digests).map(([key, digest]) => `${key}=${digest}`);
  const where =
    result.artifact === undefined
      ? `signed ${result.reference}, whose manifest is now ${result.manifest}`
      : `signed ${result.reference} by artifact ${result.artifact}`;
  return [...lines, where].join('\n');
}
