/** Copies manifests and indexes with all that they name, each once. */
import { PlanishError } from '../../errors.ts';
import { findBlob } from '../../io/blob-store.ts';
import type { ImageWriter } from '../../io/image-writer.ts';
import type { NamedSource } from '../../io/named-source.ts';
import { LIMITS } from '../../limits.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { type Manifest, parseIndex, parseManifest } from '../../oci/manifest.ts';
import { documentKind } from '../../oci/media-types.ts';
import { mapConcurrently } from '../concurrently.ts';
import type { Session } from '../session.ts';

/** What was copied of configs and layers. */
export interface CopiedBlobs {
  readonly count: number;
  readonly size: number;
}

/** See the module. */
export class DocumentCopier {
  readonly named: NamedSource;
  readonly writer: ImageWriter;
  readonly #session: Session;
  readonly #width: number;
  readonly #carries: boolean;
  readonly #seen = new Map<string, number>();

  /** `width` is how many blobs are copied at once; `carries`, whether files that were verified may become the writer's. */
  constructor(
    session: Session,
    named: NamedSource,
    writer: ImageWriter,
    { width, carries }: { readonly width: number; readonly carries: boolean },
  ) {
    this.#session = session;
    this.named = named;
    this.writer = writer;
    this.#width = width;
    this.#carries = carries;
  }

  /** Configs and layers so far. */
  get copied(): CopiedBlobs {
    const sizes = [...this.#seen.values()];
    return { count: sizes.length, size: sizes.reduce((sum, size) => sum + size, 0) };
  }

  /** Copies a manifest or an index. Gives it and all that is below it, what is named after what names it. */
  async copy(top: Descriptor): Promise<readonly Descriptor[]> {
    const documents = new Map<string, Descriptor>([[top.digest, top]]);
    // Grows while it is gone through.
    for (const descriptor of documents.values()) {
      await this.#session.pause();
      for (const child of await this.#copyOne(descriptor)) {
        if (!documents.has(child.digest)) documents.set(child.digest, child);
      }
      if (documents.size <= LIMITS.indexManifests) continue;
      throw new PlanishError('LIMIT_EXCEEDED', 'indexes within indexes name too many manifests', {
        limit: 'indexManifests',
        file: this.named.store.file,
      });
    }
    return [...documents.values()];
  }

  /** Copies the blobs that a manifest names. */
  async copyBlobs({ config, layers }: Pick<Manifest, 'config' | 'layers'>): Promise<void> {
    const wanted = new Map([config, ...layers].map((descriptor) => [descriptor.digest, descriptor]));
    const missing = [...wanted.values()].filter(({ digest }) => !this.#seen.has(digest));
    await mapConcurrently(missing, this.#width, (descriptor) => this.#copyBlob(descriptor));
  }

  async #copyOne(descriptor: Descriptor): Promise<readonly Descriptor[]> {
    const bytes = await this.named.document(descriptor);
    await this.writer.addDocument(bytes, descriptor.digest);
    switch (documentKind(descriptor.mediaType)) {
      case 'index':
        return parseIndex(bytes, `index ${descriptor.digest}`).manifests;
      case 'manifest':
        await this.copyBlobs(parseManifest(bytes, `manifest ${descriptor.digest}`));
        return [];
      default:
        throw new PlanishError('IMAGE_UNSUPPORTED', 'what is to be copied is no manifest and no index', {
          file: this.named.store.file,
          actual: descriptor.mediaType.slice(0, 160),
        });
    }
  }

  async #copyBlob(descriptor: Descriptor): Promise<void> {
    await this.#session.pause();
    const { digest, size } = descriptor;
    const blob = findBlob(this.named.store, descriptor, 'blob');
    // What is fetched is verified on its way, and a file of its own.
    if (this.#carries && 'bring' in blob) await this.writer.carryBlob(blob, digest);
    else await this.writer.copyBlob(blob, digest);
    this.#seen.set(digest, size);
    this.#session.onProgress({ stage: 'write', done: this.copied.size, total: undefined, unit: 'bytes' });
  }
}
