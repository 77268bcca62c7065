/** Options of the verbs that sign for Secure Boot. */
import { type Command, Option } from 'commander';
import type { BootSigningOptions } from '../ops/seal/boot-signer.ts';

/** As parsed from the command line. */
export interface ParsedBootSigning {
  readonly key?: string;
  readonly cert?: string;
  readonly passphraseFile?: string;
  readonly signWith?: string;
  readonly allowExpired?: boolean;
}

/** Adds the options of {@link ParsedBootSigning}. */
export function addBootSigningOptions(command: Command): Command {
  return command
    .addOption(new Option('--key <file>', 'private key (RSA), PEM or DER'))
    .addOption(new Option('--cert <file>', 'its certificate, PEM or DER; further ones lead to a trusted one'))
    .addOption(
      new Option(
        '--passphrase-file <file>',
        'passphrase of the key (default: the variable PLANISH_KEY_PASSPHRASE)',
      ),
    )
    .addOption(
      new Option(
        '--sign-with <how>',
        'instead of a key: exec:COMMAND (digest in, signature out), or detached where that is offered',
      ),
    )
    .addOption(
      new Option('--allow-expired', 'use a certificate outside of its time; firmware does not look'),
    );
}

/** In the library's form. Here the clock and the environment are read. */
export function bootSigningOptions(parsed: ParsedBootSigning): BootSigningOptions {
  return {
    key: parsed.key,
    certificate: parsed.cert,
    passphraseFile: parsed.passphraseFile,
    signWith: parsed.signWith,
    environment: process.env,
    time: parsed.allowExpired === true ? undefined : Math.floor(Date.now() / 1000),
  };
}
