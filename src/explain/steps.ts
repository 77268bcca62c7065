/**
 * How settings become a tree: one step for each, in the order of hosts. A step gives a new tree, or `undefined` where
 * it would change nothing; trees that go in are never written to. Composed with the settings of a profile they are the
 * transforms of `tree/` and `host/`, which the tests hold them against. Changing this changes digests.
 */
import { type ByteString, byteString } from '../bytes/byte-string.ts';
import { EPOCH, NO_XATTRS } from '../bytes/stat.ts';
import { PlanishError } from '../errors.ts';
import { emptyBootDirectories, stripLabels } from '../tree/boot-transform.ts';
import { canonicalize } from '../tree/canonical.ts';
import { copyTree } from '../tree/copy.ts';
import { diffTrees } from '../tree/diff.ts';
import type { DumpFacts } from '../tree/dump-facts.ts';
import { keepXattrs, sameMetadata, sameTime } from '../tree/metadata.ts';
import { dropFractions, separateLinks } from '../tree/reductions.ts';
import type { Directory, Metadata, Node } from '../tree/tree.ts';
import type { KeptXattrs, LabelSource, ViewSettings } from './settings.ts';

/** Ways to label a tree by its policy. */
export type PolicyLabels = Exclude<LabelSource, 'untouched' | 'none'>;

/** What only the source of a view can do. */
export interface ViewSource {
  /** The tree before all steps. It is not written to and may be the same one each time. */
  flattened(whiteouts: ViewSettings['whiteouts']): Directory;
  /**
   * A copy of a tree, labelled by the policy inside it. Throws where the policy cannot be read or where this source
   * holds no contents.
   */
  relabel(root: Directory, how: PolicyLabels): Directory;
  /** What a dumpfile said beyond the tree, for images as the C tools write them. */
  readonly facts?: DumpFacts | undefined;
}

/** One step: the settings that decide it, and what it does. */
export interface Step {
  readonly keys: readonly (keyof ViewSettings)[];
  apply(root: Directory, settings: ViewSettings, source: ViewSource): Directory | undefined;
}

/** Changes a copy, kept only when `change` says that it changed something. */
function onCopy(root: Directory, change: (copy: Directory) => number | boolean): Directory | undefined {
  const copy = copyTree(root);
  return Number(change(copy)) > 0 ? copy : undefined;
}

function forEachNode(root: Directory, visit: (node: Node) => void): void {
  const seen = new Set<Node>();
  const pending: Node[] = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    visit(node);
    if (node.type === 'directory') for (const child of node.children.values()) pending.push(child);
  }
}

/** Gives every inode what `change` makes of its metadata. Returns how many got another. */
function changeMetadata(root: Directory, change: (metadata: Metadata) => Metadata): number {
  let changed = 0;
  forEachNode(root, (node) => {
    const metadata = change(node.metadata);
    if (metadata !== node.metadata) changed++;
    node.metadata = metadata;
  });
  return changed;
}

function skipDevices(root: Directory): number {
  let skipped = 0;
  forEachNode(root, (node) => {
    if (node.type !== 'directory') return;
    for (const [name, child] of node.children) {
      if (child.type !== 'character' && child.type !== 'block') continue;
      node.children.delete(name);
      skipped++;
    }
  });
  return skipped;
}

function changeTimes(root: Directory, times: ViewSettings['times']): Directory | undefined {
  if (times === 'whole-seconds') return onCopy(root, dropFractions);
  if (times === 'epoch') {
    return onCopy(root, (copy) =>
      changeMetadata(copy, (data) => (sameTime(data.mtime, EPOCH) ? data : { ...data, mtime: EPOCH })),
    );
  }
  return isCanonical(root) ? undefined : canonicalize(root);
}

function isCanonical(root: Directory): boolean {
  let canonical = true;
  forEachNode(root, ({ type, metadata: { mtime } }) => {
    if (type === 'socket' || mtime.nsec !== 0 || mtime.sec < 0) canonical = false;
  });
  return canonical;
}

/** A directory at the top. Throws `HOST_TREE_INVALID` where it is something else. */
function topDirectory(root: Directory, name: string): Directory | undefined {
  const node = root.children.get(byteString(name));
  if (node === undefined || node.type === 'directory') return node;
  throw new PlanishError('HOST_TREE_INVALID', `/${name} is no directory, so hosts refuse the tree`, {
    path: `/${name}`,
  });
}

function usrOf(root: Directory): Metadata {
  const usr = topDirectory(root, 'usr');
  if (usr !== undefined) return usr.metadata;
  throw new PlanishError('HOST_TREE_INVALID', 'the tree has no /usr, so hosts refuse it', { path: '/usr' });
}

function rootLikeUsr(root: Directory): boolean {
  const usr = usrOf(root);
  const changed = !sameMetadata(root.metadata, usr);
  root.metadata = usr;
  return changed;
}

function emptyRun(root: Directory): boolean {
  const { mtime } = usrOf(root);
  const run = topDirectory(root, 'run');
  if (run === undefined) return false;
  const changed = run.children.size > 0 || !sameTime(run.metadata.mtime, mtime);
  run.children.clear();
  run.metadata = { ...run.metadata, mtime };
  return changed;
}

const CAPABILITY = byteString('security.capability');

const KEPT: Readonly<Record<Exclude<KeptXattrs, 'all'>, (name: ByteString) => boolean>> = {
  'allowlist-only': (name) => name === CAPABILITY,
  'keep-user-xattrs': (name) => name === CAPABILITY || name.startsWith('user.'),
  'user-only': (name) => name.startsWith('user.'),
  none: () => false,
};

function filterXattrs(root: Directory, kept: Exclude<KeptXattrs, 'all'>): number {
  const keep = KEPT[kept];
  return changeMetadata(root, (data) => {
    if (data.xattrs.size === 0) return data;
    return kept === 'none' ? { ...data, xattrs: NO_XATTRS } : keepXattrs(data, keep);
  });
}

function emptyBoot(root: Directory, times: ViewSettings['bootTimes']): boolean {
  const own = ['boot', 'sysroot'].map((name) => topDirectory(root, name)?.metadata);
  const emptied = emptyBootDirectories(root, times === 'kept' ? 'seconds' : times);
  if (times !== 'kept') return emptied.some((e) => e.entriesRemoved > 0 || e.timeChanged);
  emptied.forEach(({ path }, index) => {
    const directory = topDirectory(root, path.slice(1));
    const metadata = own[index];
    if (directory !== undefined && metadata !== undefined) directory.metadata = metadata;
  });
  return emptied.some((e) => e.entriesRemoved > 0);
}

/** All steps, in order. A step whose settings say that nothing is to be done is not asked to copy anything. */
export const STEPS: readonly Step[] = [
  {
    keys: ['hardLinks'],
    apply: (root, { hardLinks }) => (hardLinks === 'kept' ? undefined : onCopy(root, separateLinks)),
  },
  {
    keys: ['devices'],
    apply: (root, { devices }) => (devices === 'kept' ? undefined : onCopy(root, skipDevices)),
  },
  {
    keys: ['times'],
    apply: (root, { times }) => (times === 'kept' ? undefined : changeTimes(root, times)),
  },
  {
    keys: ['root'],
    apply: (root, settings) => (settings.root === 'kept' ? undefined : onCopy(root, rootLikeUsr)),
  },
  { keys: ['run'], apply: (root, { run }) => (run === 'kept' ? undefined : onCopy(root, emptyRun)) },
  {
    // After the copy to the root, so that its attributes are filtered as /usr's are.
    keys: ['xattrs'],
    apply: (root, { xattrs }) =>
      xattrs === 'all' ? undefined : onCopy(root, (copy) => filterXattrs(copy, xattrs)),
  },
  {
    keys: ['boot', 'bootTimes'],
    apply: (root, { boot, bootTimes }) =>
      boot === 'kept' ? undefined : onCopy(root, (copy) => emptyBoot(copy, bootTimes)),
  },
  { keys: ['labels'], apply: (root, { labels }, source) => label(root, labels, source) },
];

function label(root: Directory, labels: LabelSource, source: ViewSource): Directory | undefined {
  if (labels === 'untouched') return undefined;
  if (labels === 'none') return onCopy(root, stripLabels);
  const labelled = source.relabel(root, labels);
  return diffTrees(root, labelled).next().done === true ? undefined : labelled;
}
