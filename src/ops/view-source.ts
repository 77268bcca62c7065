/** A loaded source as `explain` makes views of it. */
import { type ByteString, byteString } from '../bytes/byte-string.ts';
import type { PolicyLabels, ViewSource } from '../explain/steps.ts';
import { filesHostsRead } from '../host/read-file.ts';
import { relabel } from '../host/relabel.ts';
import { labelTree } from '../selinux/label.ts';
import { loadPolicy } from '../selinux/policy.ts';
import { copyTree } from '../tree/copy.ts';
import { type FlattenResult, flatten } from '../tree/flatten.ts';
import type { Directory } from '../tree/tree.ts';
import { lookup } from '../tree/walk.ts';
import { HostContents } from './host-contents.ts';
import type { LoadedTree } from './load-tree.ts';
import type { Session } from './session.ts';

/** A source of views, and which of its directories no layer describes. */
export interface PreparedSource extends ViewSource {
  readonly implied: ReadonlySet<ByteString>;
}

/** Makes ready to view a tree: flattens its layers as hosts do as well, and fetches the policy inside it. */
export async function prepareViews(session: Session, tree: LoadedTree): Promise<PreparedSource> {
  const asHosts = flattenForHosts(tree);
  const roots = { oci: tree.root, host: asHosts?.root ?? tree.root };
  const contents = new HostContents(session, tree);
  const files = [roots.oci, roots.host].flatMap(filesHostsRead).map(([, file]) => file);
  await contents.prepare([...new Set(files)]);
  return {
    implied: new Set(asHosts?.implied),
    facts: tree.facts,
    flattened: (whiteouts) => roots[whiteouts],
    relabel: (root, how) => label(root, how, contents),
  };
}

/** Parents are made where they are missing, though hosts refuse that: there is nothing to compare otherwise. */
function flattenForHosts({ layers }: LoadedTree): FlattenResult | undefined {
  if (layers.length === 0) return undefined;
  const numbered = layers.map(({ entries }, ordinal) => ({ ordinal, entries }));
  return flatten(numbered, { whiteouts: 'host', missingParents: 'create' });
}

function label(root: Directory, how: PolicyLabels, contents: HostContents): Directory {
  if (how === 'host' || how === 'host-last') {
    const copy = copyTree(root);
    relabel(copy, contents.read, how === 'host' ? 'split' : 'last');
    return copy;
  }
  const policy = loadPolicy(root, { read: (path) => readAt(root, path, contents) }, 'libselinux');
  return labelTree(root, policy, { terminator: how === 'libselinux-nul' ? 'nul' : 'none' }).root;
}

function readAt(root: Directory, path: ByteString, contents: HostContents): Uint8Array | undefined {
  const node = lookup(root, byteString(path));
  return node?.type === 'regular' ? contents.read(node, path) : undefined;
}
