/**
 * What the tar reader of composefs hosts (`tar-core` 0.1.0, strict) makes of an entry that is read otherwise here,
 * where GNU tar, Go and libarchive are followed. Proved against composefs-rs 0.9.4. Changing this changes digests.
 */
import type { Xattrs } from '../bytes/stat.ts';
import type { Extensions } from './extensions.ts';
import { FIELDS } from './header.ts';

/** The host's reading of an entry. */
export interface HostReading {
  /** Why it refuses the entry; absent where it does not. */
  readonly refused: string | undefined;
  /** Whether what is a directory here is an empty file there: a name that ends in a slash, in tars before ustar. */
  readonly isFile: boolean;
  /** Attributes without those in libarchive's spelling alone. */
  readonly xattrs: Xattrs;
}

/** The host's reading where it is another one. `size` is what the header claims. */
export function readAsHost(
  block: Buffer,
  at: number,
  entry: { readonly type: string; readonly size: number; readonly extensions: Extensions },
): HostReading | undefined {
  const { type, size, extensions } = entry;
  const refused = refusal(type, size, extensions);
  const isFile = type === 'directory' && block[at + FIELDS.typeflag.at] === 0;
  const encoded = extensions.isPending && extensions.encodedXattr() !== undefined;
  if (refused === undefined && !isFile && !encoded) return undefined;
  return { refused, isFile, xattrs: extensions.rawXattrs() };
}

/** Content of what has none would be skipped there, and with it what follows. */
function refusal(type: string, size: number, extensions: Extensions): string | undefined {
  if (type !== 'regular' && size > 0) return 'it claims content that its type cannot have';
  if (extensions.find('mtime')?.value.startsWith('-') === true)
    return 'its PAX header has a time before 1970';
  return undefined;
}
