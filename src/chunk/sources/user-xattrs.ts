/**
 * Components that a user named in extended attributes: `user.component` on a file, or on a directory for all below
 * it, and `user.update-interval`. They win over packages.
 */
import { type ByteString, byteString, display, fromBytes } from '../../bytes/byte-string.ts';
import type { Directory, Node } from '../../tree/tree.ts';
import { walk } from '../../tree/walk.ts';
import { Intervals, isComponentName, parseInterval, userFacts, userKey } from '../choices/user-setting.ts';
import type { Claim, ClaimContext, ComponentFacts, ComponentSource, SourceClaims } from '../component.ts';

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
    if (isSet(directory)) return true;
    for (const node of directory.children.values()) {
      if (node.type === 'directory') pending.push(node);
      else if (isSet(node)) return true;
    }
  }
  return false;
}

function isSet({ metadata: { xattrs } }: Node): boolean {
  return xattrs.size > 0 && (xattrs.has(COMPONENT) || xattrs.has(INTERVAL));
}

/** An interval and where it stands; `used` once it holds for a component. */
interface Interval {
  readonly path: ByteString;
  readonly days: number;
  used: boolean;
}

/** What is in effect at a node: both attributes are inherited, each by itself. */
interface Settings {
  readonly key: ByteString | undefined;
  readonly interval: Interval | undefined;
}

const NO_SETTINGS: Settings = { key: undefined, interval: undefined };

class SettingsWalk {
  readonly #context: ClaimContext;
  readonly #intervals = new Intervals();
  readonly #written: Interval[] = [];
  readonly #keys = new Set<ByteString>();
  readonly #claims: Claim[] = [];

  constructor(context: ClaimContext) {
    this.#context = context;
  }

  run(): SourceClaims {
    const inherited = new Map<Directory, Settings>();
    for (const { path, node, parent } of walk(this.#context.index.root)) {
      const above = parent === undefined ? NO_SETTINGS : (inherited.get(parent) ?? NO_SETTINGS);
      const settings = this.#settings(path, node, above);
      if (node.type === 'directory') inherited.set(node, settings);
      if (settings.key === undefined) continue;
      this.#keys.add(settings.key);
      // Only what must be owned counts: claims of other directories are without effect.
      this.#claims.push({ path, key: settings.key });
    }
    for (const { path, used } of this.#written)
      if (!used) this.#warn(path, 'an update interval belongs to no component');
    const components = new Map<ByteString, ComponentFacts>();
    for (const key of this.#keys) components.set(key, userFacts(this.#intervals.get(key)));
    return { components, claims: this.#claims };
  }

  #settings(path: ByteString, node: Node, above: Settings): Settings {
    if (!isSet(node)) return above;
    const { xattrs } = node.metadata;
    const key = this.#key(path, xattrs.get(COMPONENT), above.key);
    const interval = this.#interval(path, xattrs.get(INTERVAL)) ?? above.interval;
    if (key !== undefined && interval !== undefined) {
      interval.used = true;
      if (this.#intervals.add(key, interval.days))
        this.#warn(path, `${display(key)} has several update intervals; the shortest counts`);
    }
    return { key, interval };
  }

  #key(
    path: ByteString,
    value: Uint8Array | undefined,
    above: ByteString | undefined,
  ): ByteString | undefined {
    if (value === undefined) return above;
    const name = fromBytes(value);
    // An empty name takes a directory out of the component of its parent.
    if (name === '') return undefined;
    if (isComponentName(name)) return userKey(name);
    this.#warn(path, `the component name ${display(name)} is too long or has characters that it cannot have`);
    return above;
  }

  #interval(path: ByteString, value: Uint8Array | undefined): Interval | undefined {
    if (value === undefined) return undefined;
    const text = fromBytes(value);
    const days = parseInterval(text);
    if (days === undefined) {
      this.#warn(path, `${display(text)} is no update interval`);
      return undefined;
    }
    const interval = { path, days, used: false };
    this.#written.push(interval);
    return interval;
  }

  #warn(path: ByteString, message: string): void {
    this.#context.onWarning({ code: 'COMPONENT_SETTING', message, path: display(path) });
  }
}
