/** What `sign` signs: which manifests of which layout or archive. */
import type { BlobDigest } from '../../bytes/digest.ts';
import { PlanishError } from '../../errors.ts';
import { readDocument } from '../../io/blob-store.ts';
import { type Layout, LayoutDirectory, readLayoutIndex } from '../../io/layout.ts';
import { LayoutArchive } from '../../io/oci-archive.ts';
import type { OpenedImage } from '../../io/opened-image.ts';
import { asLayout } from '../../io/referrers.ts';
import { isAttachedEntry } from '../../oci/attachments.ts';
import { annotation, type Descriptor, REF_NAME } from '../../oci/descriptor.ts';
import { type Index, parseIndex } from '../../oci/manifest.ts';
import { documentKind } from '../../oci/media-types.ts';
import { isImageEntry } from '../../oci/platform.ts';
import { openImage } from '../load/open-any.ts';
import type { InspectOptions } from '../look/inspect.ts';

/** See the module. */
export interface SignTarget {
  readonly kind: 'oci' | 'oci-archive';
  readonly path: string;
  readonly reference: string;
  /** The image that was chosen. */
  readonly manifest: BlobDigest;
  /** It, or the index that the reference names and all that it holds. */
  readonly subjects: readonly SignSubject[];
}

/** One manifest or index to sign. */
export interface SignSubject {
  readonly descriptor: Descriptor;
  /** When the image says that it was made; an index does not say. */
  readonly created: string | undefined;
}

/** Opens the image, which checks its documents, and finds what is to be signed. */
export async function locateSigned(source: string, options: InspectOptions): Promise<SignTarget> {
  const image = await openImage(source, options);
  try {
    const layout = layoutOf(image);
    return {
      ...targetOf(image),
      reference: image.reference,
      manifest: image.manifest.descriptor.digest,
      subjects: subjectsOf(layout, image, options.platform === undefined),
    };
  } finally {
    image.close();
  }
}

/** Where the image lies. Throws `IMAGE_UNSUPPORTED` for Docker archives and registries. */
export function targetOf(image: OpenedImage): Pick<SignTarget, 'kind' | 'path'> {
  const layout = layoutOf(image);
  return { kind: layout instanceof LayoutDirectory ? 'oci' : 'oci-archive', path: layout.file };
}

function layoutOf(image: OpenedImage): Layout {
  const layout = asLayout(image.store);
  if (layout instanceof LayoutDirectory || layout instanceof LayoutArchive) return layout;
  if (layout !== undefined) {
    throw new PlanishError('IMAGE_UNSUPPORTED', 'an image is signed where it lies, and not in a registry', {
      hint: 'copy it to a layout, sign it there, and copy it back with --referrers',
      file: layout.file,
    });
  }
  throw new PlanishError('IMAGE_UNSUPPORTED', 'a Docker archive has no place for signatures', {
    hint: 'copy the image to a layout or an OCI archive first, with planish build',
    file: image.store.file,
  });
}

function subjectsOf(layout: Layout, image: OpenedImage, whole: boolean): SignSubject[] {
  const { descriptor } = image.manifest;
  const created = image.config.document['created'];
  const own = { descriptor, created: typeof created === 'string' ? created : undefined };
  const top = whole ? indexAbove(layout, image) : undefined;
  if (top === undefined) return [own];
  const others = top.document.manifests.filter(
    (entry) =>
      isImageEntry(entry) && entry.digest !== descriptor.digest && layout.find(entry.digest) !== undefined,
  );
  const bare = others.map((entry) => ({ descriptor: entry, created: undefined }));
  return [{ descriptor: top.descriptor, created: undefined }, own, ...bare];
}

/** The index that the image's name stands for, when it does not stand for the image itself. */
function indexAbove(
  layout: Layout,
  image: OpenedImage,
): { descriptor: Descriptor; document: Index } | undefined {
  const { digest } = image.manifest.descriptor;
  const named = readLayoutIndex(layout).manifests.filter(
    (entry) => annotation(entry, REF_NAME) === image.name && !isAttachedEntry(entry),
  );
  if (named.some((entry) => entry.digest === digest)) return undefined;
  for (const descriptor of named) {
    if (documentKind(descriptor.mediaType) !== 'index') continue;
    const document = parseIndex(readDocument(layout, descriptor, 'index'), `index ${descriptor.digest}`);
    if (document.manifests.some((entry) => entry.digest === digest)) return { descriptor, document };
  }
  return undefined;
}
