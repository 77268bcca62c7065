/**
 * Findings as SARIF 2.1.0 (OASIS "Static Analysis Results Interchange Format"), which code hosts show beside the
 * source. A finding lies in a layer or at a path of an image, which no line of a source is; it is told as a logical
 * location, with the image, or a file that the caller names, as the artifact.
 */
import { createHash } from 'node:crypto';
import { writeFileAside } from '../../io/write-file.ts';
import type { Finding, LintRule, Severity } from '../../lint/rule.ts';
import { LINT_RULES, RULE_IDS, type RuleId, rulePage } from '../../lint/rules.ts';
import type { LintResult } from './lint.ts';

/** What a log says beside the findings. */
export interface SarifOptions {
  /** Version of planish. */
  readonly version: string;
  /**
   * File of the source tree to show findings at, relative to its root: what the image is made from, such as a
   * Containerfile. Default: the image itself, which code hosts can't show.
   */
  readonly artifact?: string | undefined;
}

/** A log as plain data; `JSON.stringify` of it is the file. The same findings give the same log. */
export function formatSarif(result: LintResult, options: SarifOptions): object {
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'planish', version: options.version, rules: RULE_IDS.map(describeRule) } },
        properties: { image: result.reference, profile: result.profile, bootable: result.bootable },
        results: result.findings.map((finding) => describeFinding(finding, result, options)),
      },
    ],
  };
}

/** The log as the bytes of its file. */
export function encodeSarif(result: LintResult, options: SarifOptions): Uint8Array {
  return Buffer.from(`${JSON.stringify(formatSarif(result, options), null, 2)}\n`);
}

/** Replaces a file. Throws `SYSCALL_FAILED` and `DISK_FULL`. */
export const writeSarifFile: (file: string, bytes: Uint8Array) => void = writeFileAside;

/** `helpUri` must be absolute by the standard, and the page is wherever the documentation is; so it stands in the text. */
function describeRule(id: RuleId): object {
  const { title, hint, fix, severity, scope }: LintRule = LINT_RULES[id];
  const mend = fix === undefined ? '' : ` planish build ${fix}.`;
  const text = `Mend: ${hint}.${mend}`;
  return {
    id,
    shortDescription: { text: title },
    help: {
      text: `${text} See ${rulePage(id)}.`,
      markdown: `${text} See [${rulePage(id)}](${rulePage(id)}).`,
    },
    defaultConfiguration: { level: severity satisfies Severity },
    properties: { scope },
  };
}

function describeFinding(finding: Finding, { reference }: LintResult, { artifact }: SarifOptions): object {
  const { rule, severity, message, layer, path, offset, count, expected, actual, hint } = finding;
  const physicalLocation =
    artifact === undefined
      ? { artifactLocation: { uri: encodeURI(reference) } }
      : { artifactLocation: { uri: encodeURI(artifact) }, region: { startLine: 1 } };
  const place = { layer, path, offset, expected, actual };
  const known = Object.entries(place).filter(([, value]) => value !== undefined);
  return {
    ruleId: rule,
    ruleIndex: RULE_IDS.indexOf(rule as RuleId),
    level: severity,
    message: { text: `${message}. Mend: ${hint}.` },
    locations: [{ physicalLocation, logicalLocations: logicalLocations(finding) }],
    partialFingerprints: { 'planish/v1': fingerprint(finding) },
    properties: { ...Object.fromEntries(known), count },
  };
}

function logicalLocations({ layer, path }: Finding): object[] {
  const layers = layer === undefined ? [] : [{ name: `layer ${layer}`, kind: 'module' }];
  const paths =
    path === undefined ? [] : [{ name: path, fullyQualifiedName: qualified(layer, path), kind: 'resource' }];
  return layers.length + paths.length === 0 ? [{ name: 'image', kind: 'module' }] : [...layers, ...paths];
}

function qualified(layer: number | undefined, path: string): string {
  return layer === undefined ? path : `layer ${layer}: ${path}`;
}

/** Stays the same from build to build as long as the same thing is wrong with the same file. */
function fingerprint({ rule, path, layer }: Finding): string {
  const what = path === undefined ? [rule, layer] : [rule, path];
  return createHash('sha256').update(JSON.stringify(what)).digest('hex');
}
