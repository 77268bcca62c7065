/** What is odd about entries of a tar that can be read all the same, told once a tar. */
import { display } from '../bytes/byte-string.ts';
import type { OnWarning, WarningCode } from '../warnings.ts';
import { decodeSize, type TarEntry } from './entry.ts';
import type { Extensions } from './extensions.ts';

/** Records that other programs understand, that concern security, and that no container host reads. */
const DROPPED_RECORDS = ['RHT.security.selinux', 'SCHILY.acl.access', 'SCHILY.acl.default', 'SCHILY.acl.ace'];

/** The warnings of one tar. The first entry speaks for all: what is odd comes with every entry or with none. */
export class EntryWarnings {
  readonly #onWarning: OnWarning | undefined;
  readonly #told = new Set<string>();

  constructor(onWarning: OnWarning | undefined) {
    this.#onWarning = onWarning;
  }

  /** A `g` header was passed over. */
  globalHeaderIgnored(): void {
    this.#tellOnce('GLOBAL_HEADER', 'a PAX global header was ignored, as by every client of images');
  }

  /** Looks at an entry, whose header is the block at `at`, at `offset` in the tar. */
  lookAt(entry: TarEntry, block: Buffer, at: number, offset: number, extensions: Extensions): void {
    if (this.#onWarning === undefined) return;
    if (entry.type !== 'regular' && decodeSize(block, at, offset, extensions) > 0) {
      const message = 'an entry without content claims a size, which hosts refuse';
      this.#tellOnce('SIZE_WITHOUT_CONTENT', message, entry);
    }
    if (extensions.isPending) this.#lookAtRecords(entry, extensions);
  }

  #lookAtRecords(entry: TarEntry, extensions: Extensions): void {
    for (const key of DROPPED_RECORDS) {
      if (extensions.find(key) !== undefined)
        this.#tellOnce('RECORD_DROPPED', `${key} records are not carried over`, entry);
    }
    const encoded = extensions.encodedXattr();
    if (encoded === undefined) return;
    const message = `${display(encoded)} is stored as LIBARCHIVE.xattr only, which hosts do not read`;
    this.#tellOnce('XATTR_ENCODING', message, entry);
  }

  #tellOnce(code: WarningCode, message: string, entry?: TarEntry): void {
    if (this.#told.has(message)) return;
    this.#told.add(message);
    this.#onWarning?.({ code, message, path: entry === undefined ? undefined : display(entry.path) });
  }
}
