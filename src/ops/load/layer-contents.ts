/**
 * The table of contents of layers, and its rows' coming to hand. Where the cache knows a layer nothing of it was read, so
 * its row holds but the few contents that the cache kept, until more are needed and it is decompressed.
 */
import { realpathSync } from 'node:fs';
import { fromUtf8 } from '../../bytes/byte-string.ts';
import { DETECT_BYTES, detectCompression } from '../../compress/detect.ts';
import type { CompressionKind } from '../../compress/kind.ts';
import { withDetail } from '../../errors.ts';
import { type BlobFile, readPart } from '../../io/blob-file.ts';
import { bringBlobs } from '../../io/late-blob.ts';
import type { LayerListing } from '../../layer/layer-index.ts';
import { type ContentFile, ContentReader, holdsContent } from '../../parallel/content-file.ts';
import {
  type ContentRanges,
  lengthOf,
  rangesOf,
  type Span,
  spansIn,
  spansOf,
} from '../../parallel/content-ranges.ts';
import type { Pool } from '../../parallel/pool.ts';
import type { Spool, Windows } from '../../parallel/spool.ts';
import { type Content, contentSize, type ExternalContent } from '../../tree/tree.ts';
import type { Session } from '../session.ts';
import { rememberKept } from './cached-layers.ts';
import { guessTarSize, usualTarSize } from './layer-size.ts';
import type { LayerInput } from './load-layers.ts';
import { contentPieces } from './tree-file-reader.ts';

/** Bytes of the contents of one layer that the cache keeps; the databases of packages have some ten MiB. */
const KEPT_BYTES = 64 * 1024 * 1024;

/** Contents by their offsets in the tar. */
type Kept = ReadonlyMap<number, Uint8Array>;

/** See the module. */
export class LayerContents {
  /** By the ordinals of layers; rows are replaced as contents come to hand. */
  readonly rows: ContentFile[] = [];
  readonly #session: Session;
  readonly #inputs: readonly LayerInput[];
  readonly #names: readonly (string | undefined)[];

  /** `names` are those of layers in the cache, where they have any. */
  constructor(session: Session, inputs: readonly LayerInput[], names: readonly (string | undefined)[]) {
    this.#session = session;
    this.#inputs = inputs;
    this.#names = names;
  }

  /**
   * Finds a place for a layer's contents, and gives the spool to be filled, if it is one; {@link fill} says that it is. Of
   * a layer that is decompressed only `ranges` are kept, if given. `tarSize` is the layer's, where it is known.
   */
  open(ordinal: number, ranges?: ContentRanges, tarSize?: number): Spool | undefined {
    const { blob, digest } = this.#inputs[ordinal] as LayerInput;
    const compression = detectLayer(blob, digest ?? String(ordinal));
    if (compression === 'none') {
      // Content files are opened without following links, which only the user's own path may be.
      this.rows[ordinal] = { kind: 'path', path: fromUtf8(realpathSync(blob.file)), base: blob.offset };
      return undefined;
    }
    const size = ranges === undefined ? (tarSize ?? guessTarSize(blob, compression)) : lengthOf(ranges);
    const spool = this.#session.placeSpool(size, ranges);
    if (spool.kind === 'file') this.rows[ordinal] = { kind: 'descriptor', fd: spool.fd, ranges };
    return spool;
  }

  /** Notes what became of a spool. A layer that outgrew its memory is at hand no more than one that was not read. */
  fill(ordinal: number, spool: Spool | undefined, windows: Windows | undefined, kept: Kept): void {
    if (spool?.kind !== 'memory') return;
    const held = windows?.reduce((sum, { byteLength }) => sum + byteLength, 0) ?? 0;
    this.#session.memory.giveBack(spool.limit - held);
    const { ranges } = spool;
    this.rows[ordinal] = windows === undefined ? { kind: 'kept', kept } : { kind: 'memory', windows, ranges };
  }

  /** Notes that a layer is known, and some of its contents. */
  hold(ordinal: number, kept: Kept): void {
    this.rows[ordinal] = { kind: 'kept', kept };
  }

  /** The same of a layer that was just read, and of which few contents will be wanted. */
  holdFew(ordinal: number, { compression, kept }: LayerListing): void {
    if (compression === 'none') this.open(ordinal);
    else this.hold(ordinal, kept);
  }

  /** Makes contents readable; layers that hold any that is not are decompressed, and what is wanted of them is kept. */
  readonly makeReady = async (contents: Iterable<Content>): Promise<void> => {
    if (this.rows.every(isWhole)) return;
    const wanted = new Map<number, Span[]>();
    const missing = new Set<number>();
    for (const content of contents) {
      const source = sourceOf(content);
      const row = source === undefined ? undefined : this.rows[source];
      if (source === undefined || row === undefined || isWhole(row)) continue;
      wanted.set(source, wanted.get(source) ?? spansOfRow(row));
      wanted.get(source)?.push(...spansOf(content));
      if (!holdsContent(row, content)) missing.add(source);
    }
    const ordinals = [...missing].sort((a, b) => a - b);
    const blobs = ordinals.map((ordinal) => (this.#inputs[ordinal] as LayerInput).blob);
    const pool = this.#session.poolFor(usualTarSize(blobs));
    await bringBlobs(blobs);
    await Promise.all(ordinals.map((ordinal) => this.#unpack(pool, ordinal, wanted.get(ordinal) ?? [])));
  };

  /** As {@link makeReady}, for contents that later runs will want as well: the cache keeps them. */
  readonly makeReadyAndKeep = async (contents: readonly Content[]): Promise<void> => {
    await this.makeReady(contents);
    const reader = new ContentReader(this.rows);
    try {
      for (const [ordinal, group] of bySource(contents)) this.#keep(ordinal, group, reader);
    } finally {
      reader.close();
    }
  };

  #keep(ordinal: number, contents: readonly ExternalContent[], reader: ContentReader): void {
    const name = this.#names[ordinal];
    // A row that holds kept contents holds these, or it would have been replaced.
    if (name === undefined || this.rows[ordinal]?.kind === 'kept') return;
    if (contents.reduce((sum, content) => sum + contentSize(content), 0) > KEPT_BYTES) return;
    const kept = new Map(
      contents.map((content) => [offsetOf(content), Buffer.concat([...contentPieces(reader, content)])]),
    );
    rememberKept(this.#session, name, ordinal, kept);
  }

  async #unpack(pool: Pool, ordinal: number, wanted: readonly Span[]): Promise<void> {
    const { blob, digest, size } = this.#inputs[ordinal] as LayerInput;
    // A layer that is read in place is read once more all the same: only its digest says that it is what it was.
    const spool = this.open(ordinal, rangesOf(wanted));
    const windows = await pool.run('unpack', { blob, promise: { digest, size }, spool });
    this.fill(ordinal, spool, windows, new Map());
  }
}

/** Whether all of a layer is at hand. */
function isWhole(row: ContentFile): boolean {
  return row.kind === 'path' || (row.kind !== 'kept' && row.ranges === undefined);
}

/** What is at hand of a layer, and shall stay so. */
function spansOfRow(row: ContentFile): Span[] {
  if (row.kind === 'path') return [];
  if (row.kind !== 'kept') return [...spansIn(row.ranges ?? rangesOf([]))];
  return [...row.kept].map(([offset, { length }]) => [offset, offset + length]);
}

function bySource(contents: readonly Content[]): Map<number, ExternalContent[]> {
  const groups = new Map<number, ExternalContent[]>();
  for (const content of contents) {
    // Sparse files are not worth the care: no database is one.
    if (content.kind === 'inline' || content.location?.extents.length !== 1) continue;
    const { source } = content.location;
    groups.set(source, [...(groups.get(source) ?? []), content]);
  }
  return groups;
}

function sourceOf(content: Content): number | undefined {
  return content.kind === 'inline' ? undefined : content.location?.source;
}

function offsetOf(content: ExternalContent): number {
  return content.location?.extents[0]?.offset ?? -1;
}

function detectLayer(blob: BlobFile, layer: string): CompressionKind {
  try {
    return detectCompression(readPart(blob, 0, DETECT_BYTES));
  } catch (error) {
    throw withDetail(error, { layer });
  }
}
