/** All rules on one image. */
import { checkBoot } from './boot-checks.ts';
import { checkImage } from './image-checks.ts';
import { checkLayers } from './layer-checks.ts';
import type { Finding, LintContext } from './rule.ts';
import { finding, RULE_IDS } from './rules.ts';
import { checkSelinux } from './selinux-checks.ts';
import { checkTree } from './tree-checks.ts';

const ORDER: ReadonlyMap<string, number> = new Map(RULE_IDS.map((id, index) => [id, index]));

/**
 * What the rules find, in the order of the table, and within a rule in the order of layers and paths. Deterministic:
 * the same image gives the same findings.
 */
export function checkAll(context: LintContext): Finding[] {
  const checks = [checkLayers, checkImage, checkTree, checkBoot, checkSelinux];
  const findings = checks.flatMap((check) => check(context));
  const refusal = findings.some(({ severity }) => severity === 'error') ? [] : checkRefusal(context);
  return [...findings, ...refusal].sort((a, b) => orderOf(a) - orderOf(b));
}

/** The last resort: what no rule has found and a host refuses all the same. */
function checkRefusal({ bootable, bootDigest, profile }: LintContext): Finding[] {
  const refused = bootable ? bootDigest(profile.name).refused : undefined;
  if (refused === undefined) return [];
  const { message, path, layer } = refused;
  return [finding('host-refuses', message, { path, layer: layer === undefined ? undefined : Number(layer) })];
}

function orderOf({ rule }: Finding): number {
  return ORDER.get(rule) ?? ORDER.size;
}
