/** Flatpak applications and runtimes that an image brings: one component each, whatever its branch and commit. */
import { type ByteString, byteString } from '../../bytes/byte-string.ts';
import type { Leaf } from '../../tree/tree.ts';
import type { ClaimContext, ComponentSource, SourceClaims } from '../component.ts';
import { claimUnowned } from './application-claims.ts';

/** `app` or `runtime`, name, architecture, branch, commit. */
const DEPLOYED = /^\/var\/lib\/flatpak\/(app|runtime)\/([^/]+)\//;

/** The flatpak source. */
export const flatpakSource: ComponentSource = {
  name: 'flatpak',
  priority: 20,
  strength: 'weak',
  wantedPaths: () => [],
  claim,
};

function keyOf(path: ByteString): ByteString | undefined {
  const match = DEPLOYED.exec(path);
  return match === null ? undefined : byteString(`flatpak/${match[1]}/${match[2]}`);
}

/** Deployed files are hard links to objects of flatpak's repository, which go where the first of them goes. */
function claim(context: ClaimContext): SourceClaims {
  const byLeaf = new Map<Leaf, ByteString>();
  for (const { path, node } of context.index.items) {
    const key = node.type === 'directory' || byLeaf.has(node) ? undefined : keyOf(path);
    if (key !== undefined) byLeaf.set(node as Leaf, key);
  }
  return claimUnowned(context, ({ path, node }) => {
    return keyOf(path) ?? (node.type === 'directory' ? undefined : byLeaf.get(node));
  });
}
