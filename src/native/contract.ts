/**
 * The typed mirror of `native-helpers/*module.c`: what the optional C helpers take and return.
 *
 * Paths and names are bytes, so that what is no UTF-8 can be reached. A call that fails in an ordinary way returns a
 * negative errno and throws nothing; wrong types of arguments throw a `TypeError`. No call follows a last link.
 */
import type { HashAlgorithm } from '../bytes/digest.ts';

/** Must equal `PLANISH_CONTRACT_VERSION` in C; helpers of another version are not used. */
export const CONTRACT_VERSION = 14;

/** Flag of {@link NativeHelpers.scanDirectory}: records without extended attributes. */
export const SCAN_WITHOUT_XATTRS = 1;

/** Flag of {@link ScanHelpers.scanDirectoriesLater}: contents that are worth being shared are left. */
export const SCAN_CLONES = 2;

/** Flag of {@link ScanHelpers.storeFilesLater}: bytes are shared with the source where that can be. */
export const STORE_CLONES = 1;

/**
 * What a record says of a content: nothing, its bytes, or its digest. To the last, what became of the object is added
 * ({@link STORE_OUTCOME}).
 */
export const KNOWN_CONTENT = { not: 0, itself: 1, measured: 2 } as const;

/** Bytes of what tells that a file is the same and has not changed (`native-helpers/reader.h`). */
export const STAMP_BYTES = 48;

/** Bytes that `failure` must have: step, length of name, name of at most 255 bytes. */
export const FAILURE_BYTES = 257;

/** What was being done when a scan failed: `failure[0]`. */
export const SCAN_STEPS = ['start', 'open', 'list', 'stat', 'readlink', 'read attributes of'] as const;

/**
 * System calls that Node has no function for (`native-helpers/kernel.h`). Descriptors that are returned are
 * close-on-exec and the caller's to close.
 */
export interface KernelCalls {
  /**
   * `FS_IOC_ENABLE_VERITY` on a file that is open for reading; algorithm 1 is SHA-256, 2 SHA-512; no signature where
   * that is empty. 0 on success; `-ETXTBSY` while anybody has the file open for writing.
   */
  enableVerity(fd: number, algorithm: number, blockSize: number, signature: Uint8Array): number;
  /** `FS_IOC_MEASURE_VERITY`: a byte for the algorithm, then the digest. */
  measureVerity(fd: number): Buffer | number;
  /** Gives an open file without a name (`O_TMPFILE`) a name; `-EEXIST` where that is taken. */
  linkDescriptor(fd: number, path: Uint8Array): number;
  /** `flock(2)`. */
  lockDescriptor(fd: number, operation: number): number;
  /** `syncfs(2)`. */
  syncFilesystem(fd: number): number;
  /** `malloc_trim(3)`: gives memory that is free back to the system; 1 where there was any, else 0. Takes milliseconds. */
  returnMemory(): number;
  /** `fsopen(2)`: a descriptor. */
  openFilesystem(type: Uint8Array): number;
  /** `fsconfig(2)`; an empty key or value stands for none. */
  configureFilesystem(fd: number, command: number, key: Uint8Array, value: Uint8Array, aux: number): number;
  /** `fsmount(2)`: a descriptor. */
  makeMount(fd: number, attributes: number): number;
  /** `move_mount(2)` of a detached mount to a path. */
  attachMount(fd: number, path: Uint8Array): number;
  /** `open_tree(2)`: a descriptor. */
  openTree(path: Uint8Array, flags: number): number;
  /** `mount_setattr(2)` on one mount; `userns` is a descriptor where `set` has `MOUNT_ATTR_IDMAP`, else 0. */
  setMountAttributes(fd: number, set: number, clear: number, userns: number): number;
  /** `umount2(2)`, a last link not followed. */
  unmount(path: Uint8Array, flags: number): number;
}

/** Numbers of the algorithms, those of the kernel (`FS_VERITY_HASH_ALG_*`). */
export const HASH_ALGORITHM_ID: Readonly<Record<HashAlgorithm, number>> = { sha256: 1, sha512: 2 };

/** Stands for the fastest kernel. */
export const CHOSEN_KERNEL = -1;

/** Hashing for fs-verity (`native-helpers/hash-module.c`). Algorithms by {@link HASH_ALGORITHM_ID}. */
export interface HashHelpers {
  /** Of each kernel its name, a line feed, and `chosen`, `slower here`, or why it cannot run. */
  hashKernels(algorithm: number): string[];
  /**
   * Digests of `count` blocks from `start` on, to `digests` from `at` on. The size of a block is a multiple of 128, at
   * most 65,536; the kernel an index of {@link hashKernels} or {@link CHOSEN_KERNEL}. SHA-256 by that one hashes bytes
   * of a stream beside the blocks, as many as fit. How many of them still wait, or `-EINVAL`.
   */
  hashBlocks(
    bytes: Uint8Array,
    start: number,
    count: number,
    blockSize: number,
    algorithm: number,
    digests: Uint8Array,
    at: number,
    kernel: number,
    stream?: Uint8Array,
    waiting?: Uint8Array,
  ): number;
  /**
   * fs-verity digests of the contents of a window, given as offset and size in turns; a stream beside SHA-256 as with
   * {@link hashBlocks}. How many of its bytes still wait, or a negative errno.
   */
  verityBatch(
    window: Uint8Array,
    ranges: Float64Array,
    algorithm: number,
    digests: Uint8Array,
    stream?: Uint8Array,
    waiting?: Uint8Array,
  ): number;
  /**
   * fs-verity digests of files by path (each ends in NUL; no last link is followed) with the sizes that they are known
   * to have: how many were measured before the first that is no regular file of that size or cannot be read.
   */
  measureFiles(paths: Uint8Array, sizes: Float64Array, algorithm: number, digests: Uint8Array): number;
  /** The same on a thread of libuv's pool. All arrays are to be left alone until then. */
  measureFilesLater(
    paths: Uint8Array,
    sizes: Float64Array,
    algorithm: number,
    digests: Uint8Array,
  ): Promise<number>;
  /**
   * The same of files that are parts of a stream (see {@link StreamHelpers}), which goes on: `gaps[i]` bytes of `between`
   * stand before file i, all others behind the last. It is of no use where not all files were measured.
   */
  measurePartsLater(
    paths: Uint8Array,
    sizes: Float64Array,
    algorithm: number,
    digests: Uint8Array,
    stream: Uint8Array,
    between: Uint8Array,
    gaps: Float64Array,
  ): Promise<number>;
}

/** SHA-256 of streams beside something else (`native-helpers/hash-stream.h`). Their states are bytes of the caller's. */
export interface StreamHelpers {
  /** Bytes of a state; 0 where the processor has no instructions for it, and nothing else may be called. */
  streamStateBytes(): number;
  /** Begins a stream. */
  beginStream(state: Uint8Array): number;
  /** Hashes bytes of a stream and, beside them, at most as many of another; how many of those still wait. */
  addToStreams(first: Uint8Array, bytes: Uint8Array, second?: Uint8Array, waiting?: Uint8Array): number;
  /** The digest. The state must be begun anew afterwards. */
  endStream(state: Uint8Array, digest: Uint8Array): number;
}

/** What {@link StoreHelpers.storeObjects} says of an object. */
export const STORE_OUTCOME = { left: 0, written: 1, present: 2 } as const;

/** In place of sizes, see {@link StoreHelpers.sizeObjectsLater}. */
export const NO_FILE = -1;
export const UNSEEN = -2;

/** Writing objects of a repository (`native-helpers/store.h`). */
export interface StoreHelpers {
  /**
   * Writes contents of a window, given as offset and size in turns, to files below a directory that are named by the
   * digits of their digests (one behind another in `names`), by way of files without names. What became of each goes to
   * `outcomes`, as {@link STORE_OUTCOME}; what was left is for the caller to do, who then learns why. Nothing is replaced
   * or flushed. 0 or a negative errno.
   */
  storeObjects(
    directory: Uint8Array,
    window: Uint8Array,
    ranges: Float64Array,
    names: Uint8Array,
    outcomes: Uint8Array,
  ): number;
  /**
   * Sizes of the objects below a directory whose names are those digits, one behind another, on a thread of libuv's pool:
   * {@link NO_FILE} for what is none, {@link UNSEEN} for what could not be looked at. 0 or a negative errno. At most 65,536.
   */
  sizeObjectsLater(directory: Uint8Array, names: Uint8Array, sizes: Float64Array): Promise<number>;
  /**
   * Measures contents of a window, given as offset and size in turns, and stores them as {@link storeObjects} does, on a
   * thread of libuv's pool; `bytes` of a stream (see {@link StreamHelpers}) are hashed as well. 0 or a negative errno. All
   * arrays but ranges and path are to be left alone until then, and the stream goes on only afterwards.
   */
  storeWindowLater(
    directory: Uint8Array,
    window: Uint8Array,
    ranges: Float64Array,
    algorithm: number,
    digests: Uint8Array,
    outcomes: Uint8Array,
    stream?: Uint8Array,
    bytes?: Uint8Array,
  ): Promise<number>;
  /**
   * Appends part of a content to an open file, and gives the digests of its blocks of 4096 bytes, the last one filled up
   * with zeros; a stream as with {@link storeWindowLater}. 0 or a negative errno.
   */
  storePartLater(
    fd: number,
    part: Uint8Array,
    algorithm: number,
    digests: Uint8Array,
    stream?: Uint8Array,
    bytes?: Uint8Array,
  ): Promise<number>;
}

/** Directories with what is in their files (`native-helpers/scan.h`, `native-helpers/store-files.h`). */
export interface ScanHelpers {
  /**
   * Directories and their children, packed as by {@link NativeHelpers.scanDirectory}, on a thread of libuv's pool: from the
   * first path on (each ends in NUL) up to one that cannot be listed, or until they are enough, a megabyte or so. With an
   * algorithm (else 0) regular files are opened and small contents read: those of up to 64 bytes come with their records, up
   * to 128 KiB they are measured; also stored below `directory`, as by {@link StoreHelpers.storeObjects}, where that is not
   * empty. What is larger, has several names or has changed meanwhile is left. A negative errno for what concerns none of them.
   */
  scanDirectoriesLater(
    paths: Uint8Array,
    flags: number,
    limit: number,
    algorithm: number,
    directory: Uint8Array,
  ): Promise<Buffer | number>;
  /**
   * Measures files by path (each ends in NUL; no last link is followed) and stores them below a directory, reading each once,
   * on a thread of libuv's pool: those that are what their stamps ({@link STAMP_BYTES}) say, before and after. What became
   * of each goes to `outcomes` ({@link STORE_OUTCOME}). How many were measured before the first that has changed or cannot
   * be read, or a negative errno. Digests and outcomes are to be left alone until then.
   */
  storeFilesLater(
    directory: Uint8Array,
    paths: Uint8Array,
    stamps: Uint8Array,
    flags: number,
    algorithm: number,
    digests: Uint8Array,
    outcomes: Uint8Array,
  ): Promise<number>;
}

/** What {@link InflateHelpers.inflate} returns; negative is malformed. */
export const INFLATE_STATUS = { needsInput: 0, needsOutput: 1, end: 2, malformed: -1 } as const;

/** Bytes at the beginning of an output of {@link InflateHelpers.inflate} that are its own. */
export const INFLATE_HISTORY_BYTES = 32768;

/** Inflating as a stream (`native-helpers/inflate.h`). Its state is bytes of the caller's. */
export interface InflateHelpers {
  /** Bytes of a state. */
  readonly inflateStateBytes: number;
  /** Begins a stream. */
  beginInflate(state: Uint8Array): number;
  /**
   * Inflates from `input` to `output` behind its first {@link INFLATE_HISTORY_BYTES}, at least 258 bytes of room, until
   * one of {@link INFLATE_STATUS} is reached. How many bytes were consumed and produced goes to `counts`; what was not
   * consumed must be given again, in front of what follows it.
   */
  inflate(state: Uint8Array, input: Uint8Array, output: Uint8Array, counts: Float64Array): number;
}

/** The CRC-32 of gzip (`native-helpers/crc32.h`). */
export interface Crc32Helpers {
  /** How it is computed: `pclmulqdq`, `armv8`, or `portable`, which is slower than `node:zlib`. */
  readonly crc32Kernel: string;
  /** The sum of some bytes behind those whose sum is `crc`, 0 for none. */
  crc32(bytes: Uint8Array, crc: number): number;
}

/** Deflating in chunks (`native-helpers/deflate.h`). */
export interface DeflateHelpers {
  /** Bytes of working memory, which means nothing between calls. */
  readonly deflateWorkBytes: number;
  /**
   * Deflates a chunk of at most 4 MiB, at `data` behind `history` bytes (at most 32,768) that come before it, at a level
   * of 1 to 9; `isLast` is 1 for the last chunk. Bytes written to `output`, or `-EINVAL`, also where that is too small:
   * a sixteenth more than the chunk is always enough.
   */
  deflate(
    work: Uint8Array,
    data: Uint8Array,
    history: number,
    level: number,
    isLast: number,
    output: Uint8Array,
  ): number;
  /** The same on a thread of libuv's pool, which throws where it would fail. All arrays are to be left alone until then. */
  deflateLater(
    work: Uint8Array,
    data: Uint8Array,
    history: number,
    level: number,
    isLast: number,
    output: Uint8Array,
  ): Promise<number>;
}

/** The functions in C. All are synchronous, keep no state and may be called on any thread. */
export interface NativeHelpers
  extends KernelCalls,
    HashHelpers,
    StreamHelpers,
    StoreHelpers,
    ScanHelpers,
    InflateHelpers,
    Crc32Helpers,
    DeflateHelpers {
  readonly contractVersion: number;
  /**
   * All extended attributes of one inode, packed (see `records.ts`); empty where the file system has none.
   * `-EOVERFLOW` (-75) where they would take more than `limit` bytes. The buffer is the caller's own.
   */
  listXattrs(path: Uint8Array, limit: number): Buffer | number;
  /** Creates or replaces one extended attribute; 0 on success. */
  setXattr(path: Uint8Array, name: Uint8Array, value: Uint8Array): number;
  /**
   * A directory and its children, packed (see `records.ts`), in one call. `-EOVERFLOW` (-75) beyond `limit` bytes. On
   * failure `failure` ({@link FAILURE_BYTES} bytes of the caller's) says at which child and step.
   */
  scanDirectory(path: Uint8Array, flags: number, limit: number, failure: Uint8Array): Buffer | number;
}
