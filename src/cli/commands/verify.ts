/** `planish verify IMAGE` */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { VerifyResult } from '../../ops/verify/verify.ts';
import type { CheckKind, VerifyCheck, VerifyLink } from '../../ops/verify/verify-check.ts';
import { collect, commonOptions, memoryOption } from '../options.ts';
import type { GlobalOptions, Runtime } from '../runtime.ts';

interface ParsedOptions extends GlobalOptions {
  readonly platform?: string;
  readonly key: string[];
  readonly identity?: string;
  readonly cert: string[];
  readonly at?: number;
  readonly require: CheckKind[];
  readonly excuse: CheckKind[];
  readonly tmpdir?: string;
  readonly memory?: number;
}

const EXAMPLES = `
Examples:
  $ planish verify oci:app:flat
  $ planish --json verify oci-archive:app.tar
  $ planish verify oci:os:42 --key cosign.pub --identity registry.example/os
  $ planish verify oci:os:42 --key cosign.pub --cert verity.crt --cert db.crt --require uki
  $ planish verify oci:os:42 --cert db.crt --at 2026-11-26

Reads everything again and recomputes every blob digest, diffID, layer key and composefs digest; checks signatures by
the keys and certificates given. What is claimed and cannot be checked with what was given is a failure too, unless it
is excused: so is the signature of a certificate that is not valid now, as signatures do not say when they were made.
Exit status 1 when anything fails.`;

const REQUIRABLE = ['signature', 'merged', 'verity-signature', 'artifact', 'uki', 'uki-signature'];
const EXCUSABLE = [
  'signature',
  'verity-signature',
  'artifact',
  'uki',
  'uki-signature',
  'certificate',
  'annotation',
];

/** Defines the verb. */
export function addVerify(program: Command, runtime: Runtime): Command {
  const command = new Command('verify')
    .description('recompute every digest that an image claims, and check who signed it')
    .argument('<image>', 'an image with a manifest')
    .addOption(
      new Option(
        '--key <file>',
        'public key, or a certificate of it, that must have signed the image; repeatable: any',
      )
        .argParser(collect)
        .default([], 'none'),
    )
    .addOption(
      new Option('--identity <repository>', 'the repository that the image must have been signed for'),
    )
    .addOption(
      new Option(
        '--cert <file>',
        'certificate of an fs-verity or Secure Boot key that must have signed; repeatable',
      )
        .argParser(collect)
        .default([], 'none'),
    )
    .addOption(
      new Option(
        '--at <time>',
        'when certificates must be valid: 2026-11-26, 2026-11-26T20:00:00Z or seconds since 1970 (default: now)',
      ).argParser(parseTime),
    )
    .addOption(listOption('--require <kind>', 'fail unless the image has this', REQUIRABLE))
    .addOption(listOption('--excuse <kind>', 'accept that this is claimed and was not checked', EXCUSABLE))
    .addOption(
      new Option('--platform <os/arch[/variant]>', 'which image of an index (default: this machine)'),
    )
    .addOption(memoryOption())
    .addHelpText('after', EXAMPLES)
    .action(async (image: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<ParsedOptions>();
      const { verify } = await import('../../ops/verify/verify.ts');
      const { key, cert, identity, require, excuse, platform } = parsed;
      const time = parsed.at ?? Math.floor(Date.now() / 1000);
      const result = await verify(image, {
        ...commonOptions(runtime, parsed),
        ...{ keys: key, certificates: cert, identity, time, require, excuse, platform },
      });
      runtime.output.json(result);
      runtime.output.print(describe(result, key.length + cert.length > 0));
      if (result.findings > 0) runtime.exitStatus = 1;
    });
  program.addCommand(command);
  return command;
}

/** A day (its first second) or a moment, in UTC, or seconds since 1970. */
function parseTime(text: string): number {
  const written = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d:\d\dZ)?$/.test(text) ? Date.parse(text) / 1000 : Number.NaN;
  const seconds = /^\d{1,12}$/.test(text) ? Number(text) : written;
  if (Number.isNaN(seconds))
    throw new InvalidArgumentError('It is neither 2026-11-26, 2026-11-26T20:00:00Z nor seconds.');
  return seconds;
}

function listOption(flags: string, description: string, kinds: readonly string[]): Option {
  // Choices come with a parser of their own, which takes several only as arguments of one option.
  const option = new Option(flags, `${description}; repeatable`).choices(kinds);
  const check = option.parseArg;
  option.argParser((value: string, previous: readonly string[]) => {
    check?.(value, undefined as never);
    return collect(value, previous);
  });
  return option.default([], 'none');
}

const LINK_WORDS: Readonly<Record<CheckKind, string>> = {
  signature: 'signatures',
  manifest: 'manifest digest',
  config: 'config digest',
  blob: 'layer digests',
  diffid: 'diffIDs',
  key: 'layer keys',
  merged: 'composefs digests',
  document: 'config fs-verity',
  label: 'composefs label',
  artifact: 'artifact digests',
  'verity-signature': 'verity signatures',
  uki: 'UKI digests',
  'uki-signature': 'UKI signatures',
  certificate: 'certificates',
  annotation: 'other claims',
};

/** A line for each link; with keys given, also what each proves. */
function describe(result: VerifyResult, trusted: boolean): string {
  const lines = result.links
    .filter(({ outcome, link }) => outcome !== 'absent' && link !== 'annotation')
    .map((link) => describeLink(link, trusted));
  const findings = result.checks.filter(({ outcome }) => outcome !== 'match' && outcome !== 'ignored');
  const verdict =
    result.findings === 0
      ? `verified ${result.reference} ${result.manifest}`
      : `${result.findings} of ${result.checks.length} checks failed: ${result.reference}`;
  return [...lines, ...findings.map(describeFinding), verdict].join('\n');
}

function describeLink({ link, checks, matches, outcome, proves }: VerifyLink, trusted: boolean): string {
  const line = `${LINK_WORDS[link].padEnd(18)} ${matches} of ${checks} match`;
  return trusted && outcome === 'proved' ? `${line.padEnd(34)} ${proves}` : line;
}

function describeFinding(finding: VerifyCheck): string {
  const where = finding.layer === undefined ? '' : ` of layer ${finding.layer}`;
  const word = finding.outcome === 'excused' ? 'EXCUSED' : 'FAILED';
  const what = `${word} ${finding.check}${where} ${finding.subject}`;
  if (finding.error !== undefined) return `${what}: ${finding.error.code}: ${finding.error.message}`;
  if (finding.expected !== undefined) return `${what}: expected ${finding.expected}, found ${finding.actual}`;
  return `${what}: ${finding.outcome}: ${finding.reason}`;
}
