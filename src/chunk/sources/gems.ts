/** Ruby gems that no distribution package owns, by name: every version of a gem is the same component. */
import { type ByteString, byteString } from '../../bytes/byte-string.ts';
import type { ClaimContext, ComponentSource, SourceClaims } from '../component.ts';
import { claimUnowned } from './application-claims.ts';

/** `HOME/specifications/NAME-VERSION[-PLATFORM].gemspec`; a version has a dot, or a name with a number would be cut. */
const SPECIFICATION = /^(.*)\/specifications\/(([^/]+?)-\d+(?:\.[0-9A-Za-z]+)+(?:-[^/]+)?)\.gemspec$/;
/** Where files of a gem lie below its home: a directory or file of the full name. */
const PARTS = ['gems', 'doc', 'build_info', 'cache', 'specifications'];
const EXTENSION = /^(.*)\/extensions\/[^/]+\/[^/]+\/([^/]+)\//;

/** The source of gems. */
export const gemsSource: ComponentSource = {
  name: 'gems',
  priority: 20,
  strength: 'weak',
  wantedPaths: () => [],
  claim,
};

function claim(context: ClaimContext): SourceClaims {
  const keys = new Map<string, ByteString>();
  for (const { path, node } of context.unowned()) {
    const match = node.type === 'regular' ? SPECIFICATION.exec(path) : null;
    if (match === null) continue;
    const [, home, fullName, name] = match;
    const key = byteString(`gem/${name}`);
    for (const part of PARTS) keys.set(`${home}/${part}/${fullName}`, key);
    keys.set(`${home}/extensions/${fullName}`, key);
  }
  if (keys.size === 0) return { components: new Map(), claims: [] };
  return claimUnowned(context, ({ path }) => keyAt(keys, path));
}

/** The key of the outermost gem that a path lies in. */
function keyAt(keys: ReadonlyMap<string, ByteString>, path: ByteString): ByteString | undefined {
  const extension = EXTENSION.exec(path);
  const built = extension === null ? undefined : keys.get(`${extension[1]}/extensions/${extension[2]}`);
  if (built !== undefined) return built;
  for (let slash = path.indexOf('/', 1); slash >= 0; slash = path.indexOf('/', slash + 1)) {
    const key = keys.get(path.slice(0, slash));
    if (key !== undefined) return key;
  }
  return keys.get(path.replace(/\.(?:gem|gemspec|info)$/, ''));
}
