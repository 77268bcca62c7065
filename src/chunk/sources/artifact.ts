/** Artifacts of a merged image: each is a component of its own, unless the user or a database says otherwise. */
import type { ByteString } from '../../bytes/byte-string.ts';
import type { ComponentSource, SourceClaims } from '../component.ts';

/** One artifact: the key of its component, and the paths that it brought. */
export interface Artifact {
  readonly key: ByteString;
  readonly paths: readonly ByteString[];
}

/** After what the user names (`user.component`, a component map), before package managers. */
export function artifactSource(artifacts: readonly Artifact[]): ComponentSource {
  return {
    name: 'artifacts',
    priority: 7,
    strength: 'strong',
    wantedPaths: () => [],
    claim: () => claimAll(artifacts),
  };
}

/** A path that several brought is the last one's. */
function claimAll(artifacts: readonly Artifact[]): SourceClaims {
  const owner = new Map<ByteString, ByteString>();
  for (const { key, paths } of artifacts) for (const path of paths) owner.set(path, key);
  const keys = new Set(owner.values());
  return {
    components: new Map([...keys].map((key) => [key, { kind: 'package' as const }])),
    claims: [...owner].map(([path, key]) => ({ path, key })),
  };
}
