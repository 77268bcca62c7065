/** Config and manifest of an image in a repository: the JSON as it came, each with a stream that ties things together. */
import type { VerityDigest } from '../../bytes/digest.ts';
import { loadZstd } from '../../compress/zstd-load.ts';
import { PlanishError } from '../../errors.ts';
import { computeVerityDigest } from '../../fsverity/digest.ts';
import type { WantedLink } from '../../repo/links.ts';
import { imageRefName, isImageRefName, type StreamKind, streamName } from '../../repo/names.ts';
import type { ObjectWriter } from '../../repo/object-writer.ts';
import type { Repository } from '../../repo/repository.ts';
import { encodeDocumentStream, findStream, type OpenedStream, onlyObject } from '../../repo/streams.ts';
import type { EmittedImage } from './emit-images.ts';

/** A stream that was written. Nothing links to it yet. */
export interface EmittedStream {
  readonly digest: VerityDigest;
  readonly link: WantedLink;
}

/** A document to be stored. */
export interface DocumentToEmit {
  readonly kind: StreamKind;
  /** Digest that names it. */
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly refs: ReadonlyMap<string, VerityDigest>;
}

/** Stores a document and its stream. */
export async function emitDocument(
  repository: Repository,
  objects: ObjectWriter,
  document: DocumentToEmit,
): Promise<EmittedStream> {
  const object = computeVerityDigest(document.bytes, repository.algorithm);
  objects.put(document.bytes, object);
  return await emitDocumentStream(repository, objects, { ...document, object, size: document.bytes.length });
}

/** A document or blob that is an object already. */
export type StoredDocument = Omit<DocumentToEmit, 'bytes'> & {
  readonly object: VerityDigest;
  readonly size: number;
};

/** Stores the stream of a document or blob; one that is there and says the same is kept, whoever wrote it. */
export async function emitDocumentStream(
  repository: Repository,
  objects: ObjectWriter,
  document: StoredDocument,
): Promise<EmittedStream> {
  const name = streamName(document.kind, document.name);
  const known = await knownStream(repository, name, document.kind);
  if (known !== undefined && (await saysTheSame(known, document))) return emitted(name, known.digest);
  const stream = encodeDocumentStream(await loadZstd(), repository, document);
  const digest = computeVerityDigest(stream, repository.algorithm);
  objects.put(stream, digest);
  return emitted(name, digest);
}

function emitted(name: string, digest: VerityDigest): EmittedStream {
  return { digest, link: { kind: 'entry', category: 'streams', name, digest } };
}

async function saysTheSame(opened: OpenedStream, { object, size, refs }: StoredDocument): Promise<boolean> {
  const { namedRefs, objects } = opened.stream;
  if (namedRefs.size !== refs.size || objects.length !== 1 || opened.stream.size !== size) return false;
  for (const [name, digest] of refs) if (namedRefs.get(name) !== digest) return false;
  return (await unlessDamaged(() => onlyObject(opened))) === object;
}

/**
 * Images that the config's stream in the repository names and this run did not make: of other formats and attribute
 * modes. They stay, or a collection would take them away.
 */
export async function otherImageRefs(
  repository: Repository,
  config: string,
  made: ReadonlyMap<string, VerityDigest>,
): Promise<Map<string, VerityDigest>> {
  const others = new Map<string, VerityDigest>();
  const known = await knownStream(repository, streamName('config', config), 'config');
  for (const [name, digest] of known?.stream.namedRefs ?? []) {
    if (isImageRefName(name) && !made.has(name) && repository.objectSize(digest) !== undefined)
      others.set(name, digest);
  }
  return others;
}

/** A stream of the repository. */
async function knownStream(
  repository: Repository,
  name: string,
  kind: StreamKind,
): Promise<OpenedStream | undefined> {
  return await unlessDamaged(() => findStream(repository, name, kind));
}

/** What is damaged in the repository is replaced, as if it were not there. */
async function unlessDamaged<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof PlanishError && error.kind !== 'environment') return undefined;
    throw error;
  }
}

/** Names under which a config's stream has the images. */
export function imageRefs(images: readonly EmittedImage[]): Map<string, VerityDigest> {
  return new Map(images.map(({ kind, format, digest }) => [imageRefName(kind, format), digest]));
}
