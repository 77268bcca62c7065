/**
 * Components that a user named in extended attributes: `user.component` on a file, or on a directory for all below
 * it, and `user.update-interval`. They win over packages.
 */
import { type ByteString, byteString, display, fromBytes } from '../bytes/byte-string.ts';
import type { Directory, Node } from '../tree/tree.ts';
import { walk } from '../tree/walk.ts';
import type { Claim, ClaimContext, ComponentFacts, ComponentSource, SourceClaims } from './component.ts';
import { Intervals, isComponentName, parseInterval, userFacts, userKey } from './user-setting.ts';

const COMPONENT = byteString('user.component');
const INTERVAL = byteString('user.update-interval');

/** The source of those components. At the same priority `@db` goes first by name: nobody can move a database. */
export const userXattrsSource: ComponentSource = {
  name: 'user-xattrs',
  priority: 0,
  strength: 'strong',
  wantedPaths: () => [],
  claim,
};

function claim(context: ClaimContext): SourceClaims {
  if (!hasSettings(context.index.root)) return { components: new Map(), claims: [] };
  return new SettingsWalk(context).run();
}

/** Most trees have no such attribute, and need no walk that builds paths. */
function hasSettings(root: Directory): boolean {
  const pending: Directory[] = [root];
  for (let directory = pending.pop(); directory !== undefined; directory = pending.pop()) {
    if (directory.metadata.xattrs.has(COMPONENT)) return true;
    for (const node of directory.children.values()) {
      if (node.type === 'directory') pending.push(node);
      else if (node.metadata.xattrs.has(COMPONENT)) return true;
    }
  }
  return false;
}

class SettingsWalk {
  readonly #context: ClaimContext;
  readonly #intervals = new Intervals();
  readonly #keys = new Set<ByteString>();
  readonly #claims: Claim[] = [];

  constructor(context: ClaimContext) {
    this.#context = context;
  }

  run(): SourceClaims {
    const inherited = new Map<Directory, ByteString | undefined>();
    for (const { path, node, parent } of walk(this.#context.index.root)) {
      const above = parent === undefined ? undefined : inherited.get(parent);
      const key = this.#key(path, node, above);
      if (node.type === 'directory') inherited.set(node, key);
      this.#noteInterval(path, node, key);
      if (key === undefined) continue;
      this.#keys.add(key);
      // Only what must be owned counts: claims of other directories are without effect.
      this.#claims.push({ path, key });
    }
    const components = new Map<ByteString, ComponentFacts>();
    for (const key of this.#keys) components.set(key, userFacts(this.#intervals.get(key)));
    return { components, claims: this.#claims };
  }

  #key(path: ByteString, node: Node, above: ByteString | undefined): ByteString | undefined {
    const value = node.metadata.xattrs.get(COMPONENT);
    if (value === undefined) return above;
    const name = fromBytes(value);
    // An empty name takes a directory out of the component of its parent.
    if (name === '') return undefined;
    if (isComponentName(name)) return userKey(name);
    this.#warn(path, `the component name ${display(name)} is too long or has characters that it cannot have`);
    return above;
  }

  #noteInterval(path: ByteString, node: Node, key: ByteString | undefined): void {
    const value = node.metadata.xattrs.get(INTERVAL);
    if (value === undefined) return;
    const text = fromBytes(value);
    const days = parseInterval(text);
    if (days === undefined) this.#warn(path, `${display(text)} is no update interval`);
    else if (key === undefined) this.#warn(path, 'an update interval belongs to no component');
    else if (this.#intervals.add(key, days))
      this.#warn(path, `${display(key)} has several update intervals; the shortest counts`);
  }

  #warn(path: ByteString, message: string): void {
    this.#context.onWarning({ code: 'COMPONENT_SETTING', message, path: display(path) });
  }
}
