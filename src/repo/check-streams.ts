/** Checking streams: splitstreams by their form, documents and layers against what names them. */
import { createHash } from 'node:crypto';
import { type BlobDigest, blobDigest, isBlobDigest, type VerityDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import type { Finding, RepositoryProblem } from './finding.ts';
import { openRepositoryImage, type RepositoryImage } from './images.ts';
import { CONTENT_TYPES, type StreamKind, streamName } from './names.ts';
import { type ObjectPlace, ObjectStore } from './object-store.ts';
import { asDamage } from './reach.ts';
import { ChunkedTar, streamBytes } from './read-layer.ts';
import type { Repository } from './repository.ts';
import { type OpenedStream, readDocumentOf, readStream } from './streams.ts';

/** What a stream's name says. */
export interface StreamTitle {
  readonly kind: StreamKind;
  readonly digest: BlobDigest;
}

/** Kind and digest of a stream by its name; `undefined` for streams of other programs. */
export function parseStreamName(name: string): StreamTitle | undefined {
  for (const kind of ['layer', 'config', 'manifest'] as const) {
    const prefix = streamName(kind, '');
    const digest = name.slice(prefix.length);
    if (name.startsWith(prefix) && isBlobDigest(digest)) return { kind, digest };
  }
  return undefined;
}

/** A layer or blob to be checked, as a thread does it. */
export interface CheckLayerRequest extends ObjectPlace {
  readonly name: string;
  readonly digest: BlobDigest;
  readonly stream: VerityDigest;
}

/**
 * Puts a layer together again and compares its digest with its name; a tar is read as well. Objects must have been
 * measured before.
 */
export async function checkLayer(
  request: CheckLayerRequest,
  progress: (bytes: number) => void,
): Promise<Finding | undefined> {
  const store = new ObjectStore(request);
  const path = `streams/${request.name}`;
  try {
    const opened = await readStream(store, request.stream, undefined);
    const isTar = opened.stream.contentType === CONTENT_TYPES.layer;
    const sizes = isTar ? await sizesInTar(opened) : undefined;
    const hash = createHash('sha256');
    let done = 0;
    for await (const piece of streamBytes(store, opened, sizes)) {
      hash.update(piece);
      done += piece.length;
      progress(done);
    }
    const actual = blobDigest('sha256', hash.digest('hex'));
    if (actual === request.digest) return undefined;
    return { problem: 'layer-diffid', path, message: `its digest is ${actual}`, object: request.stream };
  } catch (error) {
    return findingOf(path, request.stream, asDamage(error), 'layer-bad');
  }
}

/** Sizes of objects as the tar states them; they are looked at when the objects are read. */
async function sizesInTar({ stream }: OpenedStream): Promise<ReadonlyMap<VerityDigest, number>> {
  const tar = new ChunkedTar(() => undefined);
  for await (const chunks of stream.batches()) for (const chunk of chunks) tar.add(chunk);
  tar.finish(stream.size);
  return tar.objects;
}

const PROBLEMS: Partial<Record<PlanishError['code'], RepositoryProblem>> = {
  SPLITSTREAM_BAD: 'stream-bad',
  ZSTD_BAD_DATA: 'stream-bad',
  OBJECT_MISSING: 'object-missing',
  DIGEST_MISMATCH: 'document-digest',
  VERITY_MISMATCH: 'object-digest',
};

/** An error as a finding; `otherwise` is what it is where its code does not say. */
export function findingOf(
  path: string,
  object: VerityDigest | undefined,
  error: PlanishError,
  otherwise: RepositoryProblem,
): Finding {
  const at = error.detail.offset === undefined ? '' : ` at offset ${error.detail.offset}`;
  const actual = error.detail.actual === undefined ? '' : `: ${String(error.detail.actual).slice(0, 160)}`;
  const message = `${error.message}${at}${actual}`;
  return { problem: PROBLEMS[error.code] ?? otherwise, path, message, object };
}

/** What is wrong with the form of a stream, and the stream where it can be read. */
export async function checkStream(
  repository: Repository,
  name: string,
  digest: VerityDigest,
  known: ReadonlyMap<VerityDigest, number>,
): Promise<{ readonly findings: Finding[]; readonly opened: OpenedStream | undefined }> {
  const path = `streams/${name}`;
  try {
    const opened = await readStream(repository, digest, undefined);
    const findings = [...checkKind(path, name, opened), ...checkRefs(path, opened, known)];
    return { findings, opened };
  } catch (error) {
    return { findings: [findingOf(path, digest, asDamage(error), 'stream-bad')], opened: undefined };
  }
}

function checkKind(path: string, name: string, { stream, digest }: OpenedStream): Finding[] {
  const title = parseStreamName(name);
  if (title === undefined) return [];
  const { contentType } = stream;
  const isBlob = title.kind === 'layer' && contentType === CONTENT_TYPES.blob;
  if (isBlob || contentType === CONTENT_TYPES[title.kind]) return [];
  return [{ problem: 'stream-kind', path, message: `its content type is ${contentType}`, object: digest }];
}

function checkRefs(
  path: string,
  { stream }: OpenedStream,
  known: ReadonlyMap<VerityDigest, number>,
): Finding[] {
  const missing = (object: VerityDigest, what: string): Finding => ({
    problem: 'object-missing',
    path,
    message: `${what} is not there or damaged: ${object}`,
    object,
  });
  return [
    ...stream.objects
      .filter((object) => !known.has(object))
      .map((object) => missing(object, 'an object of it')),
    ...[...stream.namedRefs]
      .filter(([, object]) => !known.has(object))
      .map(([name, object]) => missing(object, `what it names ${name.slice(0, 160)}`)),
  ];
}

/** What came of a document: what is wrong, and the layers it names. */
export interface CheckedDocument {
  readonly findings: readonly Finding[];
  readonly layers: RepositoryImage['layers'];
}

/** Checks a document against its name, and what belongs to it. */
export async function checkDocument(
  repository: Repository,
  name: string,
  title: StreamTitle,
  opened: OpenedStream,
): Promise<CheckedDocument> {
  const path = `streams/${name}`;
  try {
    if (title.kind === 'manifest')
      return { findings: [], layers: (await openRepositoryImage(repository, title.digest)).layers };
    await checkConfig(repository, title, opened);
    return { findings: [], layers: [] };
  } catch (error) {
    return { findings: [findingOf(path, opened.digest, asDamage(error), 'document-bad')], layers: [] };
  }
}

/** What a config says of layers is checked with its manifest: alone, it may be anything that an artifact has. */
async function checkConfig(repository: Repository, title: StreamTitle, opened: OpenedStream): Promise<void> {
  const { bytes } = await readDocumentOf(repository, opened);
  const actual = blobDigest('sha256', createHash('sha256').update(bytes).digest('hex'));
  if (actual === title.digest) return;
  const detail = { expected: title.digest, actual };
  throw new PlanishError('DIGEST_MISMATCH', 'a document has not the digest that names it', detail);
}
