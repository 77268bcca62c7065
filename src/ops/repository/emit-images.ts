/** The EROFS images that a host makes of an image's layers, as objects of a repository. */
import type { VerityDigest } from '../../bytes/digest.ts';
import type { FormatVersion } from '../../erofs/writer.ts';
import { PlanishError } from '../../errors.ts';
import { computeVerityDigest } from '../../fsverity/digest.ts';
import type { HostLayer } from '../../host/accept-layer.ts';
import { attempt, encodeHostImage, type HostRefusal } from '../../host/host-digest.ts';
import { makePlainTree } from '../../host/host-tree.ts';
import type { HostProfile } from '../../host/profiles.ts';
import type { ReadFile } from '../../host/read-file.ts';
import { LIMITS } from '../../limits.ts';
import type { ObjectWriter } from '../../repo/object-writer.ts';
import type { Repository } from '../../repo/repository.ts';
import { verifyObject } from '../../repo/streams.ts';
import { quotePath } from '../../tree/path.ts';
import type { Directory } from '../../tree/tree.ts';
import type { EmittedLayer } from './emit-layers.ts';

/** An EROFS image in the repository. */
export interface EmittedImage {
  readonly kind: 'plain' | 'bootable';
  readonly format: FormatVersion;
  readonly digest: VerityDigest;
  /** Bytes of the image. */
  readonly size: number;
}

/** The images, and why there is no bootable one. */
export interface EmittedImages {
  readonly images: readonly EmittedImage[];
  readonly refused: HostRefusal | undefined;
}

/** Which images are wanted. `auto`: a bootable one where hosts take the tree for one. */
export interface ImageWishes {
  readonly profile: HostProfile;
  readonly formats: readonly FormatVersion[];
  readonly bootable: 'auto' | 'require' | 'none';
}

/**
 * Makes and stores the images. Throws what hosts refuse the layers for, and where a bootable image is required what they
 * refuse the tree for.
 */
export async function emitImages(
  repository: Repository,
  objects: ObjectWriter,
  layers: readonly EmittedLayer[],
  wishes: ImageWishes,
): Promise<EmittedImages> {
  const source = { kind: 'layers', layers: layers.map(hostLayer) } as const;
  const plain = makePlainTree(source, wishes.profile).root;
  const images = store(repository, objects, 'plain', plain, wishes);
  const { boot } = wishes.profile;
  if (boot === undefined || wishes.bootable === 'none') return { images, refused: undefined };
  const { makeBootableTree } = await import('../../host/bootable-tree.ts');
  const bootable = attempt(() => makeBootableTree(plain, boot, contentReader(repository)).root);
  if (bootable.value === undefined) {
    if (wishes.bootable === 'require') throw refusalError(bootable.refused);
    return { images, refused: bootable.refused };
  }
  return {
    images: [...images, ...store(repository, objects, 'bootable', bootable.value, wishes)],
    refused: undefined,
  };
}

function hostLayer({ host, diffId }: EmittedLayer): HostLayer {
  if (host !== undefined) return host;
  throw new PlanishError('INVARIANT', 'a layer was not read', { layer: diffId });
}

function store(
  { algorithm }: Repository,
  objects: ObjectWriter,
  kind: EmittedImage['kind'],
  root: Directory,
  { profile, formats }: ImageWishes,
): EmittedImage[] {
  return formats.map((format) => {
    const { image } = encodeHostImage(root, profile, { algorithm, format });
    const digest = computeVerityDigest(image, algorithm);
    objects.put(image, digest);
    return { kind, format, digest, size: image.length };
  });
}

/** Policy and boot entries, from the objects. */
function contentReader(repository: Repository): ReadFile {
  return ({ content }, path) => {
    if (content.kind === 'inline') return content.bytes;
    if (content.verity === undefined) throw new PlanishError('INVARIANT', 'a content without digest');
    if (content.size > LIMITS.selinuxFileBytes) {
      throw new PlanishError('LIMIT_EXCEEDED', 'a file that hosts read is larger than selinuxFileBytes', {
        path: quotePath(path),
        limit: 'selinuxFileBytes',
        expected: LIMITS.selinuxFileBytes,
        actual: content.size,
      });
    }
    const bytes = repository.readObject(content.verity, 'selinuxFileBytes');
    verifyObject(bytes, content.verity, repository, repository.pathOf(content.verity));
    return bytes;
  };
}

function refusalError({ code, message, path, layer }: HostRefusal): PlanishError {
  return new PlanishError(code, message, { path, layer });
}
