/** The last step of the transform for booting: labels from the policy inside the tree, or none. */
import { byteString, display, toBytes } from '../bytes/byte-string.ts';
import { decisions, labelInPlace } from '../selinux/label.ts';
import { labelOf, loadPolicy, type Policy } from '../selinux/policy.ts';
import { stripLabels } from '../tree/boot-transform.ts';
import { keepXattrs } from '../tree/metadata.ts';
import type { Directory, Node } from '../tree/tree.ts';
import { lookup } from '../tree/walk.ts';
import type { ReadFile } from './read-file.ts';

/**
 * A file whose names the policy labels differently: `split` into inodes, or `last`, one inode with the label of the
 * last name in depth-first byte order. Changing this changes digests.
 */
export type LinkedLabels = 'split' | 'last';

/** What relabelling did; plain data. */
export interface RelabelReport {
  /** Name of the policy, escaped for display; absent where the tree names none, and then all labels are dropped. */
  readonly policy: string | undefined;
  /** Inodes of the input that had a label, of whatever origin. */
  readonly stripped: number;
  /** Names that have a label now. */
  readonly labelled: number;
  /** Names that were hard links and became inodes of their own. */
  readonly split: number;
}

/**
 * Gives a tree, in place, the labels that hosts give it. Throws `SELINUX_BAD_POLICY` where a host refuses
 * the policy, and `LIMIT_EXCEEDED`.
 */
export function relabel(root: Directory, read: ReadFile, linked: LinkedLabels): RelabelReport {
  const reader = {
    read: (path: Parameters<ReadFile>[1]): Uint8Array | undefined => {
      const node = lookup(root, path);
      return node?.type === 'regular' ? read(node, path) : undefined;
    },
  };
  const policy = loadPolicy(root, reader, 'host');
  if (policy === undefined) {
    return { policy: undefined, stripped: stripLabels(root), labelled: 0, split: 0 };
  }
  if (linked === 'last') return labelLast(root, policy);
  const { stripped, labelled, split } = labelInPlace(root, policy);
  return { policy: display(policy.name), stripped, labelled, split: split.length };
}

const LABEL = byteString('security.selinux');

/** Labels name by name, in place: what names of one inode differ in, the last one decides. */
function labelLast(root: Directory, policy: Policy): RelabelReport {
  const stripped = stripLabels(root);
  let labelled = 0;
  for (const { node, rule } of decisions(root, policy)) {
    const label = labelOf(rule);
    if (label !== undefined) labelled++;
    setLabel(node, label === undefined ? undefined : toBytes(label));
  }
  return { policy: display(policy.name), stripped, labelled, split: 0 };
}

function setLabel(node: Node, label: Uint8Array | undefined): void {
  const without = keepXattrs(node.metadata, (name) => name !== LABEL);
  node.metadata =
    label === undefined ? without : { ...without, xattrs: new Map([...without.xattrs, [LABEL, label]]) };
}
