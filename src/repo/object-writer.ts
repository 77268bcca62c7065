/**
 * Adding objects to a repository, as a thread does it. Each is written where nobody looks, made unchangeable where the
 * repository is secure, and given its name as the last step. Nothing is flushed here: thousands of flushes would take
 * minutes, so whoever links to objects flushes all of them at once before (see `repository.ts`).
 */
import {
  chmodSync,
  closeSync,
  constants,
  copyFileSync,
  lstatSync,
  mkdirSync,
  openSync,
  renameSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { fromUtf8 } from '../bytes/byte-string.ts';
import type { HashAlgorithm, VerityDigest } from '../bytes/digest.ts';
import { fromSystemError, PlanishError } from '../errors.ts';
import { attempt, writeFully } from '../io/durable-file.ts';
import { type MeasuredRange, type StoreMany, storeMany } from '../kernel/store-objects.ts';
import { type UnnamedFiles, unnamedFiles } from '../kernel/unnamed-file.ts';
import { type VerityCalls, verityCalls } from '../kernel/verity.ts';
import { STORE_OUTCOME } from '../native/contract.ts';
import { nativeHelpers } from '../native/load.ts';
import { objectPath } from './names.ts';

/** Where objects go; plain data that may cross a thread. */
export interface ObjectTarget {
  /** The directory `objects`. */
  readonly directory: string;
  /** A directory of this run on the same file system, for files that are being written. */
  readonly staging: string;
  readonly algorithm: HashAlgorithm;
  /** What becomes of new objects: fs-verity is required, switched on since it can be, or not to be had. */
  readonly verity: 'required' | 'enabled' | 'none';
  /** A directory of objects that need not be written: whoever gets these has those. */
  readonly without?: string | undefined;
}

/** Objects and their bytes, each counted once between two takings: what threads share out among them makes no difference. */
export interface ObjectCounts {
  /** Written. */
  added: number;
  addedBytes: number;
  /** Found there, with their right size. */
  present: number;
  presentBytes: number;
}

/** Counts of nothing. */
export function noObjects(): ObjectCounts {
  return { added: 0, addedBytes: 0, present: 0, presentBytes: 0 };
}

/** Adds what another writer counted. */
export function addCounts(to: ObjectCounts, counts: ObjectCounts): void {
  to.added += counts.added;
  to.addedBytes += counts.addedBytes;
  to.present += counts.present;
  to.presentBytes += counts.presentBytes;
}

/** Contents up to this size are held until their digest is known, so that what is there already is never written. */
const HELD_BYTES = 4 * 1024 * 1024;

const FILE_MODE = 0o644;

/** A file that is being written: without a name, or with one in the staging directory. */
export interface Draft {
  readonly fd: number;
  readonly path: string | undefined;
}

let last: { readonly target: ObjectTarget; readonly writer: ObjectWriter } | undefined;

/** A writer that this thread goes on with as long as the target stays the same: it knows what is there, and owns much memory. */
export function threadWriter(target: ObjectTarget): ObjectWriter {
  if (last === undefined || JSON.stringify(last.target) !== JSON.stringify(target))
    last = { target, writer: new ObjectWriter(target) };
  return last.writer;
}

/** See the module. */
export class ObjectWriter {
  #counts: ObjectCounts = noObjects();
  readonly #target: ObjectTarget;
  readonly #unnamed: UnnamedFiles | undefined;
  readonly #verity: VerityCalls | undefined;
  /** Where nothing has to be sealed or left out, and files without names can be had. */
  readonly #storeMany: StoreMany | undefined;
  readonly #seen = new Set<VerityDigest>();
  readonly #folders = new Set<string>();
  #room: Buffer | undefined;
  #size = 0;
  #draft: Draft | undefined;
  #serial = 0;

  constructor(target: ObjectTarget) {
    this.#target = target;
    this.#unnamed = unnamedFiles(target.directory);
    this.#verity = target.verity === 'none' ? undefined : verityCalls();
    const isPlain = target.verity === 'none' && target.without === undefined && this.#unnamed !== undefined;
    this.#storeMany = isPlain ? storeMany(target.directory, nativeHelpers()) : undefined;
  }

  get #held(): Buffer {
    this.#room ??= Buffer.allocUnsafeSlow(HELD_BYTES);
    return this.#room;
  }

  /** Adds an object whose digest is known. */
  put(bytes: Uint8Array, digest: VerityDigest): void {
    this.putAll(bytes, [{ start: 0, size: bytes.length, digest }]);
  }

  /** Adds contents of a window, as many in a call as can be. */
  putAll(window: Uint8Array, contents: readonly MeasuredRange[]): void {
    const first = contents.filter(({ digest }) => this.#isFirst(digest));
    const outcomes = this.#storeMany?.(window, first);
    for (const [index, content] of first.entries()) this.#note(window, content, outcomes?.[index]);
  }

  /** Whether contents may be written by others, as {@link storeMany} would, and {@link noteStored} afterwards. */
  get allowsOthers(): boolean {
    return this.#storeMany !== undefined;
  }

  /** Takes what has become of contents of a window (`STORE_OUTCOME`), and does what was left. */
  noteStored(window: Uint8Array, contents: readonly MeasuredRange[], outcomes: ArrayLike<number>): void {
    for (const [index, content] of contents.entries())
      if (this.#isFirst(content.digest)) this.#note(window, content, outcomes[index]);
  }

  #note(window: Uint8Array, { start, size, digest }: MeasuredRange, outcome: number | undefined): void {
    if (outcome === STORE_OUTCOME.written) this.#countAdded(size);
    else if (outcome === STORE_OUTCOME.present) this.#countPresent(size);
    else this.#putByItself(window.subarray(start, start + size), digest);
  }

  #putByItself(bytes: Uint8Array, digest: VerityDigest): void {
    if (!this.#isMissing(digest, bytes.length)) return;
    const draft = this.#open();
    this.#fill(draft, bytes);
    this.#place(draft, digest, bytes.length);
  }

  /**
   * Adds a file that is the object, whole: shared with the source where both lie on a file system that can do that, else
   * copied. Whether it is still what it was when it was measured, the caller finds out afterwards.
   */
  putFile(source: Uint8Array, digest: VerityDigest, size: number): void {
    if (!this.#isNew(digest, size)) return;
    const path = this.#asidePath();
    attempt('copying a file', path, () => {
      copyFileSync(Buffer.from(source), path, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
      chmodSync(path, FILE_MODE);
    });
    this.#place({ fd: attempt('opening an object', path, () => openSync(path, 'r')), path }, digest, size);
  }

  /** What was counted since the last time. What is mentioned again from now on is counted again. */
  takeCounts(): ObjectCounts {
    const counts = this.#counts;
    this.#counts = noObjects();
    this.#seen.clear();
    return counts;
  }

  /** Appends to the object that is being written. */
  write(bytes: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (this.#draft === undefined && this.#size + length <= HELD_BYTES) {
      this.#held.set(bytes.subarray(start, end), this.#size);
    } else {
      this.#draft ??= this.#spill();
      this.#fill(this.#draft, bytes.subarray(start, end));
    }
    this.#size += length;
  }

  /** Ends it: its bytes have that digest. */
  finish(digest: VerityDigest): void {
    const size = this.#size;
    const draft = this.#draft;
    this.#forget();
    if (draft === undefined) this.put(this.#held.subarray(0, size), digest);
    else this.finishDraft(draft, digest, size);
  }

  /** Begins an object that others write to. It is ended by {@link finishDraft} or {@link discardDraft}. */
  openDraft(): Draft {
    return this.#open();
  }

  /** Ends an object that was begun, all of its bytes being written. */
  finishDraft(draft: Draft, digest: VerityDigest, size: number): void {
    if (this.#isNew(digest, size)) this.#place(draft, digest, size);
    else this.discardDraft(draft);
  }

  /** Removes what was begun and not ended. */
  abort(): void {
    if (this.#draft !== undefined) this.discardDraft(this.#draft);
    this.#forget();
  }

  #forget(): void {
    this.#draft = undefined;
    this.#size = 0;
  }

  #spill(): Draft {
    const draft = this.#open();
    this.#fill(draft, this.#held.subarray(0, this.#size));
    return draft;
  }

  #open(): Draft {
    const { directory } = this.#target;
    if (this.#unnamed !== undefined) {
      const unnamed = this.#unnamed;
      return {
        fd: attempt('creating an object', directory, () => unnamed.open(directory, FILE_MODE)),
        path: undefined,
      };
    }
    const path = this.#asidePath();
    return { fd: attempt('creating an object', path, () => openSync(path, 'wx', FILE_MODE)), path };
  }

  #fill(draft: Draft, bytes: Uint8Array): void {
    try {
      writeFully(draft.fd, bytes, this.#target.directory);
    } catch (error) {
      this.discardDraft(draft);
      this.#draft = undefined;
      throw error;
    }
  }

  /** Removes an object that was begun. */
  discardDraft({ fd, path }: Draft): void {
    closeSync(fd);
    if (path !== undefined) unlinkSync(path);
  }

  /** Counts an object on its first mention; whether it must be written. */
  #isNew(digest: VerityDigest, size: number): boolean {
    return this.#isFirst(digest) && this.#isMissing(digest, size);
  }

  #isFirst(digest: VerityDigest): boolean {
    if (this.#seen.has(digest)) return false;
    this.#seen.add(digest);
    return true;
  }

  /** Whether it must be written; counted where it is there. */
  #isMissing(digest: VerityDigest, size: number): boolean {
    const { without } = this.#target;
    const elsewhere = without !== undefined && hasSize(join(without, objectPath(digest)), size);
    if (!elsewhere && !this.#isPresent(digest, size)) return true;
    this.#countPresent(size);
    return false;
  }

  #countPresent(size: number): void {
    this.#counts.present += 1;
    this.#counts.presentBytes += size;
  }

  #countAdded(size: number): void {
    this.#counts.added += 1;
    this.#counts.addedBytes += size;
  }

  /** A file of another size was left by a crash of the machine: it is written again. */
  #isPresent(digest: VerityDigest, size: number): boolean {
    const path = this.#pathOf(digest);
    if (!hasSize(path, size)) return false;
    return this.#target.verity !== 'required' || this.#measure(path) === digest;
  }

  #measure(path: string): VerityDigest | undefined {
    const fd = attempt('opening an object', path, () => openSync(path, READ_NOFOLLOW));
    try {
      return this.#verity?.measure(fd)?.digest;
    } finally {
      closeSync(fd);
    }
  }

  #place(draft: Draft, digest: VerityDigest, size: number): void {
    const sealed = this.#seal(draft, digest);
    const path = this.#pathOf(digest);
    this.#makeFolder(digest);
    let isAdded = true;
    try {
      if (sealed.path === undefined) isAdded = this.#link(sealed.fd, path, digest, size);
      else attempt('naming an object', path, () => renameSync(sealed.path as string, path));
    } finally {
      closeSync(sealed.fd);
    }
    if (isAdded) this.#countAdded(size);
    else this.#countPresent(size);
  }

  /**
   * Gives an object its name; `false` where another thread has written the same meanwhile. Remains that {@link #isPresent}
   * saw are replaced.
   */
  #link(fd: number, path: string, digest: VerityDigest, size: number): boolean {
    const unnamed = this.#unnamed as UnnamedFiles;
    if (unnamed.link(fd, fromUtf8(path))) return true;
    if (this.#isPresent(digest, size)) return false;
    const aside = this.#asidePath();
    unnamed.link(fd, fromUtf8(aside));
    attempt('naming an object', path, () => renameSync(aside, path));
    return true;
  }

  #asidePath(): string {
    return join(this.#target.staging, `object-${threadId}-${this.#serial++}`);
  }

  /** Switches fs-verity on and has the kernel say that the digest is right; the draft is open for reading then. */
  #seal(draft: Draft, digest: VerityDigest): Draft {
    if (this.#verity === undefined) return draft;
    const path = draft.path ?? `/proc/self/fd/${draft.fd}`;
    const fd = attempt('opening an object', path, () => openSync(path, 'r'));
    closeSync(draft.fd);
    const sealed = { fd, path: draft.path };
    try {
      sealObject(this.#verity, fd, this.#target, digest);
      return sealed;
    } catch (error) {
      this.discardDraft(sealed);
      throw error;
    }
  }

  #makeFolder(digest: VerityDigest): void {
    const name = digest.slice(0, 2);
    if (this.#folders.has(name)) return;
    const path = join(this.#target.directory, name);
    try {
      mkdirSync(path, { mode: 0o755 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
        throw fromSystemError(error, 'making a directory', { file: path });
    }
    this.#folders.add(name);
  }

  #pathOf(digest: VerityDigest): string {
    return `${this.#target.directory}/${objectPath(digest)}`;
  }
}

const READ_NOFOLLOW = constants.O_RDONLY | constants.O_NOFOLLOW;
/** Somebody else's child process may hold a copy of the descriptor for a moment. */
const BUSY_TRIES = 200;
const BUSY_MS = 5;

function sealObject(calls: VerityCalls, fd: number, target: ObjectTarget, digest: VerityDigest): void {
  const { algorithm, verity, directory } = target;
  let outcome = calls.enable(fd, algorithm);
  for (let tries = 0; outcome === 'busy' && tries < BUSY_TRIES; tries++) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_MS);
    outcome = calls.enable(fd, algorithm);
  }
  if (outcome === 'enabled' || outcome === 'already') {
    const measured = calls.measure(fd);
    if (measured?.digest === digest) return;
    throw new PlanishError('VERITY_MISMATCH', 'the kernel measures another fs-verity digest of an object', {
      file: directory,
      expected: digest,
      actual: measured?.digest,
    });
  }
  if (verity !== 'required') return;
  throw new PlanishError('SYSCALL_FAILED', `fs-verity of an object could not be switched on: ${outcome}`, {
    file: directory,
  });
}

function hasSize(path: string, size: number): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isFile() === true && stat.size === size;
}
