/** Reads all layers of an image on the pool, each once, and keeps their contents within reach where wanted. */

import { realpathSync } from 'node:fs';
import { fromUtf8 } from '../bytes/byte-string.ts';
import type { BlobDigest, HashAlgorithm } from '../bytes/digest.ts';
import { DETECT_BYTES, detectCompression } from '../compress/detect.ts';
import type { CompressionKind } from '../compress/kind.ts';
import { withDetail } from '../errors.ts';
import { type BlobFile, readPart } from '../io/blob-file.ts';
import type { IngestRequest, IngestResult } from '../layer/ingest.ts';
import type { LayerIndex } from '../layer/layer-index.ts';
import type { ContentFile } from '../parallel/content-file.ts';
import type { Session } from './session.ts';

/** A layer to be read. Absent expectations are not checked. */
export interface LayerInput {
  readonly blob: BlobFile;
  readonly digest: BlobDigest | undefined;
  readonly size: number | undefined;
  readonly diffId: BlobDigest | undefined;
  readonly claimed: CompressionKind | undefined;
  readonly globalHeaders: 'apply' | 'ignore';
}

/** How layers are read. */
export interface LoadLayersOptions {
  readonly algorithm: HashAlgorithm;
  /** Keep the uncompressed tars readable until the session ends. */
  readonly contents: boolean;
  /** Names of entries whose contents shall be at hand in the layers' index; see {@link IngestRequest.keep}. */
  readonly keep?: RegExp | undefined;
  /** Whether a layer that is not what its descriptor promises is an error; default true. */
  readonly enforce?: boolean | undefined;
}

/** Layers in their order; `contents[i]` is where the contents of layer i are read, empty when not wanted. */
export interface LoadedLayers {
  readonly layers: readonly LayerIndex[];
  readonly contents: readonly ContentFile[];
}

/**
 * Reads the layers, the largest first so that no thread ends up alone with it. Warnings are passed on in the order of
 * layers, whatever finished first.
 */
export async function loadLayers(
  session: Session,
  inputs: readonly LayerInput[],
  options: LoadLayersOptions,
): Promise<LoadedLayers> {
  if (inputs.some(({ claimed }) => claimed === 'zstd')) await session.announceZstd();
  const contents = options.contents
    ? inputs.map((input, ordinal) => contentFileOf(session, input, ordinal))
    : [];
  const done = inputs.map(() => 0);
  const total = inputs.reduce((sum, { blob }) => sum + blob.size, 0);
  const results: Promise<IngestResult>[] = [];
  for (const ordinal of bySizeDescending(inputs)) {
    const progress = (bytes: number): void => {
      done[ordinal] = bytes;
      const sum = done.reduce((a, b) => a + b, 0);
      session.onProgress({ stage: 'read', done: sum, total, unit: 'bytes' });
    };
    results[ordinal] = ingest(session, inputs, ordinal, options, contents[ordinal], progress);
  }
  const ingested = await Promise.all(results);
  // A tar on its own, or a wrong media type, says only now how it was compressed.
  if (ingested.some(({ index }) => index.compression === 'zstd')) await session.announceZstd();
  for (const { warnings } of ingested) warnings.forEach(session.onWarning);
  return { layers: ingested.map(({ index }) => index), contents };
}

function bySizeDescending(inputs: readonly LayerInput[]): number[] {
  return inputs
    .map((_, ordinal) => ordinal)
    .sort((a, b) => (inputs[b]?.blob.size ?? 0) - (inputs[a]?.blob.size ?? 0) || a - b);
}

async function ingest(
  session: Session,
  inputs: readonly LayerInput[],
  ordinal: number,
  options: LoadLayersOptions,
  content: ContentFile | undefined,
  progress: (bytes: number) => void,
): Promise<IngestResult> {
  const { blob, ...expected } = inputs[ordinal] as LayerInput;
  const { algorithm, keep, enforce = true } = options;
  const request = { ...expected, ordinal, source: ordinal, algorithm, keep, enforce };
  const spool = content?.kind === 'descriptor' ? content.fd : undefined;
  const result = await session.pool.run('ingest', { blob, request, spool }, progress);
  progress(blob.size);
  return result;
}

/** An uncompressed layer is read in place; any other is spooled, uncompressed, to a file without a name. */
function contentFileOf(session: Session, { blob, digest }: LayerInput, ordinal: number): ContentFile {
  const compression = detectLayer(blob, digest ?? String(ordinal));
  if (compression !== 'none') return { kind: 'descriptor', fd: session.openSpool(), base: 0 };
  // Content files are opened without following links, which only the user's own path may be.
  return { kind: 'path', path: fromUtf8(realpathSync(blob.file)), base: blob.offset };
}

function detectLayer(blob: BlobFile, layer: string): CompressionKind {
  try {
    return detectCompression(readPart(blob, 0, DETECT_BYTES));
  } catch (error) {
    throw withDetail(error, { layer });
  }
}

/** Where the contents of a layer that was read before can be read again; it is spooled if it is compressed. */
export async function spoolLayer(
  session: Session,
  input: LayerInput,
  algorithm: HashAlgorithm,
): Promise<ContentFile> {
  const { contents } = await loadLayers(session, [input], { algorithm, contents: true, enforce: false });
  return contents[0] as ContentFile;
}
