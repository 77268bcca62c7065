/** Contents of the few files that a host reads when it makes a bootable image: its policy and boot entries. */
import type { HashAlgorithm } from '../../bytes/digest.ts';
import { PlanishError } from '../../errors.ts';
import type { ReadFile } from '../../host/read-file.ts';
import type { LayerIndex } from '../../layer/layer-index.ts';
import { LIMITS } from '../../limits.ts';
import { type ContentFile, ContentReader, holdsContent } from '../../parallel/content-file.ts';
import { quotePath } from '../../tree/path.ts';
import { type Content, contentSize, type RegularFile } from '../../tree/tree.ts';
import { type LayerInput, spoolLayer } from '../load/load-layers.ts';
import { contentPieces } from '../load/tree-file-reader.ts';
import type { Session } from '../session.ts';

/** Where contents may be found. */
export interface ContentPlaces {
  readonly algorithm: HashAlgorithm;
  readonly layers: readonly LayerIndex[];
  readonly inputs: readonly LayerInput[];
  readonly contents: readonly ContentFile[];
}

/**
 * See the module. What layers keep is at hand; the rest is read where it lies, and where only a compressed layer holds
 * it that layer is read once more.
 */
export class HostContents {
  readonly #session: Session;
  readonly #places: ContentPlaces;
  readonly #known = new Map<Content, Uint8Array>();

  constructor(session: Session, places: ContentPlaces) {
    this.#session = session;
    this.#places = places;
    for (const layer of places.layers) this.#addKept(layer);
  }

  /** Makes ready to read the files. Those that the source does not hold are left to fail when they are read. */
  async prepare(files: readonly RegularFile[]): Promise<void> {
    const missing = files.filter(({ content }) => this.#mustLoad(content));
    const byLayer = new Map<number | undefined, RegularFile[]>();
    for (const file of missing) {
      const ordinal = this.#layerOf(file.content);
      byLayer.set(ordinal, [...(byLayer.get(ordinal) ?? []), file]);
    }
    for (const [ordinal, group] of byLayer) await this.#load(ordinal, group);
  }

  /** Throws `LIMIT_EXCEEDED`, and `UNREPRESENTABLE` where the source has but a digest of the file. */
  readonly read: ReadFile = ({ content }, path) => {
    const path_ = quotePath(path);
    if (contentSize(content) > LIMITS.selinuxFileBytes) {
      throw new PlanishError(
        'LIMIT_EXCEEDED',
        'a file that hosts read is larger than the limit selinuxFileBytes',
        {
          path: path_,
          limit: 'selinuxFileBytes',
          expected: LIMITS.selinuxFileBytes,
          actual: contentSize(content),
        },
      );
    }
    const bytes = content.kind === 'inline' ? content.bytes : this.#known.get(content);
    if (bytes !== undefined) return bytes;
    throw new PlanishError('UNREPRESENTABLE', `the content of ${path_} is needed and not in this source`, {
      path: path_,
    });
  };

  #addKept({ entries, kept }: LayerIndex): void {
    if (kept.size === 0) return;
    for (const { content } of entries) {
      if (content?.kind !== 'external') continue;
      const bytes = kept.get(content.location?.extents[0]?.offset ?? -1);
      if (bytes !== undefined) this.#known.set(content, bytes);
    }
  }

  #mustLoad(content: Content): boolean {
    if (content.kind === 'inline' || content.location === undefined || this.#known.has(content)) return false;
    return content.size <= LIMITS.selinuxFileBytes;
  }

  #layerOf(content: Content): number | undefined {
    const ordinal = this.#places.layers.findIndex(({ entries }) =>
      entries.some((entry) => entry.content === content),
    );
    return ordinal < 0 ? undefined : ordinal;
  }

  async #load(ordinal: number | undefined, files: readonly RegularFile[]): Promise<void> {
    const { contents } = this.#places;
    const row = contents[ordinal ?? 0];
    // A layer that only the cache has read is not at hand, but for what it kept.
    const atHand = row !== undefined && files.every(({ content }) => holdsContent(row, content));
    const reader = new ContentReader(atHand ? contents : await this.#spool(ordinal, files));
    try {
      for (const { content } of files)
        this.#known.set(content, Buffer.concat([...contentPieces(reader, content)]));
    } finally {
      reader.close();
    }
  }

  /** A table in which the layer stands where the files' locations name it. */
  async #spool(ordinal: number | undefined, files: readonly RegularFile[]): Promise<ContentFile[]> {
    const { inputs } = this.#places;
    const input = ordinal === undefined ? undefined : inputs[ordinal];
    const contents = files.map(({ content }) => content);
    const location = contents[0]?.kind === 'external' ? contents[0].location : undefined;
    if (input === undefined || location === undefined) {
      throw new PlanishError('INVARIANT', 'a content is in no layer');
    }
    const table: ContentFile[] = [];
    table[location.source] = await spoolLayer(this.#session, input, contents);
    return table;
  }
}
