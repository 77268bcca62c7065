/** `selabel`: which label the policy inside an image gives a path, and which rule decided. */
import { byteString, display, fromUtf8 } from '../../bytes/byte-string.ts';
import { PlanishError } from '../../errors.ts';
import { filesHostsRead } from '../../host/read-file.ts';
import { explainLabel, type LabelExplanation } from '../../selinux/explain.ts';
import type { LabelMode } from '../../selinux/file-contexts.ts';
import { loadPolicy, type Policy } from '../../selinux/policy.ts';
import type { Directory, FileType } from '../../tree/tree.ts';
import { lookup } from '../../tree/walk.ts';
import { type SourceOptions, withTree } from '../load/load-tree.ts';
import { TreeFileReader } from '../load/tree-file-reader.ts';
import { Session } from '../session.ts';

/** Options of {@link selabel}. */
export interface SelabelOptions extends SourceOptions {
  /** `host`: as composefs hosts label; `libselinux`: as `matchpathcon` and `setfiles`. Default: both. */
  readonly mode?: LabelMode | undefined;
}

/** The rule behind a label. */
export interface SelabelRule {
  /** File of the policy, and the one-based line in it. */
  readonly file: string;
  readonly line: number;
  readonly regex: string;
  /** The letter of the only type of file that the rule is for. */
  readonly type: string | undefined;
  readonly context: string;
}

/** One path, by one reading of the policy. */
export interface PathLabel {
  readonly path: string;
  readonly type: FileType;
  readonly mode: LabelMode;
  /** Absent: no label. */
  readonly label: string | undefined;
  /** The name that the rules were asked about, where an alias changed it. */
  readonly key: string | undefined;
  readonly rule: SelabelRule | undefined;
  /** The rule that would have decided without that one. */
  readonly runnerUp: SelabelRule | undefined;
}

/** Result of {@link selabel}. */
export interface SelabelResult {
  readonly source: string;
  readonly policy: string;
  readonly labels: readonly PathLabel[];
}

/**
 * Explains the labels of paths; a path that the image lacks is taken for a regular file. Throws `SELINUX_BAD_POLICY`
 * where there is no policy or it cannot be read.
 */
export async function selabel(
  source: string,
  paths: readonly string[],
  options: SelabelOptions = {},
): Promise<SelabelResult> {
  return await Session.use(options, (session) =>
    withTree(session, source, options, { contents: 'few', digests: false }, async (tree) => {
      const { root, contents } = tree;
      await tree.makeReady(filesHostsRead(root).map(([, { content }]) => content));
      const reader = new TreeFileReader(root, contents);
      try {
        const modes = options.mode === undefined ? (['host', 'libselinux'] as const) : [options.mode];
        const policies = modes.map((mode) => demandPolicy(root, reader, mode));
        const labels = paths.flatMap((path) => policies.map((policy) => labelPath(root, policy, path)));
        return { source, policy: display((policies[0] as Policy).name), labels };
      } finally {
        reader.close();
      }
    }),
  );
}

function demandPolicy(root: Directory, reader: TreeFileReader, mode: LabelMode): Policy {
  const policy = loadPolicy(root, reader, mode);
  if (policy !== undefined) return policy;
  throw new PlanishError('SELINUX_BAD_POLICY', 'the image holds no SELinux policy', {
    path: '/etc/selinux/config',
  });
}

function labelPath(root: Directory, policy: Policy, text: string): PathLabel {
  const path = byteString(`/${fromUtf8(text).split('/').filter(Boolean).join('/')}`);
  const type = lookup(root, path)?.type ?? 'regular';
  const { key, label, rule, runnerUp } = explainLabel(policy, path, type);
  return {
    path: display(path),
    type,
    mode: policy.mode,
    label: label === undefined ? undefined : display(label),
    key: key === path ? undefined : display(key),
    rule: describeRule(rule),
    runnerUp: describeRule(runnerUp),
  };
}

function describeRule(rule: LabelExplanation['rule']): SelabelRule | undefined {
  if (rule === undefined) return undefined;
  const { path, line, regex, type, context } = rule;
  return {
    file: display(path),
    line,
    regex: display(regex),
    type,
    context: display(context),
  };
}
