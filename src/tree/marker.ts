/**
 * Whiteouts as OCI layers spell them (image specification, layer.md, "Whiteouts"), told from ordinary names.
 * `.wh.NAME` hides NAME, `.wh..wh..opq` hides all that lower layers hold in its directory, and other names that start
 * with `.wh..wh.` are bookkeeping of aufs, which old images still carry.
 */
import { type ByteString, byteString } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';
import { baseName, MARKER_PREFIX, parentPath, quotePath, splitPath } from './path.ts';

const AUFS_PREFIX = '.wh..wh.';
const OPAQUE_NAME = '.wh..wh..opq';

/** What a path with a reserved name asks for. */
export type Marker =
  | { readonly kind: 'whiteout'; readonly name: ByteString }
  | { readonly kind: 'opaque' }
  | { readonly kind: 'bookkeeping' };

/**
 * The marker that a normalised path is, or `undefined` for an ordinary one. Throws `PATH_INVALID` for a whiteout of
 * nothing, of `.` or of `..`, and for an entry below a whiteout.
 */
export function parseMarker(path: ByteString): Marker | undefined {
  if (!path.includes(`/${MARKER_PREFIX}`)) return undefined;
  for (const parent of splitPath(parentPath(path))) {
    if (parent.startsWith(AUFS_PREFIX)) return { kind: 'bookkeeping' };
    if (parent.startsWith(MARKER_PREFIX)) throw invalid(path, 'lies below a name reserved for whiteouts');
  }
  const base = baseName(path);
  if (base === OPAQUE_NAME) return { kind: 'opaque' };
  if (base.startsWith(AUFS_PREFIX)) return { kind: 'bookkeeping' };
  return { kind: 'whiteout', name: whiteoutName(path, base) };
}

function whiteoutName(path: ByteString, base: ByteString): ByteString {
  const name = base.slice(MARKER_PREFIX.length);
  if (name === '' || name === '.' || name === '..') throw invalid(path, 'is a whiteout that names no file');
  return byteString(name);
}

function invalid(path: ByteString, what: string): PlanishError {
  return new PlanishError('PATH_INVALID', `${quotePath(path)} ${what}`, { path: quotePath(path) });
}
