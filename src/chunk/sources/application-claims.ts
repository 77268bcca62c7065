/** Claims of weak sources: for what no database owns. */
import type { ByteString } from '../../bytes/byte-string.ts';
import type { Claim, ClaimContext, ComponentFacts, SourceClaims } from '../component.ts';
import type { TreeItem } from '../tree-index.ts';

/** Claims every unowned path for which `keyOf` gives a key. Nothing is known of how often these change. */
export function claimUnowned(
  context: ClaimContext,
  keyOf: (item: TreeItem) => ByteString | undefined,
): SourceClaims {
  const components = new Map<ByteString, ComponentFacts>();
  const claims: Claim[] = [];
  for (const item of context.unowned()) {
    const key = keyOf(item);
    if (key === undefined) continue;
    components.set(key, { kind: 'package' });
    claims.push({ path: item.path, key });
  }
  return { components, claims };
}
