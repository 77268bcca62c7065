/**
 * The layer cache: what reading a layer yielded, by the digest of its blob, so that an unchanged layer is not read again.
 *
 * One file a layer. It begins with a line that says what it is, and a SHA-256 digest of its own name and of what
 * follows; a file that fails that, belongs to another user, or is no plain file is not believed. Files are written
 * aside and renamed, so any number of runs share a cache, and none of them leaves half a file behind when it is killed.
 * The digest tells damage, not malice: a cache directory belongs to one user, as its mode 0700 says.
 */
import { createHash, randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  futimesSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  statSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { fromSystemError, PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { attempt, makePrivateDirectory, writeNewFile } from './durable-file.ts';

const MAGIC = Buffer.from('planish layer cache 1\n');
const DIGEST_LENGTH = 32;
const HEAD_LENGTH = MAGIC.length + DIGEST_LENGTH;
const SUFFIX = '.layer';
const ASIDE = '.aside-';
/** Age from which a file that was written aside is taken for one that a killed run left. */
const STALE_SECONDS = 3600;

/** Bytes that a cache may have where nothing else is said: indexes of some hundred large layers. */
export const CACHE_BYTES: number = 2 ** 30;

/** One file of a cache. */
export interface CachedLayer {
  /** `sha256-HEX.ALGORITHM.SETTINGS`. */
  readonly name: string;
  readonly size: number;
  /** Milliseconds since 1970 when it was last made or used. */
  readonly used: number;
}

/** See the module. Files of the cache are made on first use. */
export class LayerCache {
  readonly directory: string;
  readonly #limit: number;
  /** Bytes of all files, as far as this run knows; absent until it has looked. */
  #total: number | undefined;

  /** `limit` is how many bytes all files may have; what was used longest ago goes first. */
  constructor(directory: string, limit: number) {
    this.directory = directory;
    this.#limit = limit;
  }

  /** What is kept under a name, `undefined` where nothing is; `touch` notes that it was used. Throws `CACHE_BAD_ENTRY`, `SYSCALL_FAILED`. */
  load(name: string, options: { readonly touch: boolean } = { touch: true }): Uint8Array | undefined {
    const file = this.#path(name);
    const descriptor = openExisting(file);
    if (descriptor === undefined) return undefined;
    try {
      const payload = readChecked(descriptor, name, file);
      if (options.touch) touch(descriptor);
      return payload;
    } finally {
      closeSync(descriptor);
    }
  }

  /** Keeps bytes under a name, in place of what was there. Throws `SYSCALL_FAILED`, `DISK_FULL`. */
  store(name: string, payload: Uint8Array): void {
    if (payload.length + HEAD_LENGTH > Math.min(this.#limit, LIMITS.cacheFileBytes)) return;
    makePrivateDirectory(this.directory);
    const aside = join(this.directory, `${ASIDE}${process.pid}-${randomBytes(8).toString('hex')}`);
    try {
      writeNewFile(aside, [MAGIC, digestOf(name, payload), payload]);
      attempt('renaming', this.directory, () => renameSync(aside, this.#path(name)));
    } catch (error) {
      remove(aside);
      throw error;
    }
    this.#hold(payload.length + HEAD_LENGTH);
  }

  /** Looks at all files once, and again when what was stored since then may be too much: there are hundreds of them. */
  #hold(added: number): void {
    const total = (this.#total ?? Number.POSITIVE_INFINITY) + added;
    this.#total = total;
    if (total <= this.#limit) return;
    this.prune(this.#limit);
    this.#total = this.list().reduce((sum, { size }) => sum + size, 0);
  }

  /** All files, those used last first. Throws `SYSCALL_FAILED`. */
  list(): CachedLayer[] {
    const names = readNames(this.directory).filter((name) => name.endsWith(SUFFIX));
    const found = names.flatMap((name) => statOf(join(this.directory, name), name.slice(0, -SUFFIX.length)));
    return found.sort((a, b) => b.used - a.used || (a.name < b.name ? -1 : 1));
  }

  /** Removes what was used longest ago until no more than `limit` bytes are left, and gives what it removed. */
  prune(limit: number): CachedLayer[] {
    this.#removeStale();
    let left = limit;
    const surplus = this.list().filter(({ size }) => {
      left -= size;
      return left < 0;
    });
    for (const { name } of surplus) remove(this.#path(name));
    return surplus;
  }

  /** Removes what is kept under a name. */
  drop(name: string): void {
    remove(this.#path(name));
  }

  #removeStale(): void {
    const oldest = Date.now() - STALE_SECONDS * 1000;
    for (const name of readNames(this.directory).filter((each) => each.startsWith(ASIDE))) {
      const file = join(this.directory, name);
      if (statOf(file, name).some(({ used }) => used < oldest)) remove(file);
    }
  }

  #path(name: string): string {
    return join(this.directory, `${name}${SUFFIX}`);
  }
}

function digestOf(name: string, payload: Uint8Array): Buffer {
  return createHash('sha256').update(`${name}\n`).update(payload).digest();
}

function openExisting(file: string): number | undefined {
  try {
    return openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (code === 'ELOOP') throw bad(file, 'is a symbolic link');
    throw fromSystemError(error, 'opening a file of the layer cache', { file });
  }
}

function readChecked(descriptor: number, name: string, file: string): Uint8Array {
  const stat = fstatSync(descriptor);
  if (!stat.isFile()) throw bad(file, 'is not a plain file');
  if (!isOurs(stat.uid)) throw bad(file, 'belongs to another user');
  if (stat.size < HEAD_LENGTH || stat.size > LIMITS.cacheFileBytes) throw bad(file, 'has an impossible size');
  const bytes = readWhole(descriptor, stat.size, file);
  const payload = bytes.subarray(HEAD_LENGTH);
  if (!bytes.subarray(0, MAGIC.length).equals(MAGIC)) throw bad(file, 'does not begin as such files do');
  const digest = bytes.subarray(MAGIC.length, HEAD_LENGTH);
  if (!digest.equals(digestOf(name, payload))) throw bad(file, 'does not have its own digest');
  return payload;
}

function isOurs(uid: number): boolean {
  return uid === 0 || process.geteuid === undefined || uid === process.geteuid();
}

function readWhole(descriptor: number, size: number, file: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(size);
  for (let done = 0; done < size; ) {
    const count = attempt('reading a file', file, () => readSync(descriptor, bytes, done, size - done, done));
    if (count === 0) throw bad(file, 'became shorter while it was read');
    done += count;
  }
  return bytes;
}

function bad(file: string, what: string): PlanishError {
  return new PlanishError('CACHE_BAD_ENTRY', `a file of the layer cache ${what}`, { file });
}

/** Where another user may read but not write, the order of use is not kept. */
function touch(descriptor: number): void {
  try {
    const now = Date.now() / 1000;
    futimesSync(descriptor, now, now);
  } catch {
    return;
  }
}

function readNames(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw fromSystemError(error, 'reading the layer cache', { file: directory });
  }
}

/** Nothing for a file that another run has removed by now. */
function statOf(file: string, name: string): CachedLayer[] {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat === undefined ? [] : [{ name, size: stat.size, used: stat.mtimeMs }];
}

function remove(file: string): void {
  try {
    unlinkSync(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw fromSystemError(error, 'removing a file of the layer cache', { file });
  }
}
