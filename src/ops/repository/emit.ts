/** `emit`: an image into a composefs repository, as hosts store it. */
import { mkdirSync } from 'node:fs';
import type { BlobDigest, HashAlgorithm, VerityDigest } from '../../bytes/digest.ts';
import type { FormatVersion } from '../../erofs/writer.ts';
import { PlanishError } from '../../errors.ts';
import type { HostRefusal } from '../../host/host-digest.ts';
import { DEFAULT_PROFILE, hostProfile } from '../../host/profiles.ts';
import { attempt } from '../../io/durable-file.ts';
import type { OpenedImage } from '../../io/opened-image.ts';
import { createRepository, probeVerity, type VerityWish } from '../../repo/create.ts';
import { commitLinks, type WantedLink } from '../../repo/links.ts';
import { checkTag, encodeTag, streamName, TAGS } from '../../repo/names.ts';
import {
  addCounts,
  noObjects,
  type ObjectCounts,
  type ObjectTarget,
  ObjectWriter,
} from '../../repo/object-writer.ts';
import { isRepository, Repository } from '../../repo/repository.ts';
import type { SourceOptions } from '../load/load-tree.ts';
import { openAny } from '../load/open-any.ts';
import { type CommonOptions, Session } from '../session.ts';
import { emitDocument, imageRefs, otherImageRefs } from './emit-documents.ts';
import type { EmittedImage, EmittedImages, ImageWishes } from './emit-images.ts';
import { type EmitContext, type EmittedLayer, emitLayers } from './emit-layers.ts';
import { emitReferrers } from './emit-referrers.ts';
import { imagesName, presentImages, recallImages, rememberImages } from './known-images.ts';

/** Options of {@link emit}. */
export interface EmitOptions extends CommonOptions {
  /** Directory of the repository; made where there is none. */
  readonly repository: string;
  /** Tag in the repository; default: the name that the source has for the image, else its manifest's digest. */
  readonly tag?: string | undefined;
  readonly platform?: string | undefined;
  /** fs-verity algorithm of a new repository; default `sha512`. One that is there must have it. */
  readonly algorithm?: HashAlgorithm | undefined;
  /** EROFS format of a new repository; default 1. One that is there must have it. */
  readonly format?: FormatVersion | undefined;
  /** Whose rules make the images; default `bootc`. Changes digests. */
  readonly profile?: string | undefined;
  /** Bootable images: `auto` (default) where hosts take the tree for one. */
  readonly bootable?: 'auto' | 'require' | 'none' | undefined;
  /** fs-verity of a new repository: `try` (default), `require` or `none`. One that is there must do for `require`. */
  readonly verity?: VerityWish | undefined;
  /** A repository whose objects are not written: what is emitted is what it lacks. */
  readonly onlyMissingFrom?: string | undefined;
  /** `skip` leaves the extended attributes of a `rootfs:` source out; default `all`. Changes digests. */
  readonly xattrs?: SourceOptions['xattrs'];
}

/** Result of {@link emit}. */
export interface EmitResult {
  readonly source: string;
  readonly repository: string;
  readonly tag: string;
  /** Whether the repository was made by this run. */
  readonly created: boolean;
  /** Whether hosts will insist on fs-verity of every object. */
  readonly secure: boolean;
  /** Whether new objects have fs-verity. */
  readonly verity: ObjectTarget['verity'];
  readonly algorithm: HashAlgorithm;
  readonly manifest: BlobDigest;
  readonly config: BlobDigest;
  readonly images: readonly EmittedImage[];
  /** Why there is no bootable image, where one was looked for. */
  readonly refused: HostRefusal | undefined;
  readonly layers: readonly {
    readonly diffId: BlobDigest;
    readonly stream: VerityDigest;
    readonly reused: boolean;
  }[];
  /** Artifacts that refer to the image, and came with it. */
  readonly referrers: readonly BlobDigest[];
  /** Objects written and found; a further repository that was not written for counts as found. */
  readonly objects: ObjectCounts;
  /** Links that were made or changed; 0 where the repository had it all. */
  readonly links: number;
}

/**
 * Emits an image; of a tar or a directory, the image that `build` makes of it. What was there before stays whatever
 * happens; a run that ends early leaves objects that nothing refers to, which the next run uses and `repo gc` removes.
 * Throws what reading the image throws, what hosts refuse its layers for, `NO_REPOSITORY`, `REPOSITORY_UNSUPPORTED`, `LOCKED`, `DISK_FULL`.
 */
export async function emit(source: string, options: EmitOptions): Promise<EmitResult> {
  const opened = await openAny(source, { ...options, attachments: 'all' });
  if (opened.kind === 'image') return await emitImage(source, opened, options);
  if (opened.kind === 'tar' || opened.kind === 'rootfs') {
    // What builds is loaded only where something is built.
    const { withBuiltImage } = await import('./emit-built.ts');
    return { ...(await withBuiltImage(source, options, (built) => emit(built, options))), source };
  }
  const kind = opened.kind === 'dump' ? 'a dumpfile' : 'an EROFS image';
  throw new PlanishError('IMAGE_UNSUPPORTED', `${kind} does not have the contents of its files`, {
    file: source,
    hint: 'emit the image, tar or directory that it was made of',
  });
}

async function emitImage(source: string, image: OpenedImage, options: EmitOptions): Promise<EmitResult> {
  try {
    return await Session.use(options, async (session) => {
      checkEmittable(image);
      const { repository, created } = await openTarget(options);
      try {
        return { source, created, ...(await emitInto(session, repository, image, options)) };
      } finally {
        repository.close();
      }
    });
  } finally {
    image.close();
  }
}

/** Hosts hash documents by SHA-256 alone, and know images by the config's media type of OCI. */
function checkEmittable({ manifest, config }: OpenedImage): void {
  for (const { descriptor } of [manifest, config]) {
    if (descriptor.digest.startsWith('sha256:')) continue;
    throw new PlanishError('IMAGE_UNSUPPORTED', 'hosts name manifests and configs by SHA-256 only', {
      actual: descriptor.digest,
    });
  }
}

/** Opens the repository, making it first where nothing is there. */
async function openTarget(options: EmitOptions): Promise<{ repository: Repository; created: boolean }> {
  const { repository: path, algorithm, format, verity = 'try' } = options;
  const created = !isRepository(path);
  if (created) createRepository(path, { algorithm: algorithm ?? 'sha512', formats: [format ?? 1] }, verity);
  const repository = await Repository.open(path, { lock: 'shared', write: true });
  try {
    checkAgreement(repository, options);
  } catch (error) {
    repository.close();
    throw error;
  }
  return { repository, created };
}

function checkAgreement(repository: Repository, { algorithm, format, verity }: EmitOptions): void {
  const refuse = (what: string, actual: string): PlanishError =>
    new PlanishError('BAD_OPTION', `the repository is of another ${what} than was asked for`, {
      file: repository.path,
      actual,
    });
  if (algorithm !== undefined && algorithm !== repository.algorithm)
    throw refuse('algorithm', repository.algorithm);
  if (format !== undefined && format !== repository.formats[0])
    throw refuse('format', `v${repository.formats[0]}`);
  if (verity === 'require' && !repository.secure) throw refuse('security', 'insecure');
}

async function emitInto(
  session: Session,
  repository: Repository,
  image: OpenedImage,
  options: EmitOptions,
): Promise<Omit<EmitResult, 'source' | 'created'>> {
  const target = objectTarget(repository, options);
  announceSecurity(session, repository, target);
  const objects = new ObjectWriter(target);
  const wishes = imageWishes(repository, options);
  const name = imagesName(image.config.document.rootfs.diff_ids, repository.algorithm, wishes);
  const known = presentImages(repository, objects, recallImages(session, name), wishes);
  const context: EmitContext = {
    session,
    repository,
    target,
    counts: noObjects(),
    reading: known === undefined,
  };
  const layers = await emitLayers(context, image);
  session.checkInterrupted();
  session.onProgress({ stage: 'digest', done: 0, total: undefined, unit: 'steps' });
  // What makes images is loaded only where some are made.
  const makeImages = async (): Promise<EmittedImages> => {
    const { emitImages } = await import('./emit-images.ts');
    const images = await emitImages(repository, objects, layers, wishes);
    rememberImages(session, name, images);
    return images;
  };
  const made = known ?? (await makeImages());
  const manifest = await emitManifest(repository, objects, image, layers, made.images);
  const referrers = await emitReferrers({ session, repository, objects }, image);
  addCounts(context.counts, objects.takeCounts());
  const tag = checkTag(options.tag ?? image.name ?? image.manifest.descriptor.digest);
  const links = commitLinks(repository, [...manifest, tagLink(tag, image), ...referrers.links]);
  return {
    repository: repository.path,
    tag,
    secure: repository.secure,
    verity: target.verity,
    algorithm: repository.algorithm,
    manifest: image.manifest.descriptor.digest,
    config: image.config.descriptor.digest,
    images: made.images,
    refused: made.refused,
    layers: layers.map(({ diffId, stream, reused }) => ({ diffId, stream, reused })),
    referrers: referrers.digests,
    objects: context.counts,
    links,
  };
}

function objectTarget(repository: Repository, { onlyMissingFrom }: EmitOptions): ObjectTarget {
  const { objects: directory, staging, algorithm, secure } = repository;
  attempt('making a directory', directory, () => mkdirSync(directory, { recursive: true }));
  const verity = secure ? 'required' : probeVerity(staging, repository) ? 'enabled' : 'none';
  if (onlyMissingFrom === undefined) return { directory, staging, algorithm, verity };
  repository.elsewhere = `${onlyMissingFrom}/objects`;
  return { directory, staging, algorithm, verity, without: repository.elsewhere };
}

function announceSecurity(session: Session, { secure }: Repository, { verity }: ObjectTarget): void {
  if (secure) return;
  const message =
    verity === 'none'
      ? 'the file system has no fs-verity: the repository is insecure, and only repo fsck notices changed objects'
      : 'the repository is insecure: objects have fs-verity, but hosts will not insist on it';
  session.onWarning({ code: 'REPOSITORY_INSECURE', message });
}

function imageWishes(repository: Repository, { profile, bootable }: EmitOptions): ImageWishes {
  return {
    profile: hostProfile(profile ?? DEFAULT_PROFILE),
    formats: repository.formats,
    bootable: bootable ?? 'auto',
  };
}

/** Stores config and manifest, and says which links make everything visible, in order. */
async function emitManifest(
  repository: Repository,
  objects: ObjectWriter,
  image: OpenedImage,
  layers: readonly EmittedLayer[],
  images: readonly EmittedImage[],
): Promise<WantedLink[]> {
  const { manifest, config } = image;
  const layerRefs = new Map<string, VerityDigest>(layers.map(({ diffId, stream }) => [diffId, stream]));
  const madeRefs = imageRefs(images);
  const otherRefs = await otherImageRefs(repository, config.descriptor.digest, madeRefs);
  const configStream = await emitDocument(repository, objects, {
    kind: 'config',
    name: config.descriptor.digest,
    bytes: config.bytes,
    refs: new Map([...layerRefs, ...madeRefs, ...otherRefs]),
  });
  const manifestStream = await emitDocument(repository, objects, {
    kind: 'manifest',
    name: manifest.descriptor.digest,
    bytes: manifest.bytes,
    refs: new Map([[`config:${config.descriptor.digest}`, configStream.digest], ...layerRefs]),
  });
  return [...layers.map(layerLink), ...images.map(imageLink), configStream.link, manifestStream.link];
}

function layerLink({ diffId, stream }: EmittedLayer): WantedLink {
  return { kind: 'entry', category: 'streams', name: streamName('layer', diffId), digest: stream };
}

function imageLink({ digest }: EmittedImage): WantedLink {
  return { kind: 'entry', category: 'images', name: digest, digest };
}

function tagLink(tag: string, { manifest }: OpenedImage): WantedLink {
  const entry = streamName('manifest', manifest.descriptor.digest);
  return { kind: 'ref', category: 'streams', path: `${TAGS}/${encodeTag(tag)}`, entry };
}
