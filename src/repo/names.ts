/** Names inside a composefs repository: of objects, of streams, of references (composefs-rs 0.9.4). */
import { DIGEST_BYTES, type HashAlgorithm, type VerityDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';

/** Content types of splitstreams. */
export const CONTENT_TYPES = {
  layer: 'ocilayer',
  config: 'ociconfg',
  manifest: 'ocimanif',
  blob: 'oci_blob',
} as const;

/** Kinds of stream by the content type in their header. */
export type StreamKind = keyof typeof CONTENT_TYPES;

/** Directories with symbolic links: to objects at their top, to those links below `refs`. */
export const CATEGORIES = ['images', 'streams'] as const;

/** One of {@link CATEGORIES}. */
export type Category = (typeof CATEGORIES)[number];

/** Name of a stream: `oci-layer-sha256:…` and so on. Blobs of artifacts are kept as layers are. */
export function streamName(kind: StreamKind, digest: string): string {
  return `oci-${kind === 'blob' ? 'layer' : kind}-${digest}`;
}

/** What the streams of manifests begin with. */
export const MANIFEST_PREFIX: string = streamName('manifest', '');

/** Below `streams/refs`: tags, and artifacts that refer to an image. */
export const TAGS = 'oci';
export const REFERRERS = 'oci-referrers';

/** A tag as a file name: `%` and `/` are written `%25` and `%2F`, nothing else is changed. */
export function encodeTag(tag: string): string {
  return tag.replaceAll('%', '%25').replaceAll('/', '%2F');
}

/** The inverse of {@link encodeTag}; what is no escape stands for itself. */
export function decodeTag(name: string): string {
  return name.replace(/%(25|2F)/g, (_, code: string) => (code === '25' ? '%' : '/'));
}

/** Longest name of a file, in bytes. */
const NAME_MAX = 255;

/** Refuses what can't be a tag. Throws `BAD_OPTION`. */
export function checkTag(tag: string): string {
  const encoded = encodeTag(tag);
  const tooLong = Buffer.byteLength(encoded) > NAME_MAX;
  if (tag !== '' && tag !== '.' && tag !== '..' && !tag.startsWith('@') && !tag.includes('\0') && !tooLong)
    return tag;
  throw new PlanishError('BAD_OPTION', 'a tag is a name of at most 255 bytes that does not begin with @', {
    actual: tag.slice(0, 80),
  });
}

/** Path of an object below `objects`: two hexadecimal digits, a slash, the others. */
export function objectPath(digest: VerityDigest): string {
  return `${digest.slice(0, 2)}/${digest.slice(2)}`;
}

/** Text of the link of an image or stream to its object. */
export function objectLink(digest: VerityDigest): string {
  return `../objects/${objectPath(digest)}`;
}

const OBJECT_LINK = /^\.\.\/(?:\.\.\/)*(?:objects\/)([0-9a-f]{2})\/([0-9a-f]+)$/;

/** The object that a link of `images` or `streams` names, or `undefined` where it names none of the algorithm. */
export function parseObjectLink(text: string, algorithm: HashAlgorithm): VerityDigest | undefined {
  const match = OBJECT_LINK.exec(text);
  const digest = match === null ? '' : `${match[1]}${match[2]}`;
  return isObjectName(digest, algorithm) ? digest : undefined;
}

/** Whether a text is the digest of an object of the algorithm. */
export function isObjectName(text: string, algorithm: HashAlgorithm): text is VerityDigest {
  return text.length === 2 * DIGEST_BYTES[algorithm] && /^[0-9a-f]+$/.test(text);
}

/** Text of a link below `refs` at a path of names, to an entry of its category. */
export function refLink(path: string, entry: string): string {
  return `${'../'.repeat(path.split('/').length)}${entry}`;
}

/** The entry that a link below `refs` names: it goes up to its category and no further. `undefined` for any other. */
export function parseRefLink(path: string, text: string): string | undefined {
  const up = '../'.repeat(path.split('/').length);
  const entry = text.startsWith(up) ? text.slice(up.length) : '';
  return entry === '' || entry.includes('/') || entry === '..' || entry === '.' ? undefined : entry;
}

/** Name under which the config of an image has its EROFS image, by what was digested and the format. */
export function imageRefName(kind: 'plain' | 'bootable', format: 0 | 1 | 2): string {
  return `composefs.image${kind === 'bootable' ? '.boot' : ''}${format === 2 ? '' : '.v1'}`;
}

/** Whether a name in a config's stream is that of an EROFS image and not of a layer. */
export function isImageRefName(name: string): boolean {
  return name === 'composefs.image' || name.startsWith('composefs.image.');
}
