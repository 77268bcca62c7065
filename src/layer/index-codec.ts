/**
 * A layer's index as bytes: what crosses from a thread as one buffer, and what the layer cache keeps. In order: facts and
 * warnings as JSON, the different sets of extended attributes, the entries, and the contents that were kept. One without
 * digests of contents has no algorithm and no diffID, and is never taken for one that has.
 *
 * Whoever changes what reading a layer yields, or the form of these bytes, raises {@link INDEX_VERSION}: indexes that
 * other versions made are not read.
 */
import { isBlobDigest } from '../bytes/digest.ts';
import { VarintReader, VarintWriter } from '../bytes/varint.ts';
import { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { WARNING_TABLE, type Warning } from '../warnings.ts';
import { decodeEntry, EntryDecoder, EntryEncoder } from './index-entries.ts';
import type { LayerIndex, LayerListing, ReadLayer } from './layer-index.ts';

/** See the module. */
export const INDEX_VERSION = 1;

/** What is known of a layer beyond its entries; the last two where it was measured. */
type Known = Omit<LayerListing, 'entries' | 'kept'> & Partial<Pick<LayerIndex, 'diffId' | 'algorithm'>>;

/** What stands in the JSON. */
type Facts = Known & {
  readonly version: number;
  readonly count: number;
  /** Offset of each kept content in the tar, and its length. */
  readonly keptAt: readonly (readonly [number, number])[];
  readonly warnings: readonly Warning[];
};

/** The bytes of a result, whose entries follow those that were encoded before. The same result gives the same bytes. */
export function encodeIndex(
  { index, warnings }: ReadLayer<LayerListing>,
  encoder: EntryEncoder = new EntryEncoder((index as Known).algorithm),
): Uint8Array<ArrayBuffer> {
  const { entries, kept, ...rest }: Known & LayerListing = index;
  encoder.add(entries);
  const keptAt = [...kept].map(([offset, bytes]) => [offset, bytes.length] as const);
  const facts: Facts = { version: INDEX_VERSION, ...rest, count: encoder.count, keptAt, warnings };
  const head = new VarintWriter();
  head.bytes(Buffer.from(JSON.stringify(facts)));
  return joined([...head.parts(), ...encoder.parts(), ...kept.values()]);
}

/** In a buffer of its own, that can be given away to another thread. */
function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Where an index is decoded for: contents' locations name `source`, warnings the layer `ordinal`. */
export interface IndexPlace {
  readonly source: number;
  readonly ordinal: number;
}

/**
 * The measured layer that bytes hold. Throws `CACHE_BAD_ENTRY` for anything that {@link encodeIndex} of this version cannot
 * have written of one.
 */
export function decodeIndex(bytes: Uint8Array, place: IndexPlace): ReadLayer<LayerIndex> {
  return decode(bytes, place, ({ facts, ...listing }) => {
    const { digest, diffId, algorithm } = facts;
    if (digest !== undefined && diffId !== undefined && algorithm !== undefined) {
      return { ...listing, digest, diffId, algorithm };
    }
    throw new RangeError('the layer was not measured');
  });
}

/** The layer that bytes hold, measured or not. Throws as {@link decodeIndex}. */
export function decodeListing(bytes: Uint8Array, place: IndexPlace): ReadLayer<LayerListing> {
  return decode(bytes, place, ({ facts: _, ...listing }) => listing);
}

function decode<L extends LayerListing>(
  bytes: Uint8Array,
  { source, ordinal }: IndexPlace,
  take: (decoded: LayerListing & { readonly facts: Facts }) => L,
): ReadLayer<L> {
  const reader = new VarintReader(bytes);
  try {
    const facts = parseFacts(reader.bytes(LIMITS.jsonBytes));
    const decoder = new EntryDecoder(reader, source, facts);
    const entries = Array.from({ length: facts.count }, () => decodeEntry(decoder));
    const kept = new Map(facts.keptAt.map(([offset, length]) => [offset, reader.raw(length)]));
    if (reader.left !== 0) throw new RangeError('bytes are left over');
    const warnings = facts.warnings.map((warning) => ({ ...warning, layer: ordinal }));
    const { digest, size, tarSize, compression, members, endOfArchive } = facts;
    const layer = { digest, size, tarSize, compression, members, endOfArchive, entries, kept };
    return { index: take({ ...layer, facts }), warnings };
  } catch (error) {
    const detail = { offset: reader.offset };
    throw new PlanishError('CACHE_BAD_ENTRY', 'the index of a layer is malformed', detail, error);
  }
}

function parseFacts(bytes: Uint8Array): Facts {
  const facts = JSON.parse(Buffer.from(bytes).toString('utf8')) as Facts;
  const { size, tarSize, members, count, keptAt, warnings, algorithm } = facts;
  const sound =
    facts.version === INDEX_VERSION &&
    [facts.digest, facts.diffId].every((digest) => digest === undefined || isBlobDigest(digest)) &&
    [size, tarSize, members, count].every(isCount) &&
    count <= LIMITS.layerEntries &&
    ['none', 'gzip', 'zstd'].includes(facts.compression) &&
    typeof facts.endOfArchive === 'boolean' &&
    [undefined, 'sha256', 'sha512'].includes(algorithm) &&
    keptAt.every(([offset, length]) => isCount(offset) && isCount(length)) &&
    warnings.every(isWarning);
  if (!sound) throw new RangeError('the facts of the layer cannot be');
  return facts;
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isWarning({ code, message, path }: Warning): boolean {
  return Object.hasOwn(WARNING_TABLE, code) && typeof message === 'string' && typeof path !== 'object';
}
