/** Images and artifacts of a repository: by tag or digest, their documents, their layers. */
import { createHash } from 'node:crypto';
import { type BlobDigest, blobDigest, isBlobDigest, type VerityDigest } from '../bytes/digest.ts';
import { PlanishError, withDetail } from '../errors.ts';
import { type ImageConfig, parseImageConfig } from '../oci/config.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Manifest, parseManifest } from '../oci/manifest.ts';
import { documentKind, layerMediaType } from '../oci/media-types.ts';
import {
  decodeTag,
  encodeTag,
  isImageRefName,
  MANIFEST_PREFIX,
  REFERRERS,
  streamName,
  TAGS,
} from './names.ts';
import type { ObjectStore } from './object-store.ts';
import type { Repository } from './repository.ts';
import { findStream, type ReadDocument, readDocumentOf, readStream } from './streams.ts';

/** A reference of the repository. */
export interface RepositoryRef {
  /** As a person names it. */
  readonly name: string;
  /** Below `refs`. */
  readonly path: string;
  /** Entry that it leads to. */
  readonly entry: string;
}

/** An image, or an artifact. */
export interface RepositoryImage {
  readonly digest: BlobDigest;
  readonly manifest: Manifest;
  readonly manifestStream: ReadDocument;
  readonly configStream: ReadDocument;
  /** Absent for artifacts. */
  readonly config: ImageConfig | undefined;
  /** Splitstreams of layers, in the manifest's order; named by diffID, or by digest where there is no config. */
  readonly layers: readonly { readonly name: BlobDigest; readonly stream: VerityDigest }[];
  /** EROFS images by the name that the config's stream has for them. */
  readonly images: ReadonlyMap<string, VerityDigest>;
}

/** All tags, in byte order of their files. Throws `REPOSITORY_BAD`. */
export function listTags(repository: Repository): RepositoryRef[] {
  return listRefs(repository, TAGS, 1).map((ref) => ({ ...ref, name: decodeTag(ref.name) }));
}

/** Artifacts that refer to a manifest. */
export function listReferrers(repository: Repository, subject: string): RepositoryRef[] {
  return listRefs(repository, `${REFERRERS}/${encodeTag(subject)}`, 1);
}

/** Subjects of which the repository has referrers. */
export function listSubjects(repository: Repository): string[] {
  const entries = repository.list(`streams/refs/${REFERRERS}`);
  return entries.filter(({ kind }) => kind === 'directory').map(({ name }) => decodeTag(name));
}

/** Every reference of a category below a path, at any depth up to `depth`. */
export function listRefs(
  repository: Repository,
  top: string,
  depth = 16,
  category: 'streams' | 'images' = 'streams',
): RepositoryRef[] {
  const found: RepositoryRef[] = [];
  const pending: { readonly path: string; readonly left: number }[] = [{ path: top, left: depth }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    for (const { name, kind } of repository.list(`${category}/refs/${next.path}`)) {
      const path = next.path === '' ? name : `${next.path}/${name}`;
      if (kind === 'directory' && next.left > 1) pending.push({ path, left: next.left - 1 });
      const entry = kind === 'link' ? repository.findRef(category, path) : undefined;
      if (entry !== undefined) found.push({ name, path, entry });
    }
  }
  return found.sort((a, b) => Buffer.compare(Buffer.from(a.path), Buffer.from(b.path)));
}

/**
 * The digest of the manifest that a text names: a tag, `@DIGEST` or a bare digest. Throws `NO_SUCH_IMAGE`,
 * `REPOSITORY_BAD`.
 */
export function resolveManifest(repository: Repository, text: string): BlobDigest {
  const bare = text.startsWith('@') ? text.slice(1) : text;
  const tagged = text.startsWith('@')
    ? undefined
    : repository.findRef('streams', `${TAGS}/${encodeTag(text)}`);
  const entry = tagged ?? streamName('manifest', bare);
  const digest = entry.slice(MANIFEST_PREFIX.length);
  if (entry.startsWith(MANIFEST_PREFIX) && isBlobDigest(digest) && hasStream(repository, entry))
    return digest;
  throw new PlanishError('NO_SUCH_IMAGE', 'the repository has no such image', {
    file: repository.path,
    expected: text,
    hint: 'planish repo ls tells what it has',
  });
}

function hasStream(repository: Repository, entry: string): boolean {
  return repository.findEntry('streams', entry) !== undefined;
}

/**
 * Opens an image by its manifest's digest; both documents are held to the digests that name them. Throws
 * `NO_SUCH_IMAGE`, `REPOSITORY_BAD`, `DIGEST_MISMATCH`, and what reading streams and documents throws.
 */
export async function openRepositoryImage(
  repository: Repository,
  digest: BlobDigest,
): Promise<RepositoryImage> {
  const opened = await findStream(repository, streamName('manifest', digest), 'manifest');
  if (opened === undefined) {
    throw new PlanishError('NO_SUCH_IMAGE', 'the repository has no such manifest', { expected: digest });
  }
  return await assemble(repository, digest, await readDocumentOf(repository, opened));
}

async function assemble(
  store: ObjectStore,
  digest: BlobDigest,
  manifestStream: ReadDocument,
): Promise<RepositoryImage> {
  verifyDocument(manifestStream, digest, store);
  const manifest = parseManifest(manifestStream.bytes, `manifest ${digest}`);
  const { digest: configDigest } = manifest.config;
  const configRef = namedRef(manifestStream, `config:${configDigest}`);
  const configStream = await readDocumentOf(store, await readStream(store, configRef, 'config'));
  verifyDocument(configStream, configDigest, store);
  const config = isImage(manifest)
    ? parseImageConfig(configStream.bytes, `config ${configDigest}`)
    : undefined;
  return {
    digest,
    manifest,
    manifestStream,
    configStream,
    config,
    layers: layersOf(manifest, manifestStream, configStream, config),
    images: imagesOf(configStream),
  };
}

/** Signatures of cosign have the type of an image's config, and layers of types of their own. */
function isImage({ config, layers }: Manifest): boolean {
  const isLayer = ({ mediaType }: Descriptor): boolean => layerMediaType(mediaType) !== undefined;
  return documentKind(config.mediaType) === 'config' && layers.every(isLayer);
}

function layersOf(
  manifest: Manifest,
  manifestStream: ReadDocument,
  configStream: ReadDocument,
  config: ImageConfig | undefined,
): RepositoryImage['layers'] {
  const names = config?.rootfs.diff_ids ?? manifest.layers.map((layer) => layer.digest);
  if (names.length !== manifest.layers.length) {
    throw new PlanishError('REPOSITORY_BAD', 'manifest and config differ in their number of layers', {
      expected: manifest.layers.length,
      actual: names.length,
    });
  }
  const holder = config === undefined ? manifestStream : configStream;
  return names.map((name) => ({ name, stream: namedRef(holder, name) }));
}

function imagesOf({ stream }: ReadDocument): Map<string, VerityDigest> {
  return new Map([...stream.namedRefs].filter(([name]) => isImageRefName(name)));
}

function namedRef({ stream, digest }: ReadDocument, name: string): VerityDigest {
  const found = stream.namedRefs.get(name);
  if (found !== undefined) return found;
  throw new PlanishError('REPOSITORY_BAD', `a stream does not say where ${name} is`, { file: digest });
}

/** Refuses a document that has not the digest that names it. */
function verifyDocument(document: ReadDocument, expected: BlobDigest, store: ObjectStore): void {
  const actual = blobDigest('sha256', createHash('sha256').update(document.bytes).digest('hex'));
  if (actual === expected) return;
  throw withDetail(
    new PlanishError('DIGEST_MISMATCH', 'a document has not the digest that names it', { expected, actual }),
    { file: store.pathOf(document.digest) },
  );
}
