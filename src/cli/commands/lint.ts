/** `planish lint IMAGE` */
import { Command, Option } from 'commander';
import { PlanishError } from '../../errors.ts';
import type { LintOptions, LintResult, RuleDescription } from '../../ops/lint/lint.ts';
import type { LintFixResult } from '../../ops/lint/lint-fix.ts';
import { formatTable } from '../format.ts';
import { collect, commonOptions, memoryOption } from '../options.ts';
import type { GlobalOptions, Runtime } from '../runtime.ts';

type Finding = LintResult['findings'][number];
type Severity = Finding['severity'];

interface ParsedOptions extends GlobalOptions {
  readonly platform?: string;
  readonly profile?: string;
  readonly bootable?: boolean;
  readonly failOn: Severity;
  readonly skip: readonly string[];
  readonly sarif?: string;
  readonly sarifArtifact?: string;
  readonly fix?: boolean;
  readonly output?: string;
  readonly list?: boolean;
  readonly tmpdir?: string;
  readonly memory?: number;
}

const EXAMPLES = `
Examples:
  $ planish lint oci:os:42
  $ planish lint oci:os:42 --profile bootc-1.16.0 --fail-on warning
  $ planish lint oci-archive:os.tar --sarif lint.sarif --sarif-artifact Containerfile
  $ planish lint oci:os:42 --fix -o oci:os:mended
  $ planish lint --list

Every rule has a section in docs/lint.md. An image is held against the rules for booting where its labels or its content
say that it is meant to boot. Exit status 1 when there are findings as bad as --fail-on or worse.`;

/** Defines the verb. */
export function addLint(program: Command, runtime: Runtime): Command {
  const command = new Command('lint')
    .description('tell what hosts will refuse of an image, and how to mend it')
    .argument('[image]', 'an image, a tar or a directory')
    .addOption(
      new Option('--platform <os/arch[/variant]>', 'which image of an index (default: this machine)'),
    )
    .addOption(new Option('--profile <name>', 'the hosts to judge by (default: "bootc")'))
    .addOption(new Option('--bootable', 'apply the rules for booting whatever the image says'))
    .addOption(new Option('--no-bootable', 'leave out the rules for booting'))
    .addOption(
      new Option('--fail-on <severity>', 'the least severity that makes the exit status 1')
        .choices(['error', 'warning', 'note'])
        .default('error'),
    )
    .addOption(
      new Option('--skip <rule>', 'leave out the findings of a rule; repeatable')
        .argParser(collect)
        .default([], 'none'),
    )
    .addOption(new Option('--sarif <file>', 'write findings as SARIF 2.1.0; - for standard output'))
    .addOption(new Option('--sarif-artifact <path>', 'source file that code hosts show SARIF findings at'))
    .addOption(new Option('--fix', 'build the image anew, which mends what it can; lint the result'))
    .addOption(
      new Option(
        '-o, --output <dest>',
        'where --fix writes: oci:DIR[:TAG], oci-archive:FILE[:TAG], docker://…',
      ),
    )
    .addOption(new Option('--list', 'list the rules'))
    .addOption(new Option('--tmpdir <dir>', 'where uncompressed layers are kept meanwhile'))
    .addOption(memoryOption())
    .addHelpText('after', EXAMPLES)
    .action(async (image: string | undefined, _: unknown, self: Command) => {
      await run(runtime, image, self.optsWithGlobals<ParsedOptions>(), program.version() ?? '');
    });
  program.addCommand(command);
  return command;
}

async function run(
  runtime: Runtime,
  image: string | undefined,
  parsed: ParsedOptions,
  version: string,
): Promise<void> {
  const options: LintOptions = {
    ...commonOptions(runtime, parsed),
    platform: parsed.platform,
    profile: parsed.profile,
    bootable: parsed.bootable,
    skip: parsed.skip,
  };
  const ops = await import('../../ops/lint/lint.ts');
  if (parsed.list === true) {
    const rules = ops.lintRules();
    runtime.output.json({ rules });
    runtime.output.print(listRules(rules));
    return;
  }
  const result = await lintOrFix(image, parsed, options);
  const { sarif, sarifArtifact: artifact } = parsed;
  if (sarif !== undefined) await writeSarif(runtime, result, sarif, { version, artifact });
  if (sarif !== '-') {
    runtime.output.json(result);
    runtime.output.print(describe(result));
  }
  if (ops.reaches(result.summary, parsed.failOn)) runtime.exitStatus = 1;
}

async function lintOrFix(
  image: string | undefined,
  { fix, output }: ParsedOptions,
  options: LintOptions,
): Promise<LintResult | LintFixResult> {
  if (image === undefined) throw new PlanishError('BAD_OPTION', 'name an image to lint, or ask for --list');
  if (fix !== true) {
    if (output !== undefined) throw new PlanishError('BAD_OPTION', '--output goes with --fix only');
    const { lint } = await import('../../ops/lint/lint.ts');
    return await lint(image, options);
  }
  if (output === undefined) throw new PlanishError('BAD_OPTION', '--fix needs --output to write to');
  const { lintAndFix } = await import('../../ops/lint/lint-fix.ts');
  return await lintAndFix(image, output, options);
}

async function writeSarif(
  runtime: Runtime,
  result: LintResult,
  file: string,
  options: { version: string; artifact: string | undefined },
): Promise<void> {
  const { encodeSarif, writeSarifFile } = await import('../../ops/lint/sarif.ts');
  const bytes = encodeSarif(result, options);
  if (file === '-') runtime.output.write(bytes);
  else writeSarifFile(file, bytes);
}

const HEADINGS: Readonly<Record<Severity, string>> = { error: 'ERRORS', warning: 'WARNINGS', note: 'NOTES' };

function describe(result: LintResult | LintFixResult): string {
  const groups = (Object.keys(HEADINGS) as Severity[]).flatMap((severity) => {
    const findings = result.findings.filter((finding) => finding.severity === severity);
    return findings.length === 0 ? [] : [HEADINGS[severity], findingTable(findings), hints(findings), ''];
  });
  const mended = 'before' in result ? [describeMending(result)] : [];
  return [...groups, ...mended, verdict(result)].join('\n');
}

function findingTable(findings: readonly Finding[]): string {
  const rows = findings.map(({ rule, layer, message }) => [
    rule,
    layer === undefined ? '-' : String(layer),
    message,
  ]);
  return formatTable([{ title: 'RULE' }, { title: 'LAYER', align: 'right' }, { title: 'WHAT' }], rows);
}

/** One line for each rule: what to do. */
function hints(findings: readonly Finding[]): string {
  const byRule = new Map(findings.map((finding) => [finding.rule, finding]));
  const lines = [...byRule.values()].map(({ rule, hint, fixable }) => {
    return `  ${rule}: ${hint}${fixable ? ' (--fix does)' : ''}`;
  });
  return ['to mend:', ...lines].join('\n');
}

function describeMending({ before, findings, built }: LintFixResult): string {
  const gone = before.findings.length - findings.length;
  return `mended ${Math.max(gone, 0)} of ${before.findings.length} findings; wrote ${built.destination} ${built.manifest.digest}`;
}

function verdict({ reference, profile, bootable, summary }: LintResult): string {
  const kind = bootable ? 'as an image that boots' : 'as an image that does not boot';
  const counts = (Object.keys(HEADINGS) as Severity[]).map((severity) => count(summary[severity], severity));
  return `${counts.join(', ')}: ${reference}, for hosts of profile ${profile}, ${kind}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

function listRules(rules: readonly RuleDescription[]): string {
  const rows = rules.map(({ id, severity, scope, fix, title }) => {
    return [id, severity, scope === 'any' ? 'all' : 'bootable', fix === undefined ? '-' : 'build', title];
  });
  const columns = ['RULE', 'SEVERITY', 'IMAGES', 'MENDED BY', 'WHAT'].map((title) => ({ title }));
  return formatTable(columns, rows);
}
