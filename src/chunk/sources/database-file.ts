/** Reading files of package databases: bounded, and with a warning where one is there but cannot be used. */
import { type ByteString, display, fromBytes } from '../../bytes/byte-string.ts';
import { LIMITS } from '../../limits.ts';
import { contentSize, type Directory } from '../../tree/tree.ts';
import { joinPath, lookup, sortedChildren } from '../../tree/walk.ts';
import type { ClaimContext } from '../component.ts';

/** Says that a database, or part of it, goes unused. */
export function ignoreDatabase(context: ClaimContext, path: ByteString, message: string): void {
  context.onWarning({ code: 'DATABASE_IGNORED', message, path: display(path) });
}

/**
 * Content of a database file of at most `limit` bytes; a warning and `undefined` where it is there but cannot be
 * had, `undefined` where it is not there.
 */
export function readDatabaseBytes(
  context: ClaimContext,
  path: ByteString,
  limit: number,
): Uint8Array | undefined {
  const node = lookup(context.index.root, path);
  if (node?.type !== 'regular') return undefined;
  const bytes = contentSize(node.content) > limit ? undefined : context.reader.read(path);
  if (bytes !== undefined && bytes.length <= limit) return bytes;
  ignoreDatabase(context, path, 'the file could not be read or is too large');
  return undefined;
}

/** The same for a text. */
export function readDatabaseText(context: ClaimContext, path: ByteString): ByteString | undefined {
  const bytes = readDatabaseBytes(context, path, LIMITS.packageDatabaseBytes);
  return bytes === undefined ? undefined : fromBytes(bytes);
}

/** Paths of the regular files right inside a directory (no links followed), in byte order. */
export function regularFiles(root: Directory, path: ByteString): ByteString[] {
  const directory = lookup(root, path);
  if (directory?.type !== 'directory') return [];
  return sortedChildren(directory)
    .filter(([, node]) => node.type === 'regular')
    .map(([name]) => joinPath(path, name));
}
