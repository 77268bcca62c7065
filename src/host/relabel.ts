/** The last step of the transform for booting: labels from the policy inside the tree, or none. */
import { byteString } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';
import { stripLabels } from '../tree/boot-transform.ts';
import type { Directory } from '../tree/tree.ts';
import { hostDirectory, type ReadFile } from './read-file.ts';

/** What relabelling did; plain data. */
export interface RelabelReport {
  /** Whether the tree names a policy. Without one all labels are dropped. */
  readonly policy: boolean;
  /** Inodes whose label changed, was set, or was dropped. */
  readonly changed: number;
}

/** Relabels a tree in place. */
export function relabel(root: Directory, _read: ReadFile, _linked: 'split' | 'last'): RelabelReport {
  const config = hostDirectory(root, '/etc/selinux')?.children.get(byteString('config'));
  if (config === undefined) return { policy: false, changed: stripLabels(root) };
  throw new PlanishError('HOST_TREE_INVALID', 'policies are not supported');
}
