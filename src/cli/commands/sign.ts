/** `planish sign IMAGE` */
import { Command, Option } from 'commander';
import type { SignatureForm, SignResult } from '../../ops/sign.ts';
import { commonOptions } from '../options.ts';
import type { GlobalOptions, Runtime } from '../runtime.ts';
import { addSigningKey, type ParsedSigningKey, signingKey } from '../signing-options.ts';

interface ParsedOptions extends GlobalOptions, ParsedSigningKey {
  readonly platform?: string;
  readonly identity?: string;
  readonly form?: SignatureForm;
}

const EXAMPLES = `
Examples:
  $ planish sign oci:os:42 --key cosign.key --identity registry.example/os
  $ planish sign oci-archive:os.tar --key release.pem --form bundle
  $ planish sign oci:os:42 --key 'exec:openssl pkeyutl -sign -inkey k.pem -pkeyopt digest:sha256' --public-key k.pub \\
      --identity registry.example/os

The image is signed where it lies, in a layout or an archive; nothing else of it changes. The same image, key and
options give the same bytes, and a second run changes nothing.`;

/** Defines the verb. */
export function addSign(program: Command, runtime: Runtime): Command {
  const command = new Command('sign')
    .description('sign an image, for cosign, podman, skopeo and bootc')
    .argument('<image>', 'an image in a layout or an OCI archive')
    .addOption(new Option('--identity <repository>', 'what the image is published as: HOST/REPOSITORY'))
    .addOption(
      new Option('--form <form>', 'one form of signature only (default: both)').choices(['cosign', 'bundle']),
    )
    .addOption(
      new Option(
        '--platform <os/arch[/variant]>',
        'sign this image of an index, not the index and all of it',
      ),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (image: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<ParsedOptions>();
      const { sign } = await import('../../ops/sign.ts');
      const result = await sign(image, {
        ...commonOptions(runtime, parsed),
        ...signingKey(parsed),
        identity: parsed.identity,
        forms: parsed.form === undefined ? undefined : [parsed.form],
        platform: parsed.platform,
      });
      runtime.output.json(result);
      runtime.output.print(describe(result));
    });
  program.addCommand(addSigningKey(command));
  return command;
}

function describe(result: SignResult): string {
  const lines = result.signatures.map(({ form, subject, manifest, added }) =>
    [form.padEnd(8), subject, added ? 'signed by' : 'was signed by', manifest].join(' '),
  );
  return [...lines, `signed ${result.reference} with key ${result.key}`].join('\n');
}
