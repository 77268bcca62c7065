/**
 * An open composefs repository: its kind, its lock, its links. Links are what makes anything visible; each is replaced by
 * one rename, and only after all objects have reached the disk, so that a run that ends at any moment leaves a
 * repository in which every link leads to whole objects.
 */
import {
  closeSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  renameSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { VerityDigest } from '../bytes/digest.ts';
import type { FormatVersion } from '../erofs/writer.ts';
import { fromSystemError, PlanishError, withDetail } from '../errors.ts';
import { attempt } from '../io/durable-file.ts';
import { createTemporaryDirectory, type TemporaryDirectory } from '../io/temporary.ts';
import { type DirectoryLock, type LockKind, lockDirectory } from '../kernel/lock.ts';
import { syncFilesystem } from '../kernel/sync.ts';
import { verityCalls } from '../kernel/verity.ts';
import { META_NAME, parseMeta, type RepositoryMeta } from './meta.ts';
import { type Category, objectLink, parseObjectLink, parseRefLink, refLink } from './names.ts';
import { ObjectStore } from './object-store.ts';
import { openRegular, readRegular } from './read-file.ts';

/** How a repository is opened. */
export interface OpenRepositoryOptions {
  /** `exclusive` for whoever removes, else `shared`. */
  readonly lock: LockKind;
  /** Whether it will be written to; then unknown features forbid to open it. */
  readonly write: boolean;
  /** Milliseconds to wait for the lock; default a minute. */
  readonly wait?: number | undefined;
}

/** See the module. Close it. */
export class Repository extends ObjectStore {
  readonly formats: readonly FormatVersion[];
  /** Whether `meta.json` has fs-verity, and so every object must. */
  readonly secure: boolean;
  readonly #lock: DirectoryLock;
  #staging: TemporaryDirectory | undefined;
  #serial = 0;

  private constructor(path: string, meta: RepositoryMeta, secure: boolean, lock: DirectoryLock) {
    super({ path, algorithm: meta.algorithm });
    this.formats = meta.formats;
    this.secure = secure;
    this.#lock = lock;
  }

  /** Throws `NO_REPOSITORY`, `REPOSITORY_UNSUPPORTED`, `JSON_BAD_DOCUMENT`, `LOCKED`, `SYSCALL_FAILED`. */
  static async open(path: string, options: OpenRepositoryOptions): Promise<Repository> {
    if (!isRepository(path)) throw noRepository(path);
    const wait = options.wait === undefined ? {} : { wait: options.wait };
    const lock = await lockDirectory(path, options.lock, wait);
    try {
      const { meta, secure } = readMeta(path);
      if (options.write) checkWritable(meta, path);
      return new Repository(path, meta, secure, lock);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Gives up the lock and removes what this run was writing. */
  close(): void {
    try {
      this.#staging?.close();
    } finally {
      this.#lock.release();
    }
  }

  /** A directory of this run inside the repository, where its readers do not look. */
  get staging(): string {
    this.#staging ??= createTemporaryDirectory(this.path);
    return this.#staging.path;
  }

  /** Brings everything that was written to the disk. To be called before links are made. */
  sync(): void {
    syncFilesystem(this.#lock.fd);
  }

  /** The object that an entry of `images` or `streams` leads to; `undefined` where there is no such entry. */
  findEntry(category: Category, name: string): VerityDigest | undefined {
    const file = join(this.path, category, name);
    const text = readLink(file);
    if (text === undefined) return undefined;
    const digest = parseObjectLink(text, this.algorithm);
    if (digest !== undefined) return digest;
    throw new PlanishError('REPOSITORY_BAD', 'a link does not lead to an object', { file, actual: text });
  }

  /** The entry that a reference leads to; `undefined` where there is no such reference. */
  findRef(category: Category, path: string): string | undefined {
    const file = join(this.path, category, 'refs', path);
    const text = readLink(file);
    if (text === undefined) return undefined;
    const entry = parseRefLink(path, text);
    if (entry !== undefined) return entry;
    throw new PlanishError('REPOSITORY_BAD', 'a reference does not lead to an entry', { file, actual: text });
  }

  /** Whether an entry leads to that object. */
  hasEntry(category: Category, name: string, digest: VerityDigest): boolean {
    return readLink(join(this.path, category, name)) === objectLink(digest);
  }

  /** Whether a reference leads to that entry. */
  hasRef(category: Category, path: string, entry: string): boolean {
    return readLink(join(this.path, category, 'refs', path)) === refLink(path, entry);
  }

  /** Makes an entry lead to an object. */
  linkEntry(category: Category, name: string, digest: VerityDigest): void {
    this.#link(join(category, name), objectLink(digest));
  }

  /** Makes a reference lead to an entry. */
  linkRef(category: Category, path: string, entry: string): void {
    this.#link(join(category, 'refs', path), refLink(path, entry));
  }

  /** Removes a reference; whether it was there. */
  unlinkRef(category: Category, path: string): boolean {
    const file = join(this.path, category, 'refs', path);
    if (readLink(file) === undefined) return false;
    attempt('removing a reference', file, () => unlinkSync(file));
    return true;
  }

  #link(path: string, target: string): void {
    const file = join(this.path, path);
    makeFolders(this.path, dirname(path));
    const aside = join(this.staging, `link-${this.#serial++}`);
    attempt('making a link', file, () => symlinkSync(target, aside));
    attempt('making a link', file, () => renameSync(aside, file));
  }

  /** Names in a directory of the repository, in byte order; none where it is not there. */
  list(path: string): readonly { readonly name: string; readonly kind: 'directory' | 'link' | 'other' }[] {
    const directory = join(this.path, path);
    const entries = attempt('reading a directory', directory, () => readNames(directory));
    return entries.sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
  }
}

function readNames(directory: string): { name: string; kind: 'directory' | 'link' | 'other' }[] {
  try {
    return readdirSync(directory, { withFileTypes: true }).map((entry) => ({
      name: entry.name,
      kind: entry.isDirectory() ? 'directory' : entry.isSymbolicLink() ? 'link' : 'other',
    }));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function noRepository(path: string): PlanishError {
  return new PlanishError('NO_REPOSITORY', 'no composefs repository is there', {
    file: path,
    hint: 'planish repo init makes one, and so does planish emit',
  });
}

function readMeta(path: string): { meta: RepositoryMeta; secure: boolean } {
  const file = join(path, META_NAME);
  const bytes = readRegular(file, 'jsonBytes');
  if (bytes === undefined) throw noRepository(path);
  try {
    return { meta: parseMeta(bytes), secure: hasVerity(file) };
  } catch (error) {
    throw withDetail(error, { file });
  }
}

/** Whether the kernel enforces a digest of a file. Where neither helpers nor program can tell, there is none. */
export function hasVerity(file: string): boolean {
  const open = openRegular(file);
  if (open === undefined) return false;
  try {
    return verityCalls().measure(open.fd) !== undefined;
  } catch (error) {
    if (error instanceof PlanishError && error.code === 'NATIVE_UNAVAILABLE') return false;
    throw error;
  } finally {
    closeSync(open.fd);
  }
}

function checkWritable({ readOnlyFeatures }: RepositoryMeta, file: string): void {
  if (readOnlyFeatures.length === 0) return;
  throw new PlanishError('REPOSITORY_UNSUPPORTED', 'unknown features forbid to write to the repository', {
    file,
    actual: readOnlyFeatures.join(', ').slice(0, 160),
  });
}

function readLink(file: string): string | undefined {
  try {
    return readlinkSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'EINVAL') throw new PlanishError('REPOSITORY_BAD', 'not a symbolic link', { file });
    throw fromSystemError(error, 'reading a link', { file });
  }
}

/** Makes directories below the root one by one; a link in their place would lead out of the repository. */
function makeFolders(root: string, path: string): void {
  let folder = root;
  for (const name of path.split('/')) {
    folder = join(folder, name);
    try {
      mkdirSync(folder, { mode: 0o755 });
    } catch (error) {
      const taken = (error as NodeJS.ErrnoException).code === 'EEXIST';
      if (!taken) throw fromSystemError(error, 'making a directory', { file: folder });
      if (!lstatSync(folder).isDirectory())
        throw new PlanishError('REPOSITORY_BAD', 'not a directory', { file: folder });
    }
  }
}

/** Whether a repository of today's form is there. Throws `SYSCALL_FAILED`. */
export function isRepository(path: string): boolean {
  const file = join(path, META_NAME);
  const stat = attempt('looking for a repository', path, () => lstatSync(file, { throwIfNoEntry: false }));
  return stat !== undefined;
}
