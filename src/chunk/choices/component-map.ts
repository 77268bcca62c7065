/**
 * Component maps: files in which a user says which paths make up which component, for images without a package
 * database or attributes. Either JSON or text with tabs; see `docs/component-sources.md`.
 */
import { type ByteString, byteString, display, fromBytes, fromUtf8 } from '../../bytes/byte-string.ts';
import { PlanishError } from '../../errors.ts';
import { LIMITS } from '../../limits.ts';
import { type PathPattern, parsePattern } from './path-pattern.ts';
import { isComponentName, parseInterval } from './user-setting.ts';

/** One line of a map: plain data. */
export interface ComponentMapEntry {
  /** Matches absolute paths; what it matches stands for all below it. */
  readonly pattern: PathPattern;
  readonly component: ByteString;
  /** Days between updates. */
  readonly interval: number | undefined;
}

/**
 * Reads a map. JSON when the first character is `{` or `[`, else lines of `PATH<TAB>COMPONENT[<TAB>INTERVAL]` with
 * `#` comments. Throws `COMPONENT_MAP_BAD`, naming the line or entry, and `LIMIT_EXCEEDED`.
 */
export function parseComponentMap(bytes: Uint8Array): ComponentMapEntry[] {
  if (bytes.length > LIMITS.componentMapBytes) {
    const detail = { limit: 'componentMapBytes', actual: bytes.length };
    throw new PlanishError('LIMIT_EXCEEDED', 'the component map is too large', detail);
  }
  const text = fromBytes(bytes);
  return /^\s*[{[]/.test(text) ? parseJson(bytes) : parseLines(text);
}

function parseLines(text: ByteString): ComponentMapEntry[] {
  const entries: ComponentMapEntry[] = [];
  for (const [ordinal, line] of text.split('\n').entries()) {
    const fields = line.replace(/\r$/, '').split('\t');
    if (line.startsWith('#') || (fields.length === 1 && fields[0]?.trim() === '')) continue;
    const [path = '', component = '', interval, ...more] = fields.map(byteString);
    const where = { line: ordinal + 1 };
    if (component === '' || more.length > 0)
      throw bad('a line is not PATH, COMPONENT and maybe INTERVAL, with tabs between', where);
    entries.push(entryOf(byteString(path), byteString(component), interval, where));
  }
  return entries;
}

/** `{"PATH": "COMPONENT" | {"component", "interval"}}` or `[{"path", "component", "interval"}]`. */
function parseJson(bytes: Uint8Array): ComponentMapEntry[] {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new PlanishError('COMPONENT_MAP_BAD', 'the component map is no JSON document', {}, error);
  }
  if (Array.isArray(document))
    return document.map((item, ordinal) => jsonEntry(undefined, item, `entry ${ordinal + 1}`));
  return Object.entries(document as object).map(([path, item]) => {
    const entry = typeof item === 'string' ? { component: item } : item;
    return jsonEntry(path, entry, display(fromUtf8(path)));
  });
}

function jsonEntry(path: string | undefined, item: unknown, name: string): ComponentMapEntry {
  const fields = (typeof item === 'object' && item !== null ? item : {}) as Record<string, unknown>;
  const allowed = path === undefined ? ['path', 'component', 'interval'] : ['component', 'interval'];
  const unknown = Object.keys(fields).find((field) => !allowed.includes(field));
  if (unknown !== undefined) throw bad(`${name} has the unknown field ${display(fromUtf8(unknown))}`, {});
  const { path: named = path, component, interval } = fields;
  const hasInterval = interval !== undefined;
  if (typeof named !== 'string' || typeof component !== 'string')
    throw bad(`${name} lacks a path or component, or has one that is no text`, {});
  if (hasInterval && typeof interval !== 'string' && typeof interval !== 'number')
    throw bad(`the interval of ${name} is neither text nor number`, {});
  const days = hasInterval ? fromUtf8(String(interval)) : undefined;
  return entryOf(fromUtf8(named), fromUtf8(component), days, { path: name });
}

function entryOf(
  path: ByteString,
  component: ByteString,
  interval: ByteString | undefined,
  where: { line?: number; path?: string },
): ComponentMapEntry {
  const trimmed = path.length > 1 ? byteString(path.replace(/\/$/, '')) : path;
  const pattern = trimmed.startsWith('/') ? parsePattern(trimmed) : undefined;
  if (pattern === undefined || trimmed.length > LIMITS.pathBytes)
    throw bad(`${display(path)} is no pattern of absolute paths`, where);
  if (!isComponentName(component)) throw bad(`${display(component)} cannot name a component`, where);
  const days = interval === undefined || interval === '' ? undefined : parseInterval(interval);
  if (days === undefined && interval !== undefined && interval !== '')
    throw bad(`${display(interval)} is no update interval`, where);
  return { pattern, component, interval: days };
}

function bad(message: string, where: { line?: number; path?: string }): PlanishError {
  return new PlanishError('COMPONENT_MAP_BAD', message, where);
}
