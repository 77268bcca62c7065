/**
 * The command line of a sealed image, as `bootc container ukify` puts it together: arguments of kargs.d, the digest, and
 * arguments given on the way. Hosts take the first digest they find, so there may be no other.
 */
import type { HashAlgorithm, VerityDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { composefsArguments, distinctArguments, splitCmdline } from './cmdline.ts';
import { parseKargs } from './kargs.ts';

/** How the digest is said. */
export interface DigestArgument {
  readonly key: 'composefs' | 'composefs.digest';
  readonly format: 0 | 1 | 2;
  readonly algorithm: HashAlgorithm;
  readonly digest: VerityDigest;
  /** Whether hosts may boot where the file system has no fs-verity: then nothing is sealed. */
  readonly optional: boolean;
}

/** The argument as it stands on a command line. */
export function formatDigestArgument({ key, format, algorithm, digest, optional }: DigestArgument): string {
  const mark = optional ? '?' : '';
  return key === 'composefs'
    ? `${key}=${mark}${digest}`
    : `${key}=${mark}v${format}-${algorithm}-12:${digest}`;
}

/** The whole command line, nothing said twice. Throws `BAD_OPTION` for arguments given on the way that cannot be. */
export function formatSealedCmdline(
  before: readonly string[],
  argument: DigestArgument,
  after: readonly string[],
): string {
  for (const karg of after) checkKarg(karg);
  const text = [...before, formatDigestArgument(argument), ...after].join(' ');
  return distinctArguments(splitCmdline(text)).join(' ');
}

function checkKarg(karg: string): void {
  const fault = kargFault(karg);
  if (fault !== undefined) {
    throw new PlanishError('BAD_OPTION', `a kernel argument ${fault}`, { actual: karg.slice(0, 160) });
  }
}

/** Why a text is no kernel argument, or `undefined`. */
function kargFault(karg: string): string | undefined {
  if (splitCmdline(karg).length === 0) return 'is empty';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they would change what the kernel reads.
  if (/[\u0000-\u001f\u007f]/.test(karg)) return 'holds a control character';
  if ((karg.split('"').length - 1) % 2 === 1) return 'has a quote that is not closed';
  return composefsArguments(karg).length > 0 ? 'names a composefs digest' : undefined;
}

/** A file of kargs.d: its name and text. */
export interface KargsText {
  readonly name: string;
  readonly text: string;
}

/**
 * Arguments of files of kargs.d, in byte order of their names, as far as they are for an architecture (as Rust calls
 * it). Throws `NOT_BOOTABLE` for a file that hosts refuse, naming it.
 */
export function kargsOf(files: readonly KargsText[], architecture: string): string[] {
  return files.flatMap(({ name, text }) => {
    const parsed = parseKargs(text);
    if ('fault' in parsed) {
      throw new PlanishError('NOT_BOOTABLE', `kernel arguments: ${parsed.fault}`, {
        path: name,
        line: parsed.line,
      });
    }
    const { kargs, architectures } = parsed;
    if (architectures !== undefined && !architectures.includes(architecture)) return [];
    const fault = kargs.map((karg) => (karg.trim() === '' ? undefined : kargFault(karg))).find((why) => why);
    if (fault !== undefined) {
      throw new PlanishError('NOT_BOOTABLE', `a kernel argument ${fault}`, { path: name });
    }
    return kargs.map((karg) => karg.trim()).filter((karg) => karg !== '');
  });
}
