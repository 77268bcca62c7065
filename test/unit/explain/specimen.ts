/** A source in which every variable matters, and a policy without an engine. */
import { byteString } from '../../../src/bytes/byte-string.ts';
import type { PolicyLabels, ViewSource } from '../../../src/explain/steps.ts';
import { copyTree } from '../../../src/tree/copy.ts';
import { flatten } from '../../../src/tree/flatten.ts';
import type { Directory, Node } from '../../../src/tree/tree.ts';
import { walk } from '../../../src/tree/walk.ts';
import { type BuiltLayer, external, layers, put } from '../../support/tree-builder.ts';

const CAPABILITY = '\x01\x00\x00\x02\x00\x20\x00\x00';

/** Two layers; the second has a whiteout behind what it hides of its own layer. */
export const SPECIMEN: readonly BuiltLayer[] = layers(
  [
    put.dir('./', { sec: 50, mode: 0o700, xattrs: { 'user.root': 'r' } }),
    put.dir('usr', { sec: 1000, nsec: 5, xattrs: { 'user.usr': 'u', 'trusted.usr': 't' } }),
    put.dir('usr/bin', { sec: 1001 }),
    put.file('usr/bin/ping', external(100_000, 'ping'), {
      sec: 1002,
      nsec: 250_000_000,
      xattrs: { 'security.capability': CAPABILITY, 'user.note': 'n', 'security.selinux': 'old_t' },
    }),
    put.file('usr/bin/gzip', external(5000, 'gzip'), { sec: 1003 }),
    put.link('usr/bin/gunzip', 'usr/bin/gzip'),
    put.link('usr/gzip', 'usr/bin/gzip'),
    put.device('usr/disk', 'block', 8, 1, { sec: 1004 }),
    put.dir('run', { sec: 60 }),
    put.file('run/lock', 'pid', { sec: 61 }),
    put.dir('boot', { sec: 70, nsec: 7 }),
    put.file('boot/grub.cfg', 'menu', { sec: 71 }),
    put.dir('sysroot', { sec: 80 }),
    put.file('old', 'from before the epoch', { sec: -5 }),
  ],
  [
    put.dir('srv', { sec: 90 }),
    put.file('srv/new', 'in the upper layer', { sec: 91 }),
    put.whiteout('srv/new'),
  ],
);

/**
 * Labels by name; libselinux has another opinion of one path. A file whose names have several labels is split by them,
 * or has that of the last name.
 */
function label(input: Directory, how: PolicyLabels): Directory {
  const root = copyTree(input);
  const split = new Map<Node, Map<string, Node>>();
  // All steps first: nodes are replaced below.
  for (const { path, node, parent, name } of [...walk(root)]) {
    const type =
      how.startsWith('libselinux') && path === '/usr/bin/ping' ? 'ping_exec_t' : `${name || 'root'}_t`;
    const end = how === 'libselinux-nul' ? '\0' : '';
    const metadata = { ...node.metadata, xattrs: withLabel(node.metadata.xattrs, `${type}${end}`) };
    const parts = split.get(node) ?? new Map<string, Node>();
    split.set(node, parts);
    if (parts.size === 0 || how === 'host-last') node.metadata = metadata;
    const part = how === 'host-last' || parts.size === 0 ? node : (parts.get(type) ?? { ...node, metadata });
    parts.set(type, part);
    parent?.children.set(name, part);
  }
  return root;
}

function withLabel(xattrs: Directory['metadata']['xattrs'], type: string): Directory['metadata']['xattrs'] {
  return new Map([...xattrs, [byteString('security.selinux'), new Uint8Array(Buffer.from(type))]]);
}

/** A source made of layers. */
export function layerSource(built: readonly BuiltLayer[]): ViewSource {
  return {
    flattened: (whiteouts) => flatten(built, { whiteouts, missingParents: 'create' }).root,
    relabel: label,
  };
}

/** A source that is a tree. */
export function treeSource(root: Directory): ViewSource {
  return { flattened: () => copyTree(root), relabel: label };
}
