/**
 * Paths of tar entries. A tar may write one path in many ways (`./a//b/`, `/a/b`); a tree knows it by one: absolute,
 * single slashes, no `.`, no slash at the end, the root `/`. Nothing here follows links.
 */
import { type ByteString, byteString, display } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';
import { LIMITS, type LimitName } from '../limits.ts';

/** Path of the root. */
export const ROOT_PATH: ByteString = byteString('/');

/** What starts every whiteout and opaque marker (OCI image specification, layer.md). */
export const MARKER_PREFIX = '.wh.';

/** Names and error messages quote at most so much of a hostile path. */
const QUOTED_BYTES = 256;

/** What the fast way cannot take: NUL, and components that are empty, `.` or `..`. */
const IRREGULAR = /\0|(?:^|\/)\.{0,2}(?:\/|$)/;

/**
 * The one absolute spelling of a name in a tar, for entries and for targets of hard links alike.
 *
 * Throws `PATH_INVALID` for an empty name or a NUL, `PATH_ESCAPES_ROOT` for any `..` (also one that would stay
 * inside: hosts refuse it too), `LIMIT_EXCEEDED` beyond `pathBytes`, `nameBytes` or `pathDepth`. A whiteout may be
 * four bytes longer than a name, since it holds one.
 */
export function normalizePath(name: ByteString): ByteString {
  const start = name.startsWith('./') ? 2 : name.startsWith('/') ? 1 : 0;
  const end = name.length > start && name.endsWith('/') ? name.length - 1 : name.length;
  const inner = name.slice(start, end);
  if (IRREGULAR.test(inner)) return normalizeIrregular(name);
  if (inner.length > LIMITS.nameBytes) checkLimits(inner);
  return byteString(`/${inner}`);
}

function normalizeIrregular(name: ByteString): ByteString {
  if (name === '') throw new PlanishError('PATH_INVALID', 'a path is empty', { path: '' });
  if (name.includes('\0')) throw pathError('PATH_INVALID', 'holds a NUL byte', name);
  const components = name.split('/').filter((component) => component !== '' && component !== '.');
  if (components.includes('..')) throw pathError('PATH_ESCAPES_ROOT', 'holds a ".." component', name);
  const inner = components.join('/');
  checkLimits(inner);
  return byteString(`/${inner}`);
}

function checkLimits(inner: string): void {
  if (inner.length + 1 > LIMITS.pathBytes) throw limitError('pathBytes', inner.length + 1, inner);
  const components = inner.split('/');
  if (components.length > LIMITS.pathDepth) throw limitError('pathDepth', components.length, inner);
  for (const component of components) {
    const allowed = LIMITS.nameBytes + (component.startsWith(MARKER_PREFIX) ? MARKER_PREFIX.length : 0);
    if (component.length > allowed) throw limitError('nameBytes', component.length, inner);
  }
}

function pathError(code: 'PATH_INVALID' | 'PATH_ESCAPES_ROOT', what: string, name: string): PlanishError {
  return new PlanishError(code, `the path ${quotePath(name)} ${what}`, { path: quotePath(name) });
}

function limitError(limit: LimitName, actual: number, name: string): PlanishError {
  return new PlanishError('LIMIT_EXCEEDED', `the path ${quotePath(name)} passes the limit ${limit}`, {
    path: quotePath(name),
    limit,
    expected: LIMITS[limit],
    actual,
  });
}

/** A path for a message: escaped, and cut where it is so long that it would drown the message. */
export function quotePath(path: string): string {
  if (path.length <= QUOTED_BYTES) return display(byteString(path));
  return `${display(byteString(path.slice(0, QUOTED_BYTES)))}…`;
}

const SLASH = 0x2f;

/** Where the last slash is. A loop: names are short, a call into native code is not, and this runs for every entry. */
function lastSlash(path: ByteString): number {
  let at = path.length - 1;
  while (at >= 0 && path.charCodeAt(at) !== SLASH) at--;
  return at;
}

/** Path of the directory that a normalised path other than the root lies in. */
export function parentPath(path: ByteString): ByteString {
  const slash = lastSlash(path);
  return slash === 0 ? ROOT_PATH : byteString(path.slice(0, slash));
}

/** Last component of a normalised path; empty for the root. */
export function baseName(path: ByteString): ByteString {
  return byteString(path.slice(lastSlash(path) + 1));
}

/** Components of a normalised path; none for the root. */
export function splitPath(path: ByteString): ByteString[] {
  return path === ROOT_PATH ? [] : (path.slice(1).split('/') as ByteString[]);
}

/**
 * Checks the target of a symbolic link, which is kept byte for byte and never followed. Throws `PATH_INVALID` for an
 * empty target or a NUL, `LIMIT_EXCEEDED` beyond `pathBytes`.
 */
export function checkSymlinkTarget(target: ByteString, path: ByteString): void {
  if (target === '') throw pathError('PATH_INVALID', 'is a symbolic link without a target', path);
  if (target.includes('\0'))
    throw pathError('PATH_INVALID', 'is a symbolic link to a name with a NUL byte', path);
  if (target.length <= LIMITS.pathBytes) return;
  throw new PlanishError('LIMIT_EXCEEDED', `the target of ${quotePath(path)} passes the limit pathBytes`, {
    path: quotePath(path),
    limit: 'pathBytes',
    expected: LIMITS.pathBytes,
    actual: target.length,
  });
}
