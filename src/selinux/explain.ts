/** Why a path has its label, and where the two readings of a policy part. */
import { type ByteString, byteString } from '../bytes/byte-string.ts';
import { splitPath } from '../tree/path.ts';
import type { Directory, FileType } from '../tree/tree.ts';
import { joinPath } from '../tree/walk.ts';
import type { Rule } from './file-contexts.ts';
import { decisions } from './label.ts';
import { labelOf, type Policy, TYPE_LETTERS } from './policy.ts';
import type { Substitution } from './substitutions.ts';

/** See {@link explainLabel}. */
export interface LabelExplanation {
  readonly path: ByteString;
  readonly type: FileType;
  /** The name that the rules were asked about. */
  readonly key: ByteString;
  /** Lines that made the key of the path, in the order in which they were applied. */
  readonly substitutions: readonly Substitution[];
  readonly label: ByteString | undefined;
  /** The rule that decided, `undefined` when none matches. */
  readonly rule: Rule | undefined;
  /** The rule that would decide if that one were not there. */
  readonly runnerUp: Rule | undefined;
}

/** How a policy comes to the label of an absolute path. Throws `LIMIT_EXCEEDED`. */
export function explainLabel(policy: Policy, path: ByteString, type: FileType): LabelExplanation {
  const { key, substitutions } = keyOf(policy, path);
  const [rule, runnerUp] = policy.matching(key, TYPE_LETTERS[type]);
  return { path, type, key, substitutions, label: labelOf(rule), rule, runnerUp };
}

/** Follows a path from the root as the labelling of a tree does. */
function keyOf(policy: Policy, path: ByteString): { key: ByteString; substitutions: Substitution[] } {
  let parent = { path: byteString('/'), key: policy.keys.rootKey() };
  let substitutions: Substitution[] = [];
  for (const name of splitPath(path)) {
    const at = joinPath(parent.path, name);
    const used = policy.keys.used(parent, name, at);
    substitutions = policy.mode === 'host' ? [...substitutions, ...used] : used;
    const key = policy.keys.childKey(parent, name, at, false) ?? joinPath(parent.key, name);
    parent = { path: at, key };
  }
  return { key: parent.key, substitutions };
}

/** A path that hosts and libselinux label differently. */
export interface LabelDifference {
  readonly path: ByteString;
  readonly type: FileType;
  readonly host: Rule | undefined;
  readonly libselinux: Rule | undefined;
}

/**
 * The paths of a tree whose labels differ between two readings of its policy, in the order of the walk. Throws
 * `LIMIT_EXCEEDED`.
 */
export function labelDifferences(root: Directory, host: Policy, libselinux: Policy): LabelDifference[] {
  const found: LabelDifference[] = [];
  const others = decisions(root, libselinux);
  for (const { path, node, rule } of decisions(root, host)) {
    const other = others.next().value?.rule;
    if (labelOf(rule) !== labelOf(other))
      found.push({ path, type: node.type, host: rule, libselinux: other });
  }
  return found;
}
