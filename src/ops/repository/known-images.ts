/**
 * Which images hosts make of layers, as earlier runs found out: kept in the layer cache by the diffIDs of the layers and
 * by all choices of the host, of which nothing else is a function. What is believed so is which digests the images
 * have, no more: whether a repository has such objects is for the caller to see.
 */
import { createHash } from 'node:crypto';
import { type BlobDigest, isVerityDigest } from '../../bytes/digest.ts';
import { ERROR_TABLE, PlanishError } from '../../errors.ts';
import { computeVerityDigest } from '../../fsverity/digest.ts';
import type { HostRefusal } from '../../host/host-digest.ts';
import type { ObjectWriter } from '../../repo/object-writer.ts';
import type { Repository } from '../../repo/repository.ts';
import { keepBytes, recallBytes } from '../load/session-cache.ts';
import { readVersion } from '../package-version.ts';
import type { Session } from '../session.ts';
import type { EmittedImage, EmittedImages, ImageWishes } from './emit-images.ts';

/** What names of such files in the cache end in. */
export const IMAGES_SUFFIX = '.images';

/** To be raised with every change of what layers come to, beside the version of the package. */
const IMAGES_VERSION = 1;

/** Name in the cache of the images of layers, in their order. */
export function imagesName(
  layers: readonly BlobDigest[],
  algorithm: string,
  { profile, formats, bootable }: ImageWishes,
): string {
  const choices = [readVersion(), IMAGES_VERSION, profile, formats, bootable !== 'none', layers];
  const digest = createHash('sha256').update(JSON.stringify(choices)).digest('hex');
  return `sha256-${digest}.${algorithm}${IMAGES_SUFFIX}`;
}

/** What is known under that name. */
export function recallImages(session: Session, name: string): EmittedImages | undefined {
  return recallBytes(session, name, decodeImages);
}

/** Images that are known to come out, where the repository has them; they are measured. */
export function presentImages(
  repository: Repository,
  objects: ObjectWriter,
  known: EmittedImages | undefined,
  { bootable }: ImageWishes,
): EmittedImages | undefined {
  if (known === undefined || (bootable === 'require' && known.refused !== undefined)) return undefined;
  for (const { digest, size } of known.images) {
    if (repository.objectSize(digest) !== size) return undefined;
    const bytes = repository.readObject(digest, 'erofsBytes');
    if (computeVerityDigest(bytes, repository.algorithm) !== digest) return undefined;
    objects.put(bytes, digest);
  }
  return known;
}

/** Keeps what was found out. */
export function rememberImages(session: Session, name: string, { images, refused }: EmittedImages): void {
  keepBytes(session, name, Buffer.from(JSON.stringify({ images, refused })));
}

/** The images that bytes tell of. Throws `CACHE_BAD_ENTRY` for anything that {@link rememberImages} cannot have written. */
export function decodeImages(bytes: Uint8Array): EmittedImages {
  const value = parse(bytes);
  const { images, refused } = (value ?? {}) as Partial<EmittedImages>;
  const isSound = Array.isArray(images) && images.length > 0 && images.every(isImage) && isRefusal(refused);
  if (!isSound) throw new PlanishError('CACHE_BAD_ENTRY', 'a file of the layer cache holds no images');
  return { images, refused };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return undefined;
  }
}

function isImage(value: unknown): value is EmittedImage {
  const { kind, format, digest, size } = (value ?? {}) as Record<string, unknown>;
  const isKind = kind === 'plain' || kind === 'bootable';
  const isFormat = format === 0 || format === 1 || format === 2;
  return (
    isKind && isFormat && typeof digest === 'string' && isVerityDigest(digest) && Number.isSafeInteger(size)
  );
}

function isRefusal(value: unknown): value is HostRefusal | undefined {
  if (value === undefined) return true;
  const { code, message } = (value ?? {}) as Record<string, unknown>;
  return typeof code === 'string' && code in ERROR_TABLE && typeof message === 'string';
}
