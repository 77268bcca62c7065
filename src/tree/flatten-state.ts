/**
 * What flattening remembers between entries: the one growing tree, which paths the current layer has put into it,
 * and which directories exist only because something lies in them.
 */
import type { ByteString } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';
import type { OnWarning, WarningCode } from '../warnings.ts';
import { parentPath, quotePath, ROOT_PATH } from './path.ts';
import {
  DEFAULT_DIRECTORY_METADATA,
  type Directory,
  type Metadata,
  type Node,
  newDirectory,
} from './tree.ts';
import { lookup } from './walk.ts';

/** How flattening behaves where the world does not agree. */
export interface FlattenOptions {
  /**
   * `oci` (default): a marker hides what lower layers hold, wherever in its layer it stands (image specification,
   * layer.md). `host`: a marker removes whatever is there at that moment, as composefs-rs does.
   */
  readonly whiteouts?: 'oci' | 'host';
  /** `refuse` (default): an entry without its parent directory is an error, as on hosts. `create`: make it. */
  readonly missingParents?: 'refuse' | 'create';
  readonly onWarning?: OnWarning | undefined;
}

/** The state. One parent directory is kept at hand, since neighbours in a tar mostly share theirs. */
export class FlattenState {
  readonly root: Directory = newDirectory(DEFAULT_DIRECTORY_METADATA);
  readonly whiteouts: 'oci' | 'host';
  /** Directories that no entry describes, by path; also those removed since. The root is one of them at first. */
  readonly implied = new Map<ByteString, Directory>([[ROOT_PATH, this.root]]);
  readonly createParents: boolean;
  readonly #onWarning: OnWarning | undefined;
  readonly #warned = new Set<string>();
  /** Paths that the current layer has put into the tree; not kept for the first layer, which put all there is. */
  readonly #placed = new Set<ByteString>();
  #layersStarted = 0;
  /** Ordinal of the current layer. */
  layer = 0;
  /** Metadata that an entry had last. */
  recent: Metadata = DEFAULT_DIRECTORY_METADATA;
  #recentPath: ByteString = ROOT_PATH;
  #recent: Directory = this.root;

  constructor(options: FlattenOptions) {
    this.whiteouts = options.whiteouts ?? 'oci';
    this.createParents = options.missingParents === 'create';
    this.#onWarning = options.onWarning;
  }

  /** Begins a layer: nothing of it is in the tree yet. */
  startLayer(ordinal: number): void {
    this.layer = ordinal;
    this.#layersStarted++;
    this.#placed.clear();
  }

  /** Notes that an entry of the current layer describes what is at `path`. */
  notePlaced(path: ByteString): void {
    this.implied.delete(path);
    if (this.#layersStarted > 1) this.#placed.add(path);
  }

  /** Whether an entry of the current layer has put there what the tree holds at `path` (which it must hold). */
  isPlaced(path: ByteString): boolean {
    return this.#layersStarted > 1 ? this.#placed.has(path) : !this.implied.has(path);
  }

  /** Reports an oddity at a path of the current layer. */
  warn(code: WarningCode, path: ByteString, what: string): void {
    const quoted = quotePath(path);
    this.#onWarning?.({ code, message: `${quoted} ${what}`, path: quoted, layer: this.layer });
  }

  /** Like {@link warn}, but only the first time that `scope`, code and path meet. */
  warnOnce(scope: string, code: WarningCode, path: ByteString, what: string): void {
    const key = `${scope} ${code} ${path}`;
    if (this.#warned.has(key)) return;
    this.#warned.add(key);
    this.warn(code, path, what);
  }

  /** Must be called whenever a directory leaves the tree, for it may be the one at hand. */
  forgetRecent(): void {
    this.#recentPath = ROOT_PATH;
    this.#recent = this.root;
  }

  /**
   * The directory that `path` (not the root) lies in. Nothing is followed: throws `PARENT_NOT_DIRECTORY` where a
   * component is anything but a directory, and `PARENT_MISSING` unless parents are to be created.
   */
  parentOf(path: ByteString): Directory {
    const parent = parentPath(path);
    if (parent === this.#recentPath) return this.#recent;
    const found = this.#descend(parent, path, this.createParents) ?? missingParent(path);
    this.#recentPath = parent;
    this.#recent = found;
    return found;
  }

  /** Like {@link parentOf}, but `undefined` where the parent is missing; creates nothing. */
  existingParentOf(path: ByteString): Directory | undefined {
    const parent = parentPath(path);
    return parent === this.#recentPath ? this.#recent : this.#descend(parent, path, false);
  }

  /** Paths of directories in the final tree that no entry describes, in the order in which they were met. */
  impliedPaths(): ByteString[] {
    return [...this.implied].filter(([path, node]) => lookup(this.root, path) === node).map(([path]) => path);
  }

  #descend(parent: ByteString, path: ByteString, create: boolean): Directory | undefined {
    let directory = this.root;
    for (let start = 1; start < parent.length; ) {
      const slash = parent.indexOf('/', start);
      const end = slash < 0 ? parent.length : slash;
      const name = parent.slice(start, end) as ByteString;
      const prefix = (): ByteString => parent.slice(0, end) as ByteString;
      const child =
        directory.children.get(name) ?? (create ? this.#create(directory, name, prefix()) : undefined);
      if (child === undefined) return undefined;
      if (child.type !== 'directory') throw notDirectory(path, prefix(), child);
      directory = child;
      start = end + 1;
    }
    return directory;
  }

  #create(parent: Directory, name: ByteString, path: ByteString): Directory {
    const created = newDirectory(DEFAULT_DIRECTORY_METADATA);
    parent.children.set(name, created);
    this.implied.set(path, created);
    this.warnOnce(
      'image',
      'PARENT_CREATED',
      path,
      'has no entry and was made with mode 0755, owner 0:0, time 0',
    );
    return created;
  }
}

function missingParent(path: ByteString): never {
  throw new PlanishError('PARENT_MISSING', `${quotePath(path)} has no parent directory`, {
    path: quotePath(path),
    hint: 'hosts refuse such a layer; allow planish to create missing parents',
  });
}

function notDirectory(path: ByteString, prefix: ByteString, node: Node): PlanishError {
  const what = node.type === 'symlink' ? 'a symbolic link' : `of type ${node.type}`;
  return new PlanishError(
    'PARENT_NOT_DIRECTORY',
    `${quotePath(path)} lies below ${quotePath(prefix)}, which is ${what}`,
    { path: quotePath(path) },
  );
}
