/** `lint`: what hosts will refuse of an image, or make of it otherwise than its builder meant. */
import { PlanishError } from '../../errors.ts';
import { DEFAULT_PROFILE, HOST_PROFILES, type HostProfile, hostProfile } from '../../host/profiles.ts';
import { isMeantToBoot } from '../../lint/bootable.ts';
import { checkAll } from '../../lint/lint.ts';
import {
  type Finding,
  type LintContext,
  type LintImage,
  type LintRule,
  lintedTree,
  SEVERITIES,
  type Severity,
} from '../../lint/rule.ts';
import { isRuleId, LINT_RULES, RULE_IDS, rulePage } from '../../lint/rules.ts';
import { ContentReader } from '../../parallel/content-file.ts';
import { bootDigests } from '../hosts/boot-digests.ts';
import { contentSource } from '../load/content-source.ts';
import { openAny } from '../load/open-any.ts';
import { type CommonOptions, Session } from '../session.ts';
import { type LintedLayers, readForLint, WarningTap } from './lint-layers.ts';

/** A rule as `lint --list` tells it. */
export interface RuleDescription extends LintRule {
  readonly id: string;
  /** Page in the documentation. */
  readonly page: string;
}

/** All rules, in the order in which findings are told. */
export function lintRules(): RuleDescription[] {
  return RULE_IDS.map((id) => ({ id, ...LINT_RULES[id], page: rulePage(id) }));
}

/** Whether findings are as bad as `threshold` or worse. */
export function reaches(summary: LintResult['summary'], threshold: Severity): boolean {
  const counted = SEVERITIES.slice(0, SEVERITIES.indexOf(threshold) + 1);
  return counted.some((severity) => summary[severity] > 0);
}

/** Options of {@link lint}. */
export interface LintOptions extends CommonOptions {
  readonly platform?: string | undefined;
  /** The hosts to judge by; default `bootc`. */
  readonly profile?: string | undefined;
  /** Whether the image is meant to boot; default: what its labels and its content say. */
  readonly bootable?: boolean | undefined;
  /** Rules whose findings are left out. */
  readonly skip?: readonly string[] | undefined;
}

/** Result of {@link lint}. */
export interface LintResult {
  readonly reference: string;
  readonly profile: string;
  readonly bootable: boolean;
  /** In the order of the table of rules. */
  readonly findings: readonly Finding[];
  /** How many findings there are of each severity. */
  readonly summary: Readonly<Record<Severity, number>>;
}

/**
 * Reads everything and holds the rules against it. What is wrong with the content is a finding, not an error; only a
 * source that cannot be opened throws.
 */
export async function lint(source: string, options: LintOptions = {}): Promise<LintResult> {
  const profile = hostProfile(options.profile ?? DEFAULT_PROFILE);
  for (const rule of options.skip ?? []) checkRule(rule);
  const tap = new WarningTap(options.onWarning);
  const layered = await Session.use({ ...options, onWarning: tap.receive }, (session) =>
    lintSource(session, tap, source, profile, options),
  );
  const findings = layered.findings.filter(({ rule }) => options.skip?.includes(rule) !== true);
  return { reference: source, profile: profile.name, ...layered, findings, summary: summarize(findings) };
}

function checkRule(rule: string): void {
  if (isRuleId(rule)) return;
  throw new PlanishError('BAD_OPTION', 'there is no lint rule of that name', {
    actual: rule,
    hint: 'planish lint --list shows all',
  });
}

async function lintSource(
  session: Session,
  tap: WarningTap,
  source: string,
  profile: HostProfile,
  options: LintOptions,
): Promise<{ bootable: boolean; findings: Finding[] }> {
  const opened = await openAny(source, options);
  try {
    const read = await readForLint(session, tap, opened, profile.algorithm);
    const image = opened.kind === 'image' ? imageOf(opened) : undefined;
    return judge(session, read, image, profile, options.bootable);
  } finally {
    if (opened.kind === 'image') opened.close();
  }
}

function imageOf(opened: {
  config: { document: LintImage['config'] };
  manifest: { descriptor: object };
}): LintImage {
  const { platform } = opened.manifest.descriptor as { platform?: NonNullable<LintImage['platform']> };
  return { config: opened.config.document, platform };
}

function judge(
  session: Session,
  read: LintedLayers,
  image: LintImage | undefined,
  profile: HostProfile,
  asked: boolean | undefined,
): { bootable: boolean; findings: Finding[] } {
  const reader = new ContentReader(read.contents);
  const bootable = asked ?? isMeantToBoot(image, lintedTree(read));
  session.onProgress({ stage: 'verify', done: 0, total: undefined, unit: 'steps' });
  const context: LintContext = {
    ...read,
    image,
    bootable,
    profile: {
      name: profile.name,
      algorithm: profile.algorithm,
      xattrs: profile.container?.xattrs ?? 'all',
      severalFrames: profile.severalMembers,
      // composefs-setup-root, which goes with cfsctl, reads both forms; bootc's own initramfs the plain one.
      describedDigests: profile.name === 'cfsctl',
    },
    open: ({ content }) => contentSource(reader, content),
    bootDigest: bootDigests(read, reader),
    bootProfiles: HOST_PROFILES.filter(({ boot }) => boot !== undefined).map(({ name }) => name),
  };
  try {
    return { bootable, findings: checkAll(context) };
  } finally {
    reader.close();
  }
}

function summarize(findings: readonly Finding[]): Record<Severity, number> {
  const count = (severity: Severity): number => findings.filter((one) => one.severity === severity).length;
  const counts = SEVERITIES.map((severity): [Severity, number] => [severity, count(severity)]);
  return Object.fromEntries(counts) as Record<Severity, number>;
}
