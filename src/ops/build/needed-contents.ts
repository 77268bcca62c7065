/** Which contents of a tree the steps of a build read. */
import type { ByteString } from '../../bytes/byte-string.ts';
import type { ComponentMapEntry } from '../../chunk/choices/component-map.ts';
import { wantedPaths } from '../../chunk/components.ts';
import { filesHostsRead } from '../../host/read-file.ts';
import { selectMembers } from '../../layer/members.ts';
import type { Content, Directory, Node } from '../../tree/tree.ts';
import { lookup } from '../../tree/walk.ts';
import type { ArrangedLayer } from './arrange-layers.ts';

/** What planning and labelling may read: package databases and SELinux policies. */
export function planningContents(root: Directory, componentMap: readonly ComponentMapEntry[]): Content[] {
  const files: (Node | undefined)[] = wantedPaths(root, { componentMap }).map((path) => lookup(root, path));
  files.push(...filesHostsRead(root).map(([, file]) => file));
  return files.flatMap((node) => (node?.type === 'regular' ? [node.content] : []));
}

/** What is copied into the layers that are written, in any order; found only when it is asked for. */
export function* writtenContents(
  root: Directory,
  arranged: readonly ArrangedLayer[],
): Generator<Content, void, undefined> {
  const paths = arranged.flatMap((layer): readonly ByteString[] =>
    layer.carried === undefined ? layer.paths : [],
  );
  for (const { node } of selectMembers(root, paths)) if (node.type === 'regular') yield node.content;
}
