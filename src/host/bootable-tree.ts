/** The tree of which a host computes the digest that it boots. Apart, since it brings all that knows SELinux with it. */
import { type EmptiedDirectory, emptyBootDirectories } from '../tree/boot-transform.ts';
import { copyTree } from '../tree/copy.ts';
import type { Directory } from '../tree/tree.ts';
import { checkBootEntries } from './boot-entry-rules.ts';
import type { BootChoices } from './profiles.ts';
import type { ReadFile } from './read-file.ts';
import { type RelabelReport, relabel } from './relabel.ts';

/** The tree whose digest a kernel command line names, and what made it differ from the plain one. */
export interface BootableTree {
  readonly root: Directory;
  readonly emptied: readonly EmptiedDirectory[];
  readonly labels: RelabelReport;
}

/**
 * The bootable tree of a plain tree, which is left alone. `read` gives contents of the policy and of boot entries.
 * Throws `HOST_TREE_INVALID` where the host refuses the tree, `SELINUX_BAD_POLICY` where it refuses the policy.
 */
export function makeBootableTree(plain: Directory, boot: BootChoices, read: ReadFile): BootableTree {
  checkBootEntries(plain, read, boot.entries);
  const root = copyTree(plain);
  const emptied = emptyBootDirectories(root, boot.times);
  const labels = relabel(root, read, boot.linkedLabels);
  return { root, emptied, labels };
}
