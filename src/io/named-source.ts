/** A source by what its reference names, be that an image, an index of several, or an artifact: for what copies it as it is. */
import { PlanishError } from '../errors.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Index } from '../oci/manifest.ts';
import type { PlatformChoice } from '../oci/platform.ts';
import { type FileSource, formatSource, type ImageSelector } from '../oci/reference.ts';
import { type BlobStore, readDocument } from './blob-store.ts';
import { type ArchiveOptions, openPlainArchive } from './image-archive.ts';
import { checkMarker, type Layout, LayoutDirectory, readLayoutIndex } from './layout.ts';
import { LayoutArchive } from './oci-archive.ts';
import { selectEntry, selectManifest } from './select-image.ts';
import { readTarIndex } from './tar-index.ts';

/** See the module. Close it when done. */
export interface NamedSource {
  readonly store: BlobStore;
  /** The manifest or index that the reference names. Throws `NO_SUCH_IMAGE`, `AMBIGUOUS_IMAGE`. */
  named(): Descriptor;
  /** One manifest of it. Throws the same. */
  choose(choice: PlatformChoice): Promise<Descriptor>;
  /** The bytes of a manifest or index, verified. The blobs that it names are found in the store from then on. */
  document(descriptor: Descriptor): Promise<Uint8Array>;
  /** Sees to it that what is attached to manifests is found in the store. */
  findAttached(subjects: readonly Descriptor[]): Promise<void>;
  close(): void;
}

/** Opens a layout, OCI archive or Docker archive. Throws as opening images does, `IMAGE_UNSUPPORTED` for other sources. */
export async function openNamedSource(
  source: FileSource,
  choice: PlatformChoice,
  options: ArchiveOptions,
): Promise<NamedSource> {
  const known = source.kind === 'path' ? await recognized(source.path, options) : source;
  const reference = formatSource(source);
  switch (known.kind) {
    case 'oci':
      return new LayoutSource(new LayoutDirectory(known.path, reference), known, () => undefined);
    case 'oci-archive': {
      const archive = await openPlainArchive(known.path, options);
      const close = (): void => archive.close();
      return guarded(close, () => {
        const layout = new LayoutArchive(known.path, reference, readTarIndex(archive.blob));
        return new LayoutSource(layout, known, close);
      });
    }
    case 'docker-archive': {
      const { openDockerArchive } = await import('./docker-archive.ts');
      const image = await openDockerArchive(known.path, reference, known.name, choice, options);
      return archiveSource(image.store, image.manifest, () => image.close());
    }
    default:
      throw new PlanishError('IMAGE_UNSUPPORTED', `a ${known.kind} source is no image with a manifest`, {
        file: reference,
        hint: 'build makes an image of it',
      });
  }
}

async function recognized(path: string, { signal }: ArchiveOptions): Promise<FileSource> {
  const { recognizePath } = await import('./recognize.ts');
  const kind = await recognizePath(path, signal);
  if (kind === 'oci' || kind === 'oci-archive') return { kind, path, name: undefined, digest: undefined };
  return kind === 'docker-archive' ? { kind, path, name: undefined } : { kind: 'tar', path };
}

function guarded<T>(close: () => void, open: () => T): T {
  try {
    return open();
  } catch (error) {
    close();
    throw error;
  }
}

class LayoutSource implements NamedSource {
  readonly store: Layout;
  readonly close: () => void;
  readonly #selector: ImageSelector;
  readonly #index: Index;

  constructor(layout: Layout, selector: ImageSelector, close: () => void) {
    checkMarker(layout);
    this.store = layout;
    this.close = close;
    this.#selector = selector;
    this.#index = readLayoutIndex(layout);
  }

  named(): Descriptor {
    return selectEntry(this.store, this.#index, this.#selector).descriptor;
  }

  async choose(choice: PlatformChoice): Promise<Descriptor> {
    return selectManifest(this.store, this.#index, this.#selector, choice).descriptor;
  }

  async document(descriptor: Descriptor): Promise<Uint8Array> {
    return readDocument(this.store, descriptor, 'manifest');
  }

  async findAttached(): Promise<void> {
    return;
  }
}

/** The one image of a Docker archive; its manifest was made up. */
function archiveSource(
  store: BlobStore,
  { descriptor, bytes }: { readonly descriptor: Descriptor; readonly bytes: Uint8Array },
  close: () => void,
): NamedSource {
  return {
    store,
    close,
    named: () => descriptor,
    choose: async () => descriptor,
    document: async () => bytes,
    findAttached: async () => undefined,
  };
}
