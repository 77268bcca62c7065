/** A loaded source as `explain` makes views of it. */
import { type ByteString, byteString } from '../../bytes/byte-string.ts';
import { PlanishError } from '../../errors.ts';
import type { PolicyLabels, ViewSource } from '../../explain/steps.ts';
import { checkHostLayer } from '../../host/accept-layer.ts';
import { attempt, type HostRefusal } from '../../host/host-digest.ts';
import { filesHostsRead } from '../../host/read-file.ts';
import { relabel } from '../../host/relabel.ts';
import { labelTree } from '../../selinux/label.ts';
import { loadPolicy } from '../../selinux/policy.ts';
import { copyTree } from '../../tree/copy.ts';
import { type FlattenResult, flatten } from '../../tree/flatten.ts';
import type { Directory } from '../../tree/tree.ts';
import { lookup } from '../../tree/walk.ts';
import { HostContents } from '../hosts/host-contents.ts';
import { hostLayer } from '../hosts/host-digests.ts';
import type { LoadedTree } from '../load/load-tree.ts';
import type { Session } from '../session.ts';

/** A source of views, and what else is known of it. */
export interface PreparedSource extends ViewSource {
  /** Directories that no layer describes. */
  readonly implied: ReadonlySet<ByteString>;
  /** Why hosts take these layers for no image at all; then only tools compute what is found. */
  readonly refused: HostRefusal | undefined;
}

/** Makes ready to view a tree: flattens its layers as hosts do as well, and fetches the policy inside it. */
export async function prepareViews(session: Session, tree: LoadedTree): Promise<PreparedSource> {
  const strict = attempt(() => flattenForHosts(tree, 'refuse'));
  const asHosts = strict.refused === undefined ? strict : attempt(() => flattenForHosts(tree, 'create'));
  const host = asHosts.refused === undefined ? (asHosts.value?.root ?? tree.root) : undefined;
  const contents = new HostContents(session, tree);
  const files = [tree.root, host ?? tree.root].flatMap(filesHostsRead).map(([, file]) => file);
  await contents.prepare([...new Set(files)]);
  return {
    implied: new Set(asHosts.value?.implied),
    refused: strict.refused,
    facts: tree.facts,
    flattened: (whiteouts) => (whiteouts === 'oci' ? tree.root : (host ?? refuse(asHosts.refused))),
    relabel: (root, how) => label(root, how, contents),
  };
}

function refuse(refused: HostRefusal | undefined): never {
  const { code = 'HOST_TREE_INVALID', message = 'hosts refuse the layers', path, layer } = refused ?? {};
  throw new PlanishError(code, message, { path, layer });
}

/** Parents may be made where they are missing, though hosts refuse that: there is nothing to compare otherwise. */
function flattenForHosts(
  { layers, inputs }: LoadedTree,
  missingParents: 'refuse' | 'create',
): FlattenResult | undefined {
  if (layers.length === 0) return undefined;
  if (missingParents === 'refuse') {
    layers.forEach((layer, ordinal) => {
      checkHostLayer(hostLayer(layer, inputs[ordinal]), ordinal, false);
    });
  }
  const numbered = layers.map(({ entries }, ordinal) => ({ ordinal, entries }));
  return flatten(numbered, { whiteouts: 'host', missingParents });
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
