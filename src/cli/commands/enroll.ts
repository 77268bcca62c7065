/** `planish enroll` */
import { Command, Option } from 'commander';
import { formatBytes } from '../format.ts';
import { collect } from '../options.ts';
import type { GlobalOptions, Runtime } from '../runtime.ts';

interface ParsedOptions extends GlobalOptions {
  readonly output?: string;
  readonly esp?: string;
  readonly rootfs?: string;
  readonly name?: string;
  readonly pk: string;
  readonly pkKey: string;
  readonly kek: string;
  readonly kekKey: string;
  readonly db: readonly string[];
  readonly addKek: readonly string[];
  readonly passphraseFile?: string;
  readonly owner?: string;
  readonly allowExpired?: boolean;
}

const EXAMPLES = `
Examples:
  $ planish enroll -o keys --pk pk.crt --pk-key pk.key --kek kek.crt --kek-key kek.key --db db.crt
  $ planish enroll --esp /efi --name acme --pk pk.crt --pk-key pk.key --kek kek.crt --kek-key kek.key --db db.crt
  $ planish enroll --rootfs root --pk pk.crt --pk-key pk.key --kek kek.crt --kek-key kek.key --db db.crt --db vendor.der

Firmware in setup mode takes PK.auth, KEK.auth and db.auth once, and from then on starts only what a certificate in db
has signed. systemd-boot enrols loader/keys/NAME of the EFI system partition: by itself where loader.conf says
"secure-boot-enroll force" and NAME is auto, else from its menu. bootc copies them there from
/usr/lib/bootc/install/secureboot-keys of an image. Machines whose devices bring drivers of their own need their
vendor's certificate in db as well. The time of the change is SOURCE_DATE_EPOCH, or when the newest certificate became valid.`;

/** Defines the verb. */
export function addEnroll(program: Command, runtime: Runtime): Command {
  const command = new Command('enroll')
    .description('write the files by which a machine takes up Secure Boot keys: PK, KEK and db')
    .addOption(new Option('-o, --output <dir>', 'a directory for the files'))
    .addOption(new Option('--esp <dir>', 'an EFI system partition: into its loader/keys/NAME'))
    .addOption(new Option('--rootfs <dir>', 'a root: into its usr/lib/bootc/install/secureboot-keys/NAME'))
    .addOption(new Option('--name <name>', 'of the directory of keys (default: "auto")'))
    .addOption(new Option('--pk <file>', 'certificate of the platform key').makeOptionMandatory())
    .addOption(new Option('--pk-key <file|exec:command>', 'its private key').makeOptionMandatory())
    .addOption(new Option('--kek <file>', 'certificate of the key exchange key').makeOptionMandatory())
    .addOption(new Option('--kek-key <file|exec:command>', 'its private key').makeOptionMandatory())
    .addOption(
      new Option('--db <file>', 'certificates of boot programs; repeatable')
        .argParser(collect)
        .default([], 'none'),
    )
    .addOption(
      new Option('--add-kek <file>', 'further key exchange certificates; repeatable')
        .argParser(collect)
        .default([], 'none'),
    )
    .addOption(
      new Option(
        '--passphrase-file <file>',
        'passphrase of the keys (default: the variable PLANISH_KEY_PASSPHRASE)',
      ),
    )
    .addOption(
      new Option('--owner <guid>', 'owner of the entries (default: made of the platform certificate)'),
    )
    .addOption(
      new Option('--allow-expired', 'use certificates outside of their time; firmware does not look'),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (_: unknown, self: Command) => {
      await run(self.optsWithGlobals<ParsedOptions>(), runtime);
    });
  program.addCommand(command);
  return command;
}

async function run(parsed: ParsedOptions, runtime: Runtime): Promise<void> {
  runtime.begin(parsed);
  const { enroll } = await import('../../ops/seal/enroll.ts');
  const { parseSourceDateEpoch } = await import('../../ops/build/image-config.ts');
  const epoch = parseSourceDateEpoch(process.env['SOURCE_DATE_EPOCH']);
  const result = await enroll({
    destination: parsed.output,
    esp: parsed.esp,
    rootfs: parsed.rootfs,
    name: parsed.name,
    pk: parsed.pk,
    pkKey: parsed.pkKey,
    kek: parsed.kek,
    kekKey: parsed.kekKey,
    db: parsed.db,
    moreKek: parsed.addKek,
    passphraseFile: parsed.passphraseFile,
    environment: process.env,
    owner: parsed.owner,
    time: epoch === undefined ? undefined : Date.parse(epoch) / 1000,
    now: parsed.allowExpired === true ? undefined : Math.floor(Date.now() / 1000),
  });
  runtime.output.json(result);
  runtime.output.print(
    result.files
      .map(({ variable, file, certificates, signer, size }) =>
        [
          variable.padEnd(4),
          `${file} (${formatBytes(size)})`,
          `${certificates.join(', ')}; signed by ${signer}`,
        ].join(' '),
      )
      .join('\n'),
  );
}
