/**
 * `file_contexts.subs` and `.subs_dist`: paths that are labelled as if they were others. composefs hosts and
 * libselinux read the same files and do different things with them.
 */
import { type ByteString, byteString } from '../bytes/byte-string.ts';
import { joinPath } from '../tree/walk.ts';
import {
  badLine,
  hostWords,
  type LabelMode,
  linesOf,
  type PolicyText,
  type TextLine,
} from './file-contexts.ts';

/** A line: what lies at `from` is labelled as if it were at `to`. */
export interface Substitution {
  readonly path: ByteString;
  readonly line: number;
  readonly from: ByteString;
  readonly to: ByteString;
}

/** A directory whose children are to be named. */
export interface KeyedDirectory {
  readonly path: ByteString;
  /** The name it is labelled by. */
  readonly key: ByteString;
}

/** Knows by which name a path is labelled. */
export interface PathKeys {
  /**
   * The key of a child at `path`, `undefined` when it is its parent's key and its name. `first`: whether it is the
   * first child in byte order.
   */
  childKey(
    parent: KeyedDirectory,
    name: ByteString,
    path: ByteString,
    first: boolean,
  ): ByteString | undefined;
  /** The key of the root. */
  rootKey(): ByteString;
  /** The lines that made the key of a child, in the order in which they were applied. */
  used(parent: KeyedDirectory, name: ByteString, path: ByteString): Substitution[];
}

/** Longest line that libselinux reads whole. */
const LIBSELINUX_LINE_BYTES = 1022;

const SPACE = /[\t\n\v\f\r ]+/;

/** The substitutions of one file. Throws `SELINUX_BAD_POLICY`. */
export function readSubstitutions(file: PolicyText | undefined, mode: LabelMode): Substitution[] {
  if (file === undefined) return [];
  const found: Substitution[] = [];
  for (const line of linesOf(file)) {
    const pair = mode === 'host' ? hostPair(line) : libselinuxPair(line);
    if (pair !== undefined) found.push({ path: file.path, line: line.line, from: pair[0], to: pair[1] });
  }
  return found;
}

function hostPair(line: TextLine): [ByteString, ByteString] | undefined {
  const [from, to, more] = hostWords(line);
  if (from === undefined) return undefined;
  if (to === undefined) throw badLine(line, 'has no path to stand for the first');
  if (more !== undefined) throw badLine(line, 'goes on after its two paths');
  return [from, to];
}

/** libselinux skips lines with one word and does not look at what follows two. */
function libselinuxPair(line: TextLine): [ByteString, ByteString] | undefined {
  if (line.text.length > LIBSELINUX_LINE_BYTES) {
    throw badLine(line, `is longer than ${LIBSELINUX_LINE_BYTES} bytes, so libselinux splits it`);
  }
  const nul = line.text.indexOf('\0');
  const text = nul < 0 ? line.text : line.text.slice(0, nul);
  const [from, to] = text.split(SPACE).filter((word) => word !== '');
  if (from === undefined || to === undefined || from.startsWith('#')) return undefined;
  return [byteString(from), byteString(to)];
}

/**
 * composefs hosts: at every level of the tree a key that is an alias is replaced as a whole, and what lies below has
 * keys below that. A later line for the same alias wins, and `.subs_dist` comes after `.subs`.
 */
export class HostKeys implements PathKeys {
  readonly #aliases = new Map<ByteString, Substitution>();

  constructor(subs: readonly Substitution[], dist: readonly Substitution[]) {
    for (const line of [...subs, ...dist]) this.#aliases.set(line.from, line);
  }

  rootKey(): ByteString {
    return byteString('/');
  }

  childKey(
    parent: KeyedDirectory,
    name: ByteString,
    _path: ByteString,
    first: boolean,
  ): ByteString | undefined {
    const plain = joinPath(parent.key, name);
    const joined = hostJoin(parent.key, name, first);
    const alias = this.#aliases.get(joined);
    if (alias !== undefined) return alias.to;
    return joined === plain ? undefined : joined;
  }

  used(parent: KeyedDirectory, name: ByteString): Substitution[] {
    const alias = this.#aliases.get(joinPath(parent.key, name));
    return alias === undefined ? [] : [alias];
  }
}

/**
 * How the host puts a name behind a key. It differs from a plain join only where an alias stands for a path that ends
 * with `/` or `/.`: the host drops such an end once it has been with the first child.
 */
function hostJoin(parent: ByteString, name: ByteString, first: boolean): ByteString {
  if (!parent.endsWith('/') && !parent.endsWith('/.')) return joinPath(parent, name);
  const trimmed = first ? parent : parent.replace(/(?:\/\.?)+$/, '');
  const base = trimmed === '' && parent.startsWith('/') ? '/' : trimmed;
  return byteString(base.endsWith('/') ? `${base}${name}` : `${base}/${name}`);
}

/**
 * libselinux: a path that is an alias or lies below one has that beginning replaced, once by `.subs` and the result
 * once by `.subs_dist`. In each file the last line that fits wins, however long its alias.
 */
export class LibselinuxKeys implements PathKeys {
  readonly #files: readonly (readonly Substitution[])[];
  readonly #aliases: ReadonlySet<ByteString>;
  /** Whether a child has its parent's alias unless it is one itself: so where the first file says nothing. */
  readonly #inherits: boolean;

  constructor(subs: readonly Substitution[], dist: readonly Substitution[]) {
    this.#files = [[...subs].reverse(), [...dist].reverse()];
    this.#aliases = new Set(dist.map(({ from }) => from));
    this.#inherits = subs.length === 0;
  }

  rootKey(): ByteString {
    return this.#substitute(byteString('/'), []);
  }

  childKey(parent: KeyedDirectory, _name: ByteString, path: ByteString): ByteString | undefined {
    // The alias "/" is the root's alone: it is no beginning of "/x".
    const plain = this.#inherits && parent.path !== '/' && !this.#aliases.has(path);
    return plain ? undefined : this.#substitute(path, []);
  }

  used(_parent: KeyedDirectory, _name: ByteString, path: ByteString): Substitution[] {
    const lines: Substitution[] = [];
    this.#substitute(path, lines);
    return lines;
  }

  #substitute(path: ByteString, used: Substitution[]): ByteString {
    let key = path;
    for (const lines of this.#files) {
      const line = lines.find(({ from }) => startsPath(key, from));
      if (line === undefined) continue;
      used.push(line);
      key = replaceStart(key, line);
    }
    return key;
  }
}

function startsPath(path: ByteString, from: ByteString): boolean {
  if (!path.startsWith(from)) return false;
  return path.length === from.length || path.charCodeAt(from.length) === 0x2f;
}

function replaceStart(path: ByteString, { from, to }: Substitution): ByteString {
  const rest = path.slice(from.length);
  return byteString(to === '/' && rest !== '' ? rest : `${to}${rest}`);
}
