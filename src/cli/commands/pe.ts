/** `planish pe VERB FILE` */
import { Command, Option } from 'commander';
import type { VerifiedPe } from '../../ops/seal/pe.ts';
import {
  addBootSigningOptions,
  bootSigningOptions,
  type ParsedBootSigning,
} from '../boot-signing-options.ts';
import { formatBytes, formatTable } from '../format.ts';
import { collect } from '../options.ts';
import type { GlobalOptions, Runtime } from '../runtime.ts';

const EXAMPLES = `
Examples:
  $ planish pe sections os.efi
  $ planish pe hash os.efi
  $ planish pe sign systemd-bootx64.efi -o signed.efi --key db.key --cert db.crt
  $ planish pe verify signed.efi --cert db.crt
  $ planish pe attach os.efi -o signed.efi --signature signature.bin --cert db.crt

Exit status 1 of verify: no signature holds.`;

/** Defines the verb and the verbs below it. */
export function addPe(program: Command, runtime: Runtime): Command {
  const command = new Command('pe')
    .description('look at, sign and verify EFI programs: UKIs, addons, boot loaders')
    .addHelpText('after', EXAMPLES);
  addSections(command, runtime);
  addHash(command, runtime);
  addSign(command, runtime);
  addVerify(command, runtime);
  addAttach(command, runtime);
  program.addCommand(command);
  return command;
}

const hex = (value: number): string => `0x${value.toString(16)}`;

function addSections(parent: Command, runtime: Runtime): void {
  parent
    .command('sections')
    .description('list the sections of a file, its checksum and how often it is signed')
    .argument('<file>', 'an EFI program')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, _: unknown, self: Command) => {
      runtime.begin(self.optsWithGlobals<GlobalOptions>());
      const { peSections } = await import('../../ops/seal/pe.ts');
      const result = await peSections(file);
      const rows = result.sections.map(({ name, virtualAddress, virtualSize, offset, size }) => [
        name,
        hex(virtualAddress),
        String(virtualSize),
        hex(offset),
        String(size),
      ]);
      const columns = [
        { title: 'SECTION' },
        { title: 'ADDRESS', align: 'right' },
        { title: 'BYTES', align: 'right' },
        { title: 'OFFSET', align: 'right' },
        { title: 'STORED', align: 'right' },
      ] as const;
      const { stored, computed } = result.checksum;
      const verdict =
        stored === computed ? 'right' : stored === 0 ? 'not set' : `wrong, it should be ${hex(computed)}`;
      runtime.output.json(result);
      runtime.output.print(
        `${formatTable(columns, rows)}\n\nchecksum   ${hex(stored)} (${verdict})\nsignatures ${result.signatures}`,
      );
    });
}

function addHash(parent: Command, runtime: Runtime): void {
  parent
    .command('hash')
    .description('print the Authenticode digest of a file')
    .argument('<file>', 'an EFI program')
    .addOption(
      new Option('--hash <name>', 'its kind').choices(['sha256', 'sha384', 'sha512']).default('sha256'),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<GlobalOptions & { hash: 'sha256' | 'sha384' | 'sha512' }>();
      runtime.begin(parsed);
      const { peHash } = await import('../../ops/seal/pe.ts');
      const result = await peHash(file, parsed.hash);
      runtime.output.json(result);
      runtime.output.print(result.digest);
    });
}

type Signing = GlobalOptions & ParsedBootSigning & { output: string; replace?: boolean };

function addSign(parent: Command, runtime: Runtime): void {
  const command = parent
    .command('sign')
    .description('sign a file; a signature that is there stays, and is followed by the new one')
    .argument('<file>', 'an EFI program')
    .addOption(new Option('-o, --output <file>', 'where to write it; may be the same').makeOptionMandatory());
  addBootSigningOptions(command)
    .addOption(new Option('--replace', 'take off the signatures that are there'))
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<Signing>();
      runtime.begin(parsed);
      const { peSign } = await import('../../ops/seal/pe.ts');
      const options = { ...bootSigningOptions(parsed), replace: parsed.replace };
      const result = await peSign(file, parsed.output, options);
      runtime.output.json(result);
      runtime.output.print(
        `${result.digest} signed by ${result.signer}: ${result.output} (${formatBytes(result.size)})`,
      );
    });
}

type Verifying = GlobalOptions & { cert: readonly string[] };

function addVerify(parent: Command, runtime: Runtime): void {
  parent
    .command('verify')
    .description('verify the signatures of a file; one that holds is enough, as for firmware')
    .argument('<file>', 'an EFI program')
    .addOption(
      new Option('--cert <file>', 'trusted certificates, as in db; repeatable')
        .argParser(collect)
        .default([], 'none'),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<Verifying>();
      runtime.begin(parsed);
      const { peVerify } = await import('../../ops/seal/pe.ts');
      const result = await peVerify(file, parsed.cert);
      runtime.output.json(result);
      runtime.output.print(verdictLines(result).join('\n'));
      if (!result.verified) runtime.exitStatus = 1;
    });
}

function verdictLines({ file, digest, signatures, verified }: VerifiedPe): string[] {
  return [
    `digest     ${digest}`,
    ...signatures.map(({ signer, anchor, fault }) =>
      fault === undefined
        ? `holds      ${signer}, trusted by ${anchor}`
        : `${fault.code.padEnd(10)} ${fault.message}`,
    ),
    `${verified ? 'verified' : signatures.length === 0 ? 'not signed' : 'not verified'} ${file}`,
  ];
}

type Attaching = GlobalOptions & { output: string; signature: string; cert: string; allowExpired?: boolean };

function addAttach(parent: Command, runtime: Runtime): void {
  parent
    .command('attach')
    .description('attach a signature that was made elsewhere')
    .argument('<file>', 'an EFI program')
    .addOption(new Option('-o, --output <file>', 'where to write it; may be the same').makeOptionMandatory())
    .addOption(
      new Option('--signature <file>', 'raw RSA, base64 of it, or DER PKCS #7').makeOptionMandatory(),
    )
    .addOption(new Option('--cert <file>', 'certificate of the key that signed').makeOptionMandatory())
    .addOption(new Option('--allow-expired', 'use a certificate outside of its time'))
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<Attaching>();
      runtime.begin(parsed);
      const { peAttach } = await import('../../ops/seal/pe.ts');
      const { signature, cert: certificate } = parsed;
      const time = parsed.allowExpired === true ? undefined : Math.floor(Date.now() / 1000);
      const result = await peAttach(file, parsed.output, { signature, certificate, time });
      runtime.output.json(result);
      runtime.output.print(
        `${result.digest} signed by ${result.signer}: ${result.output} (${formatBytes(result.size)})`,
      );
    });
}
