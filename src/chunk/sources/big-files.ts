/** Large files that no package owns: each is a component, so that one does not drag another along. */
import { type ByteString, byteString } from '../../bytes/byte-string.ts';
import { contentSize } from '../../tree/tree.ts';
import type { Claim, ClaimContext, ComponentFacts, ComponentSource, SourceClaims } from '../component.ts';

/** Bytes from which an unowned file is a component of its own. */
const BIG_FILE_BYTES: number = 1024 * 1024;

/** The source of large unowned files. The key is the whole path: base names clash and would trade places. */
export const bigFilesSource: ComponentSource = {
  name: 'big-files',
  priority: 80,
  strength: 'weak',
  wantedPaths: () => [],
  claim,
};

function claim(context: ClaimContext): SourceClaims {
  const components = new Map<ByteString, ComponentFacts>();
  const claims: Claim[] = [];
  for (const { path, node, firstPath } of context.unowned()) {
    if (node.type !== 'regular' || contentSize(node.content) < BIG_FILE_BYTES) continue;
    const key = byteString(`file${firstPath ?? path}`);
    components.set(key, { kind: 'file' });
    claims.push({ path, key });
  }
  return { components, claims };
}
