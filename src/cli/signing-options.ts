/** Options of verbs that sign: which key, and what it needs. */
import { type Command, Option } from 'commander';
import type { SigningKey } from '../ops/sign/signing-key.ts';

/** As parsed from the command line. */
export interface ParsedSigningKey {
  readonly key?: string;
  readonly signWith?: string;
  readonly publicKey?: string;
  readonly passphraseFile?: string;
}

/** Adds the options of {@link ParsedSigningKey}. */
export function addSigningKey(command: Command): Command {
  return command
    .addOption(new Option('--key <file>', 'the private key'))
    .addOption(
      new Option(
        '--sign-with <exec:command>',
        'instead of a key: a command that is given a digest and returns a signature',
      ),
    )
    .addOption(
      new Option('--public-key <file>', 'the public key, or a certificate of it; needed for --sign-with'),
    )
    .addOption(
      new Option(
        '--passphrase-file <file>',
        'passphrase of the key on its first line (default: the variable PLANISH_KEY_PASSPHRASE)',
      ),
    );
}

/** The key in the library's form. */
export function signingKey({ key, signWith, publicKey, passphraseFile }: ParsedSigningKey): SigningKey {
  return { key, signWith, publicKey, passphraseFile, environment: process.env };
}
