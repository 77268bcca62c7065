/**
 * The table of contents of layers, and its rows' coming to hand. Where the cache knows a layer nothing of it was read, so
 * its row holds but the few contents that the cache kept, until more are needed and it is decompressed.
 */
import { realpathSync } from 'node:fs';
import { fromUtf8 } from '../bytes/byte-string.ts';
import { DETECT_BYTES, detectCompression } from '../compress/detect.ts';
import type { CompressionKind } from '../compress/kind.ts';
import { withDetail } from '../errors.ts';
import { type BlobFile, readPart } from '../io/blob-file.ts';
import { type ContentFile, ContentReader } from '../parallel/content-file.ts';
import { type Content, contentSize, type ExternalContent } from '../tree/tree.ts';
import { rememberKept } from './cached-layers.ts';
import type { LayerInput } from './load-layers.ts';
import type { Session } from './session.ts';
import { contentPieces } from './tree-file-reader.ts';

/** Bytes of the contents of one layer that the cache keeps; the databases of packages have some ten MiB. */
const KEPT_BYTES = 64 * 1024 * 1024;

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

  /** Opens the place where a layer's contents will lie, and gives the spool to be filled, if it is one. */
  open(ordinal: number): number | undefined {
    const row = contentFileOf(this.#session, this.#inputs[ordinal] as LayerInput, ordinal);
    this.rows[ordinal] = row;
    return row.kind === 'descriptor' ? row.fd : undefined;
  }

  /** Notes that a layer is known, and some of its contents. */
  hold(ordinal: number, kept: ReadonlyMap<number, Uint8Array>): void {
    this.rows[ordinal] = { kind: 'kept', kept };
  }

  /** Makes contents readable; layers that hold any that is not are decompressed. */
  readonly makeReady = async (contents: Iterable<Content>): Promise<void> => {
    if (!this.rows.some(({ kind }) => kind === 'kept')) return;
    const missing = new Set<number>();
    for (const content of contents) {
      const source = sourceOf(content);
      const row = source === undefined ? undefined : this.rows[source];
      if (source !== undefined && row?.kind === 'kept' && !holds(row.kept, content)) missing.add(source);
    }
    const ordinals = [...missing].sort((a, b) => a - b);
    await Promise.all(ordinals.map((ordinal) => this.#unpack(ordinal)));
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

  async #unpack(ordinal: number): Promise<void> {
    const input = this.#inputs[ordinal] as LayerInput;
    // A layer that is read in place is read once more all the same: only its digest says that it is what it was.
    const spool = this.open(ordinal);
    const { blob, digest, size } = input;
    await this.#session.pool.run('unpack', { blob, promise: { digest, size }, spool });
  }
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

function holds(kept: ReadonlyMap<number, Uint8Array>, content: Content): boolean {
  if (content.kind === 'inline') return true;
  return kept.get(offsetOf(content))?.length === content.size;
}

/** An uncompressed layer is read in place; any other is spooled, uncompressed, to a file without a name. */
function contentFileOf(session: Session, { blob, digest }: LayerInput, ordinal: number): ContentFile {
  const compression = detectLayer(blob, digest ?? String(ordinal));
  if (compression !== 'none') return { kind: 'descriptor', fd: session.openSpool(), base: 0 };
  // Content files are opened without following links, which only the user's own path may be.
  return { kind: 'path', path: fromUtf8(realpathSync(blob.file)), base: blob.offset };
}

function detectLayer(blob: BlobFile, layer: string): CompressionKind {
  try {
    return detectCompression(readPart(blob, 0, DETECT_BYTES));
  } catch (error) {
    throw withDetail(error, { layer });
  }
}
