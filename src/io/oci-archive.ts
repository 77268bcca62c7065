/** `oci-archive:`: an image layout in a tar, plain or compressed as a whole. */
import { type BlobDigest, splitBlobDigest } from '../bytes/digest.ts';
import type { PlatformChoice } from '../oci/platform.ts';
import type { ImageSelector } from '../oci/reference.ts';
import type { BlobFile } from './blob-file.ts';
import { type ArchiveOptions, openPlainArchive } from './image-archive.ts';
import { type Layout, openLayoutImage } from './layout.ts';
import type { OpenedImage } from './opened-image.ts';
import { readTarIndex, type TarIndex } from './tar-index.ts';

/** Opens one image of an archive. Throws as layouts do, and what a bad tar throws. */
export async function openOciArchive(
  path: string,
  reference: string,
  selector: ImageSelector,
  choice: PlatformChoice,
  options: ArchiveOptions = {},
): Promise<OpenedImage> {
  const archive = await openPlainArchive(path, options);
  try {
    const layout = new LayoutArchive(path, reference, readTarIndex(archive.blob));
    return openLayoutImage(layout, selector, choice, () => archive.close());
  } catch (error) {
    archive.close();
    throw error;
  }
}

/** A layout whose files are members of a tar. */
export class LayoutArchive implements Layout {
  readonly file: string;
  readonly reference: string;
  readonly #index: TarIndex;

  constructor(file: string, reference: string, index: TarIndex) {
    this.file = file;
    this.reference = reference;
    this.#index = index;
  }

  find(digest: BlobDigest): BlobFile | undefined {
    const { algorithm, hex } = splitBlobDigest(digest);
    return this.#index.find(`blobs/${algorithm}/${hex}`);
  }

  findRootFile(name: string): BlobFile | undefined {
    return this.#index.find(name);
  }
}
