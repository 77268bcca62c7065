/** Whether an image is meant to boot: an application image has no kernel and needs none. */
import { findBootEntries } from '../boot/boot-entries.ts';
import { configLabels } from '../oci/config.ts';
import type { Directory } from '../tree/tree.ts';
import type { LintImage } from './rule.ts';

const LABELS = ['containers.bootc', 'ostree.bootable'];

/** It says so by a label, or holds something that boots. */
export function isMeantToBoot(image: LintImage | undefined, root: Directory | undefined): boolean {
  const labels = image === undefined ? {} : configLabels(image.config);
  if (LABELS.some((label) => Object.hasOwn(labels, label))) return true;
  if (root === undefined) return false;
  return Object.values(findBootEntries(root)).some((found) => found.length > 0);
}
