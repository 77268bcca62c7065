/** What nobody else claims, by place: small lumps that change for different reasons, never a single one. */
import { type ByteString, byteString } from '../../bytes/byte-string.ts';
import type { Claim, ClaimContext, ComponentFacts, ComponentSource, SourceClaims } from '../component.ts';

/** The last source; claims everything. */
export const restSource: ComponentSource = {
  name: 'rest',
  priority: 100,
  strength: 'weak',
  wantedPaths: () => [],
  claim,
};

function claim(context: ClaimContext): SourceClaims {
  const components = new Map<ByteString, ComponentFacts>();
  const claims: Claim[] = [];
  for (const { path } of context.unowned()) {
    const key = restKey(path);
    components.set(key, { kind: 'rest' });
    claims.push({ path, key });
  }
  return { components, claims };
}

/** `rest/etc`, `rest/usr`, `rest/usr/local`, `rest/opt/VENDOR`; `rest` for what lies right in the root. */
function restKey(path: ByteString): ByteString {
  const parts = path.split('/').slice(1, -1);
  const deep = parts[0] === 'opt' || (parts[0] === 'usr' && parts[1] === 'local');
  return byteString(['rest', ...parts.slice(0, deep ? 2 : 1)].join('/'));
}
