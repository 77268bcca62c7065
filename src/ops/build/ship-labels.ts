/** SELinux labels of the tree that `build` ships: as they came, from the policy inside the tree, or none. */
import { PlanishError } from '../../errors.ts';
import type { ContentFile } from '../../parallel/content-file.ts';
import { LABEL_XATTR, labelTree } from '../../selinux/label.ts';
import { loadPolicy } from '../../selinux/policy.ts';
import { canonicalize } from '../../tree/canonical.ts';
import type { Directory } from '../../tree/tree.ts';
import { TreeFileReader } from '../load/tree-file-reader.ts';
import type { Session } from '../session.ts';

/**
 * `keep`: labels travel as they came. `strip`: none does. `policy`: every name gets the label that `setfiles` would
 * give it, with the NUL byte that file systems hold; names of one inode that differ in it become inodes of their own.
 */
export type ShippedLabels = 'keep' | 'policy' | 'strip';

/**
 * The canonical tree with the labels asked for. Changes what is shipped, and so digests, unless `keep`. Throws
 * `SELINUX_BAD_POLICY`, also where the tree holds no policy to label by.
 */
export function shipTree(
  session: Session,
  source: Directory,
  contents: readonly ContentFile[],
  labels: ShippedLabels,
): Directory {
  const { onWarning } = session;
  if (labels === 'keep') return canonicalize(source, { onWarning });
  const bare = canonicalize(source, { onWarning, dropXattr: (name) => name === LABEL_XATTR });
  return labels === 'strip' ? bare : labelByPolicy(bare, contents);
}

function labelByPolicy(root: Directory, contents: readonly ContentFile[]): Directory {
  const reader = new TreeFileReader(root, contents);
  try {
    const policy = loadPolicy(root, reader, 'libselinux');
    if (policy === undefined) {
      throw new PlanishError('SELINUX_BAD_POLICY', 'the image holds no SELinux policy to label by', {
        path: '/etc/selinux/config',
        hint: 'use --selinux keep or --selinux strip',
      });
    }
    return labelTree(root, policy, { terminator: 'nul' }).root;
  } finally {
    reader.close();
  }
}
