/** Entries of a layer's index as bytes; see `index-codec.ts`. Offsets are differences, equal attributes are shared. */
import { DIGEST_BYTES, type HashAlgorithm, verityDigest } from '../bytes/digest.ts';
import { type Extent, NO_XATTRS, type Timestamp, type Xattrs } from '../bytes/stat.ts';
import { type VarintReader, VarintWriter } from '../bytes/varint.ts';
import { LIMITS } from '../limits.ts';
import type { HostReading, LayerEntry, LayerEntryType } from '../tree/entry.ts';
import { wholeLocation } from '../tree/location.ts';
import { type Content, EMPTY_CONTENT, type ExternalContent, INLINE_CONTENT_MAX } from '../tree/tree.ts';

/** In the order of their numbers. */
const TYPES: readonly LayerEntryType[] = [
  'regular',
  'directory',
  'symlink',
  'hardlink',
  'character',
  'block',
  'fifo',
];

/** Bits above the three of the type. */
const SPARSE = 8;
const READ_OTHERWISE = 16;
const CONTENT_SHIFT = 5;

/** Forms of contents: none, bytes, one extent that is all of it, several extents. */
const CONTENT = { none: 0, inline: 1, whole: 2, extents: 3 } as const;

const MAX_OWNER = 2 ** 32 - 1;
const MAX_MODE = 0o7777;
const MAX_NSEC = 999_999_999;
/** Bytes of a host's reason to refuse an entry. */
const REASON_BYTES = 1024;
/** Attributes of one entry; each takes at least three bytes of metadata. */
const MAX_XATTRS = LIMITS.tarMetadataBytes / 2;

/** Collects entries. */
export class EntryEncoder {
  readonly #digestBytes: number;
  readonly #entries = new VarintWriter();
  readonly #sets = new VarintWriter();
  readonly #numbers = new Map<string, number>();
  /** The set that came last, for neighbours often share it, and its number. */
  #last: Xattrs = NO_XATTRS;
  #lastNumber = 0;
  readonly #form = new VarintWriter();
  #offset = 0;
  #count = 0;

  /** Without an algorithm contents have no digests. */
  constructor(algorithm: HashAlgorithm | undefined) {
    this.#digestBytes = algorithm === undefined ? 0 : DIGEST_BYTES[algorithm];
  }

  /** How many entries there are so far. */
  get count(): number {
    return this.#count;
  }

  /** Adds entries; nothing of them is held afterwards but the different sets of attributes. */
  readonly add = (entries: readonly LayerEntry[]): void => {
    for (const entry of entries) this.#add(entry);
    this.#count += entries.length;
  };

  #add(entry: LayerEntry): void {
    const out = this.#entries;
    const { content, hostReading } = entry;
    const form = formOf(content);
    const flags = (entry.sparse ? SPARSE : 0) | (hostReading === undefined ? 0 : READ_OTHERWISE);
    out.number(TYPES.indexOf(entry.type) | flags | (form << CONTENT_SHIFT));
    out.string(entry.path);
    out.string(entry.linkTarget);
    for (const value of [entry.mode, entry.uid, entry.gid]) out.number(value);
    out.signed(entry.mtime.sec);
    for (const value of [entry.mtime.nsec, entry.major, entry.minor]) out.number(value);
    out.number(this.#numberOf(entry.xattrs));
    out.signed(entry.offset - this.#offset);
    this.#offset = entry.offset;
    if (content !== undefined) this.#content(content);
    if (hostReading !== undefined) this.#reading(hostReading);
  }

  /** The sets of attributes of all entries so far, and the entries; the next entry may change them. */
  parts(): Uint8Array[] {
    const head = new VarintWriter();
    head.number(this.#numbers.size);
    return [...head.parts(), ...this.#sets.parts(), ...this.#entries.parts()];
  }

  #numberOf(xattrs: Xattrs): number {
    if (xattrs.size === 0) return 0;
    if (xattrs !== this.#last) this.#lastNumber = this.#find(xattrs);
    this.#last = xattrs;
    return this.#lastNumber;
  }

  /** Of sets that are alike the first is kept. */
  #find(xattrs: Xattrs): number {
    const form = this.#form;
    form.clear();
    form.number(xattrs.size);
    for (const [name, value] of xattrs) {
      form.string(name);
      form.bytes(value);
    }
    const bytes = form.written();
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    this.#sets.raw(bytes);
    this.#numbers.set(text, this.#numbers.size + 1);
    return this.#numbers.size;
  }

  #content(content: Content): void {
    const out = this.#entries;
    if (content.kind === 'inline') {
      out.bytes(content.bytes);
      return;
    }
    out.number(content.size);
    const { verity = '' } = content;
    if (verity.length !== 2 * this.#digestBytes)
      throw new RangeError('a content with another digest or none');
    out.hex(verity);
    const extents = content.location?.extents ?? [];
    if (isWhole(content)) {
      out.number(extents[0]?.offset ?? 0);
      return;
    }
    out.number(extents.length);
    for (const { at, offset, length } of extents) for (const value of [at, offset, length]) out.number(value);
  }

  #reading({ refused, isFile, xattrs }: HostReading): void {
    this.#entries.number(isFile ? 1 : 0);
    this.#entries.number(refused === undefined ? 0 : 1);
    if (refused !== undefined) this.#entries.bytes(Buffer.from(refused));
    this.#entries.number(this.#numberOf(xattrs));
  }
}

function formOf(content: Content | undefined): number {
  if (content === undefined) return CONTENT.none;
  if (content.kind === 'inline') return CONTENT.inline;
  return isWhole(content) ? CONTENT.whole : CONTENT.extents;
}

function isWhole({ size, location }: ExternalContent): boolean {
  const [first, ...others] = location?.extents ?? [];
  return others.length === 0 && first?.at === 0 && first.length === size;
}

/** What an index says of its layer besides. */
interface LayerFacts {
  readonly algorithm?: HashAlgorithm | undefined;
  readonly tarSize: number;
}

/** What decoding entries needs: the sets of attributes, and where the last entry was. */
export class EntryDecoder {
  readonly reader: VarintReader;
  readonly source: number;
  readonly facts: LayerFacts;
  readonly #sets: Xattrs[] = [NO_XATTRS];
  #offset = 0;
  #time: Timestamp = { sec: 0, nsec: 0 };

  constructor(reader: VarintReader, source: number, facts: LayerFacts) {
    this.reader = reader;
    this.source = source;
    this.facts = facts;
    for (let left = reader.number(); left > 0; left--) this.#sets.push(readXattrs(reader));
  }

  xattrs(): Xattrs {
    const set = this.#sets[this.reader.number()];
    if (set === undefined) throw new RangeError('there is no such set of attributes');
    return set;
  }

  /** Most files of a package have the time of their neighbour: one object serves them all. */
  time(): Timestamp {
    const sec = this.reader.signed();
    const nsec = upTo(MAX_NSEC, this.reader.number());
    if (sec !== this.#time.sec || nsec !== this.#time.nsec) this.#time = { sec, nsec };
    return this.#time;
  }

  offset(): number {
    this.#offset += this.reader.signed();
    if (this.#offset < 0 || this.#offset > this.facts.tarSize) throw new RangeError('an entry lies outside');
    return this.#offset;
  }
}

function readXattrs(reader: VarintReader): Xattrs {
  const set = new Map();
  for (let left = upTo(MAX_XATTRS, reader.number()); left > 0; left--) {
    set.set(reader.string(LIMITS.tarMetadataBytes), reader.bytes(LIMITS.tarMetadataBytes));
  }
  return set;
}

/** The next entry. Throws `RangeError` for what cannot be one. */
export function decodeEntry(decoder: EntryDecoder): LayerEntry {
  const { reader } = decoder;
  const head = reader.number();
  const type = TYPES[head & 7];
  if (type === undefined) throw new RangeError('there is no such type of entry');
  const path = reader.string(LIMITS.tarMetadataBytes);
  const linkTarget = reader.string(LIMITS.tarMetadataBytes);
  const mode = upTo(MAX_MODE, reader.number());
  const uid = upTo(MAX_OWNER, reader.number());
  const gid = upTo(MAX_OWNER, reader.number());
  const mtime = decoder.time();
  const major = upTo(MAX_OWNER, reader.number());
  const minor = upTo(MAX_OWNER, reader.number());
  const xattrs = decoder.xattrs();
  const offset = decoder.offset();
  const content = decodeContent(decoder, head >> CONTENT_SHIFT);
  if ((type === 'regular') !== (content !== undefined)) throw new RangeError('content of the wrong entry');
  const sparse = (head & SPARSE) !== 0;
  const device = { major, minor };
  const entry = { type, path, linkTarget, mode, uid, gid, mtime, xattrs, ...device, content, sparse, offset };
  return (head & READ_OTHERWISE) === 0 ? entry : { ...entry, hostReading: decodeReading(decoder) };
}

function decodeContent({ reader, source, facts }: EntryDecoder, form: number): Content | undefined {
  if (form === CONTENT.none) return undefined;
  if (form === CONTENT.inline) {
    const bytes = reader.bytes(INLINE_CONTENT_MAX);
    return bytes.length === 0 ? EMPTY_CONTENT : { kind: 'inline', bytes };
  }
  if (form > CONTENT.extents) throw new RangeError('there is no such form of content');
  const size = upTo(LIMITS.fileBytes, reader.number());
  const { algorithm } = facts;
  const verity = algorithm === undefined ? undefined : verityDigest(reader.hex(DIGEST_BYTES[algorithm]));
  const location =
    form === CONTENT.whole
      ? wholeLocation(source, upTo(facts.tarSize - size, reader.number()), size)
      : { source, extents: checkExtents(decodeExtents(reader), size, facts.tarSize) };
  return { kind: 'external', size, verity, payload: undefined, location };
}

function decodeExtents(reader: VarintReader): Extent[] {
  const count = upTo(LIMITS.sparseExtents, reader.number());
  return Array.from({ length: count }, () => ({
    at: reader.number(),
    offset: reader.number(),
    length: reader.number(),
  }));
}

function checkExtents(extents: Extent[], size: number, tarSize: number): Extent[] {
  let position = 0;
  for (const { at, offset, length } of extents) {
    if (at < position || at + length > size || offset + length > tarSize) {
      throw new RangeError('an extent lies outside');
    }
    position = at + length;
  }
  return extents;
}

function decodeReading(decoder: EntryDecoder): HostReading {
  const { reader } = decoder;
  const isFile = upTo(1, reader.number()) === 1;
  const isRefused = upTo(1, reader.number()) === 1;
  const refused = isRefused ? Buffer.from(reader.bytes(REASON_BYTES)).toString('utf8') : undefined;
  return { refused, isFile, xattrs: decoder.xattrs() };
}

function upTo(limit: number, value: number): number {
  if (value <= limit) return value;
  throw new RangeError('a value is above its limit');
}
