/** Options of verbs that sign: which key, and what it needs. */
import { type Command, Option } from 'commander';
import type { SigningKey } from '../ops/signing-key.ts';

/** As parsed from the command line. */
export interface ParsedSigningKey {
  readonly key: string;
  readonly publicKey?: string;
  readonly passphraseFile?: string;
}

/** Adds the options of {@link ParsedSigningKey}. */
export function addSigningKey(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--key <file|exec:command>',
        'the private key, or a command that gets a digest and gives a signature',
      ).makeOptionMandatory(),
    )
    .addOption(new Option('--public-key <file>', 'the public key, or a certificate of it; needed for exec:'))
    .addOption(
      new Option(
        '--passphrase-file <file>',
        'passphrase of the key on its first line (default: the variable PLANISH_KEY_PASSPHRASE)',
      ),
    );
}

/** The key in the library's form. */
export function signingKey({ key, publicKey, passphraseFile }: ParsedSigningKey): SigningKey {
  return { key, publicKey, passphraseFile, environment: process.env };
}
