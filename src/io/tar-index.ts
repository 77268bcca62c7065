/**
 * The members of an image archive (the outer tar of `oci-archive:` and `docker-archive:`), found without reading
 * their contents and without extracting anything, so that hostile names are harmless: a name is only ever a key.
 */
import { type ByteString, byteString, fromUtf8 } from '../bytes/byte-string.ts';
import { PlanishError, withDetail } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { type TarEntry, type TarHandler, TarScanner } from '../tar/scanner.ts';
import { type BlobFile, readPart } from './blob-file.ts';

const BLOCK = 512;
/** Headers of neighbouring small members are read together. */
const WINDOW_BYTES = 32 * 1024;
const LINK_HOPS = 16;

/** One member: a stretch of the archive, or a link to another member. */
type Member = { readonly blob: BlobFile } | { readonly target: ByteString | undefined };

/** The members of one archive by name; of several with one name the last counts, as for extraction. */
export class TarIndex {
  readonly #members = new Map<ByteString, Member>();
  readonly #archive: BlobFile;

  constructor(archive: BlobFile) {
    this.#archive = archive;
  }

  /** Where a member's content lies, links followed inside the archive; `undefined` when there is no such file. */
  find(name: string): BlobFile | undefined {
    let key = normalizeName(fromUtf8(name));
    for (let hops = 0; key !== undefined && hops < LINK_HOPS; hops++) {
      const member = this.#members.get(key);
      if (member === undefined) return undefined;
      if ('blob' in member) return member.blob;
      key = member.target;
    }
    return undefined;
  }

  /** Takes in one entry of the archive. Throws `LIMIT_EXCEEDED`, `TAR_UNSUPPORTED`. */
  add(entry: TarEntry): void {
    const name = normalizeName(entry.path);
    if (name === undefined || entry.type === 'directory') return;
    this.#members.set(name, this.#member(entry, name));
    if (this.#members.size <= LIMITS.archiveMembers) return;
    throw new PlanishError('LIMIT_EXCEEDED', 'the archive has too many members', {
      limit: 'archiveMembers',
      expected: LIMITS.archiveMembers,
    });
  }

  #member(entry: TarEntry, name: ByteString): Member {
    if (entry.type === 'symlink') return { target: resolveLink(name, entry.linkTarget) };
    if (entry.type === 'hardlink') return { target: normalizeName(entry.linkTarget) };
    if (entry.type !== 'regular' || entry.sparse !== undefined) return { target: undefined };
    const { file, offset } = this.#archive;
    return { blob: { file, offset: offset + entry.dataOffset, size: entry.storedSize } };
  }
}

/** Indexes a whole archive. Throws what a bad tar throws, with the file. */
export function readTarIndex(archive: BlobFile): TarIndex {
  const index = new TarIndex(archive);
  scanMembers(archive, (entry) => {
    index.add(entry);
    return true;
  });
  return index;
}

/**
 * Calls `visit` for each entry of an uncompressed tar until it returns false. Contents are skipped by seeking: the
 * scanner is pushed zeros in their place, so its view of the tar stays exact at no cost in reading.
 */
export function scanMembers(archive: BlobFile, visit: (entry: TarEntry) => boolean): void {
  try {
    new MemberScan(archive, visit).run();
  } catch (error) {
    throw withDetail(error, { file: archive.file });
  }
}

const ZEROS = new Uint8Array(1024 * 1024);

class MemberScan implements TarHandler {
  readonly #archive: BlobFile;
  readonly #visit: (entry: TarEntry) => boolean;
  #skipTo = 0;
  #going = true;
  #window: Uint8Array = new Uint8Array(0);
  #windowStart = 0;

  constructor(archive: BlobFile, visit: (entry: TarEntry) => boolean) {
    this.#archive = archive;
    this.#visit = visit;
  }

  run(): void {
    const scanner = new TarScanner(this);
    let zeroBlocks = 0;
    for (let at = 0; this.#going && at < this.#archive.size && zeroBlocks < 2; ) {
      const skipping = this.#skipTo > at;
      const piece = skipping ? ZEROS.subarray(0, Math.min(ZEROS.length, this.#skipTo - at)) : this.#block(at);
      scanner.push(piece);
      zeroBlocks = !skipping && piece.every(isZero) ? zeroBlocks + 1 : 0;
      at += piece.length;
    }
    if (this.#going) scanner.finish();
  }

  entry(entry: TarEntry): void {
    const end = entry.dataOffset + entry.storedSize;
    if (end > this.#archive.size) {
      throw new PlanishError('TAR_TRUNCATED', 'the archive ends inside a member', {
        offset: entry.offset,
        expected: end,
        actual: this.#archive.size,
      });
    }
    this.#skipTo = Math.min(Math.ceil(end / BLOCK) * BLOCK, this.#archive.size);
    if (this.#going) this.#going = this.#visit(entry);
  }

  data(): void {}

  endOfEntry(): void {}

  /** The block at an offset, out of a window that is read at once; a short one at a cut end. */
  #block(at: number): Uint8Array {
    const inside = at >= this.#windowStart && at + BLOCK <= this.#windowStart + this.#window.length;
    if (!inside) {
      this.#window = readPart(this.#archive, at, WINDOW_BYTES);
      this.#windowStart = at;
    }
    return this.#window.subarray(at - this.#windowStart, at - this.#windowStart + BLOCK);
  }
}

function isZero(byte: number): boolean {
  return byte === 0;
}

/** The name without `.`, leading and doubled slashes; `undefined` for the root and for names with `..`. */
export function normalizeName(name: ByteString): ByteString | undefined {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  return parts.length === 0 || parts.includes('..') ? undefined : byteString(parts.join('/'));
}

/** What a symlink names, read relative to its own directory; `undefined` where that is outside the archive. */
function resolveLink(name: ByteString, target: ByteString): ByteString | undefined {
  if (target.startsWith('/')) return undefined;
  const parts = name.split('/').slice(0, -1);
  for (const part of target.split('/')) {
    if (part === '..' && parts.pop() === undefined) return undefined;
    if (part !== '' && part !== '.' && part !== '..') parts.push(part);
  }
  return parts.length === 0 ? undefined : byteString(parts.join('/'));
}
