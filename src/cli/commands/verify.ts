/** `planish verify IMAGE` */
import { Command, Option } from 'commander';
import type { VerifyCheck, VerifyResult } from '../../ops/verify.ts';
import { commonOptions } from '../options.ts';
import type { GlobalOptions, Runtime } from '../runtime.ts';

const EXAMPLES = `
Examples:
  $ planish verify oci:app:flat
  $ planish --json verify oci-archive:app.tar

Reads everything again and recomputes every blob digest, diffID, layer key and composefs digest. Exit status 1 when
anything does not match.`;

/** Defines the verb. */
export function addVerify(program: Command, runtime: Runtime): Command {
  const command = new Command('verify')
    .description('recompute every digest that an image claims')
    .argument('<image>', 'an image with a manifest')
    .addOption(
      new Option('--platform <os/arch[/variant]>', 'which image of an index (default: this machine)'),
    )
    .addHelpText('after', EXAMPLES)
    .action(async (image: string, _: unknown, self: Command) => {
      const parsed = self.optsWithGlobals<GlobalOptions & { platform?: string }>();
      const { verify } = await import('../../ops/verify.ts');
      const result = await verify(image, { ...commonOptions(runtime, parsed), platform: parsed.platform });
      runtime.output.json(result);
      runtime.output.print(describe(result));
      if (result.findings > 0) runtime.exitStatus = 1;
    });
  program.addCommand(command);
  return command;
}

const CHECK_WORDS: Readonly<Record<VerifyCheck['check'], string>> = {
  manifest: 'manifest digest',
  config: 'config digest',
  blob: 'layer digests',
  diffid: 'diffIDs',
  key: 'layer keys',
  merged: 'composefs digests',
};

function describe(result: VerifyResult): string {
  const kinds = Object.keys(CHECK_WORDS) as VerifyCheck['check'][];
  const lines = kinds.flatMap((kind) => {
    const checks = result.checks.filter(({ check }) => check === kind);
    const good = checks.filter(({ outcome }) => outcome === 'match').length;
    return checks.length === 0 ? [] : [`${CHECK_WORDS[kind].padEnd(18)} ${good} of ${checks.length} match`];
  });
  const findings = result.checks.filter(({ outcome }) => outcome === 'mismatch' || outcome === 'unreadable');
  const verdict =
    result.findings === 0
      ? `verified ${result.reference} ${result.manifest}`
      : `${result.findings} of ${result.checks.length} checks failed: ${result.reference}`;
  return [...lines, ...findings.map(describeFinding), verdict].join('\n');
}

function describeFinding(finding: VerifyCheck): string {
  const where = finding.layer === undefined ? '' : ` of layer ${finding.layer}`;
  const what = `FAILED ${finding.check}${where} ${finding.subject}`;
  if (finding.error !== undefined) return `${what}: ${finding.error.code}: ${finding.error.message}`;
  return `${what}: expected ${finding.expected}, found ${finding.actual}`;
}
