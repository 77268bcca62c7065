/**
 * contentmeta: a JSON file in which another program says which file goes into which layer, as exporters of ostree
 * images take it, and what planish writes for them. See `docs/formats/contentmeta.md`.
 *
 * Objects whose order matters have names that look like numbers now and then, which JavaScript would put first; names
 * are kept apart from it by their position in the text. That also tells names that stand twice.
 */
import { type ByteString, byteString, display, fromUtf8, toBytes } from '../../bytes/byte-string.ts';
import { PlanishError } from '../../errors.ts';
import { LIMITS } from '../../limits.ts';

/** One layer: its name in the file, and what people are shown. */
export interface ContentmetaLayer {
  readonly id: string;
  readonly name: string;
}

/** What a key of the mapping is. */
export type ContentKey =
  | { readonly kind: 'path'; readonly path: ByteString }
  /** Hexadecimal: an ostree checksum or, of 64 or 128 digits, an fs-verity digest. */
  | { readonly kind: 'digest'; readonly digest: string };

/** One entry of the mapping, in its order. */
export interface ContentmetaEntry {
  readonly key: ContentKey;
  readonly layer: string;
}

/** A whole file. */
export interface Contentmeta {
  readonly created: string | undefined;
  readonly labels: readonly (readonly [string, string])[];
  /** In the order of the image. */
  readonly layers: readonly ContentmetaLayer[];
  readonly mapping: readonly ContentmetaEntry[];
  /** Whether the order of the mapping is that of the files inside the tars. */
  readonly ordered: boolean;
}

const VERSION = 1;
const DIGEST = /^(?:[0-9a-f]{64}|[0-9a-f]{128})$/;
/** RFC 3339 in UTC or with an offset. */
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})$/;
const NAME = /"((?:[^"\\]|\\.)*)"(\s*:)?/g;
const NUMBERED = /^\d+#/;

/** Reads a file. Throws `CONTENTMETA_BAD`, naming the field, and `LIMIT_EXCEEDED`. */
export function parseContentmeta(bytes: Uint8Array): Contentmeta {
  if (bytes.length > LIMITS.contentmetaBytes) {
    const detail = { limit: 'contentmetaBytes', actual: bytes.length };
    throw new PlanishError('LIMIT_EXCEEDED', 'the contentmeta file is too large', detail);
  }
  const fields = new Map(entriesOf(parseNumbered(bytes), 'the file'));
  if (fields.get('version') !== VERSION) throw bad(`version is not ${VERSION}`);
  const layers = entriesOf(fields.get('layers'), 'layers').map(([id, name]) => ({
    id,
    name: textOf(name, `layers.${id}`),
  }));
  if (layers.length === 0) throw bad('there are no layers');
  const known = new Set(layers.map(({ id }) => id));
  return {
    created: createdOf(fields.get('created')),
    labels: optionalEntries(fields.get('labels'), 'labels').map(([key, value]) => [
      key,
      textOf(value, `labels.${key}`),
    ]),
    layers,
    mapping: optionalEntries(fields.get('mapping'), 'mapping').map(([key, layer]) =>
      mappingEntry(key, layer, known),
    ),
    ordered: orderedOf(fields.get('ordered')),
  };
}

function mappingEntry(text: string, layer: unknown, known: ReadonlySet<string>): ContentmetaEntry {
  const id = textOf(layer, `mapping.${text}`);
  if (!known.has(id)) throw bad(`mapping.${text} names the layer ${show(id)}, which is not among the layers`);
  const path = fromUtf8(text);
  if (path.startsWith('/') && path.length > 1 && path.length <= LIMITS.pathBytes) {
    return { key: { kind: 'path', path: unescapePath(path) }, layer: id };
  }
  if (!DIGEST.test(text)) throw bad(`mapping.${text} is neither a checksum nor an absolute path`);
  return { key: { kind: 'digest', digest: text }, layer: id };
}

function createdOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string' && TIME.test(value) && !Number.isNaN(Date.parse(value))) return value;
  throw bad('created is no time of RFC 3339');
}

function orderedOf(value: unknown): boolean {
  if (value === undefined || value === null) return false;
  if (typeof value === 'boolean') return value;
  throw bad('ordered is neither true nor false');
}

/** Parses JSON with every name of a field replaced by its number and itself. */
function parseNumbered(bytes: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    let number = 0;
    const numbered = text.replace(NAME, (whole, name: string, colon: string | undefined) =>
      colon === undefined ? whole : `"${number++}#${name}"${colon}`,
    );
    return JSON.parse(numbered);
  } catch (error) {
    throw new PlanishError('CONTENTMETA_BAD', 'the contentmeta file is no JSON document', {}, error);
  }
}

/** Fields in the order of the text. */
function entriesOf(value: unknown, where: string): [string, unknown][] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(`${where} is no object`);
  const entries = Object.entries(value).map(([name, item]): [string, unknown] => [
    name.replace(NUMBERED, ''),
    item,
  ]);
  const seen = new Set<string>();
  for (const [name] of entries) {
    if (seen.has(name)) throw bad(`${where} has ${show(name)} twice`);
    seen.add(name);
  }
  return entries;
}

function optionalEntries(value: unknown, where: string): [string, unknown][] {
  return value === undefined || value === null ? [] : entriesOf(value, where);
}

function textOf(value: unknown, where: string): string {
  if (typeof value === 'string') return value;
  throw bad(`${where} is no text`);
}

function show(text: string): string {
  return display(fromUtf8(text.slice(0, 256)));
}

function bad(message: string): PlanishError {
  return new PlanishError('CONTENTMETA_BAD', `contentmeta: ${display(fromUtf8(message))}`);
}

/** A path as text: bytes that are no UTF-8, and backslashes, as `\xHH`. */
function escapePath(path: ByteString): string {
  const bytes = toBytes(byteString(path.replaceAll('\\', '\\x5c')));
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return path
      .replaceAll('\\', '\\x5c')
      .replace(/[\u0080-\u00ff]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16)}`);
  }
}

function unescapePath(text: ByteString): ByteString {
  return byteString(
    text.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
  );
}

/** The text of a file, a line for each layer and entry. */
export function formatContentmeta({ created, labels, layers, mapping, ordered }: Contentmeta): string {
  const object = (entries: readonly (readonly [string, string])[]): string =>
    entries.length === 0
      ? '{}'
      : `{\n${entries.map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)}`).join(',\n')}\n }`;
  const keyText = (key: ContentKey): string => (key.kind === 'path' ? escapePath(key.path) : key.digest);
  const fields = [
    `"version": ${VERSION}`,
    ...(created === undefined ? [] : [`"created": ${JSON.stringify(created)}`]),
    ...(labels.length === 0 ? [] : [`"labels": ${object(labels)}`]),
    ...(ordered ? ['"ordered": true'] : []),
    `"layers": ${object(layers.map(({ id, name }) => [id, name]))}`,
    `"mapping": ${object(mapping.map(({ key, layer }) => [keyText(key), layer]))}`,
  ];
  return `{\n ${fields.join(',\n ')}\n}\n`;
}
