/**
 * `docker-archive:`: what `docker save` writes, old and new. Its `manifest.json` lists images with the members that
 * are their config and layers; there are no descriptors, so an OCI manifest is made up from the members.
 */
import { createHash } from 'node:crypto';
import { display, fromUtf8 } from '../bytes/byte-string.ts';
import { type BlobDigest, blobDigest } from '../bytes/digest.ts';
import { PlanishError, withDetail } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { configPlatform, type ImageConfig, parseImageConfig } from '../oci/config.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { normalizeImageName } from '../oci/image-name.ts';
import { asArray, asName, asObject, asString, formatJson, parseJson } from '../oci/json.ts';
import { buildManifest } from '../oci/manifest.ts';
import { formatLayerMediaType, MEDIA_TYPES } from '../oci/media-types.ts';
import { formatPlatform, type PlatformChoice, samePlatform } from '../oci/platform.ts';
import { type BlobFile, readBlob, readSmallBlob } from './blob-file.ts';
import { type BlobStore, verifyDigest } from './blob-store.ts';
import { type ArchiveOptions, compressionOf, openPlainArchive } from './image-archive.ts';
import type { ImageLayer, OpenedImage } from './opened-image.ts';
import { readTarIndex, type TarIndex } from './tar-index.ts';

/** One image of `manifest.json`: names of members. */
interface DockerImage {
  readonly config: string;
  readonly repoTags: readonly string[];
  readonly layers: readonly string[];
}

/** An archive being read. */
interface Archive {
  readonly file: string;
  readonly reference: string;
  readonly index: TarIndex;
}

const BLOB_NAME = /^(?:\.\/)?blobs\/sha256\/([0-9a-f]{64})$/;
const CONFIG_NAME = /^([0-9a-f]{64})\.json$/;

/**
 * Opens one image of a Docker archive. Throws `ARCHIVE_BAD_LAYOUT`, `NO_SUCH_IMAGE`, `AMBIGUOUS_IMAGE`,
 * `BLOB_MISSING`, `DIGEST_MISMATCH`, `JSON_BAD_DOCUMENT`.
 */
export async function openDockerArchive(
  path: string,
  reference: string,
  name: string | undefined,
  choice: PlatformChoice,
  options: ArchiveOptions = {},
): Promise<OpenedImage> {
  const plain = await openPlainArchive(path, options);
  try {
    const archive = { file: path, reference, index: readTarIndex(plain.blob) };
    const image = selectImage(archive, readImages(archive), name);
    return await assemble(archive, image, choice, () => plain.close());
  } catch (error) {
    plain.close();
    throw withDetail(error, { file: path });
  }
}

function readImages(archive: Archive): readonly DockerImage[] {
  const blob = archive.index.find('manifest.json');
  if (blob === undefined) {
    throw new PlanishError('ARCHIVE_BAD_LAYOUT', 'there is no manifest.json, so this is no Docker archive', {
      hint: 'a flat tree is tar:FILE, a layout oci-archive:FILE',
    });
  }
  const list = parseJson(readSmallBlob(blob, LIMITS.jsonBytes), 'manifest.json');
  return asArray(list, 'manifest.json', 'indexManifests').map(parseDockerImage);
}

function parseDockerImage(value: unknown, ordinal: number): DockerImage {
  const where = `manifest.json[${ordinal}]`;
  const object = asObject(value, where);
  const tags = asArray(object['RepoTags'], `${where}.RepoTags`, 'indexManifests');
  const layers = asArray(object['Layers'], `${where}.Layers`, 'imageLayers');
  return {
    config: asName(object['Config'], `${where}.Config`),
    repoTags: tags.map((tag, at) => asString(tag, `${where}.RepoTags[${at}]`)),
    layers: layers.map((layer, at) => asName(layer, `${where}.Layers[${at}]`)),
  };
}

/** By name, or the only one. Names are compared in their normal form. */
function selectImage(
  archive: Archive,
  images: readonly DockerImage[],
  name: string | undefined,
): DockerImage {
  const wanted = name === undefined ? undefined : normalizeImageName(name);
  const matches = images.filter(
    (image) => wanted === undefined || image.repoTags.some((tag) => normalizeImageName(tag) === wanted),
  );
  const [first] = matches;
  const same = matches.every((image) => image.config === first?.config);
  if (first !== undefined && same) return first;
  const missing = matches.length === 0;
  const said = missing ? 'holds no image of that name' : 'holds several images';
  throw new PlanishError(missing ? 'NO_SUCH_IMAGE' : 'AMBIGUOUS_IMAGE', `${archive.reference} ${said}`, {
    expected: name,
    actual: listTags(images),
    hint: 'name one: docker-archive:FILE:NAME[:TAG]',
  });
}

function listTags(images: readonly DockerImage[]): string {
  const tags = images.flatMap((image) => (image.repoTags.length > 0 ? image.repoTags : ['unnamed']));
  const shown = tags.slice(0, 16).map((tag) => display(fromUtf8(tag)));
  return shown.length === 0 ? 'no image at all' : `${shown.join(', ')}${tags.length > 16 ? ' and more' : ''}`;
}

async function assemble(
  archive: Archive,
  image: DockerImage,
  choice: PlatformChoice,
  close: () => void,
): Promise<OpenedImage> {
  const config = readDockerConfig(archive, image.config);
  checkPlatform(archive, config.document, choice);
  const layers = await locateLayers(archive, image, config.document);
  const document = buildManifest({
    config: config.descriptor,
    layers: layers.map((layer) => layer.descriptor),
  });
  const bytes = formatJson(document);
  const descriptor = describe(MEDIA_TYPES.ociManifest, sha256(bytes), bytes.length);
  const blobs = new Map(layers.map((layer) => [layer.descriptor.digest, layer.blob]));
  blobs.set(config.descriptor.digest, findMember(archive, image.config, 'config'));
  const store: BlobStore = { ...archive, find: (digest) => blobs.get(digest) };
  return {
    kind: 'image',
    reference: archive.reference,
    name: image.repoTags[0],
    manifest: { descriptor, document, bytes },
    config,
    layers,
    manifestAnnotations: {},
    store,
    close,
  };
}

/** The config; where the name of its member is a digest, it must have it. */
function readDockerConfig(archive: Archive, name: string): OpenedImage['config'] {
  const blob = findMember(archive, name, 'config');
  const bytes = readSmallBlob(blob, LIMITS.jsonBytes);
  const claimed = (BLOB_NAME.exec(name) ?? CONFIG_NAME.exec(name))?.[1];
  if (claimed !== undefined) verifyDigest(bytes, blobDigest('sha256', claimed), 'config', archive.file);
  const descriptor = describe(MEDIA_TYPES.ociConfig, sha256(bytes), bytes.length);
  return { descriptor, document: parseImageConfig(bytes, `config ${display(fromUtf8(name))}`), bytes };
}

function checkPlatform(archive: Archive, config: ImageConfig, choice: PlatformChoice): void {
  const actual = configPlatform(config);
  if (choice.wanted === undefined || samePlatform(actual, choice.wanted)) return;
  throw new PlanishError(
    'NO_SUCH_IMAGE',
    `${archive.reference} holds no image for ${formatPlatform(choice.wanted)}`,
    { expected: formatPlatform(choice.wanted), actual: formatPlatform(actual) },
  );
}

async function locateLayers(
  archive: Archive,
  image: DockerImage,
  config: ImageConfig,
): Promise<readonly ImageLayer[]> {
  const ids = config.rootfs.diff_ids;
  if (ids.length !== image.layers.length) {
    throw new PlanishError('JSON_BAD_DOCUMENT', 'manifest.json and config count different layers', {
      expected: ids.length,
      actual: image.layers.length,
    });
  }
  const layers: ImageLayer[] = [];
  for (const [ordinal, diffId] of ids.entries()) {
    layers.push(await locateLayer(archive, image.layers[ordinal] ?? '', diffId));
  }
  return layers;
}

/** An uncompressed layer has its diffID for a digest; of a compressed one the digest is in its name, or computed. */
async function locateLayer(archive: Archive, name: string, diffId: BlobDigest): Promise<ImageLayer> {
  const blob = findMember(archive, name, 'layer');
  const compression = compressionOf(blob);
  const named = BLOB_NAME.exec(name)?.[1];
  const said = named === undefined ? undefined : blobDigest('sha256', named);
  const claimed = compression === 'none' ? diffId : said;
  const digest = claimed ?? (await hashBlob(blob));
  return { descriptor: describe(formatLayerMediaType(compression), digest, blob.size), diffId, blob };
}

function findMember(archive: Archive, name: string, what: string): BlobFile {
  const blob = archive.index.find(name);
  if (blob !== undefined) return blob;
  throw new PlanishError('BLOB_MISSING', `${what} ${display(fromUtf8(name))} is not in the archive`);
}

async function hashBlob(blob: BlobFile): Promise<BlobDigest> {
  const hash = createHash('sha256');
  for await (const chunk of readBlob(blob)) hash.update(chunk);
  return blobDigest('sha256', hash.digest('hex'));
}

function sha256(bytes: Uint8Array): BlobDigest {
  return blobDigest('sha256', createHash('sha256').update(bytes).digest('hex'));
}

function describe(mediaType: string, digest: BlobDigest, size: number): Descriptor {
  return { mediaType, digest, size };
}
