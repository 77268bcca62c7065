/** Reads all layers of an image on the pool, each once or, where the cache knows it, not at all. */
import type { BlobDigest, HashAlgorithm } from '../../bytes/digest.ts';
import type { CompressionKind } from '../../compress/kind.ts';
import type { BlobFile } from '../../io/blob-file.ts';
import { decodeIndex } from '../../layer/index-codec.ts';
import type { IngestRequest, IngestResult } from '../../layer/ingest.ts';
import type { LayerIndex } from '../../layer/layer-index.ts';
import type { ContentFile } from '../../parallel/content-file.ts';
import { rangesOf, spansOf } from '../../parallel/content-ranges.ts';
import type { Pool } from '../../parallel/pool.ts';
import type { Spool } from '../../parallel/spool.ts';
import type { Content } from '../../tree/tree.ts';
import type { Session } from '../session.ts';
import { cacheName, recallIndex, recallKept, rememberIndex } from './cached-layers.ts';
import { LayerContents } from './layer-contents.ts';
import { usualTarSize } from './layer-size.ts';

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
  /** Keep the uncompressed tars readable until the session ends; `lazily`: once they are made ready. */
  readonly contents: boolean | 'lazily';
  /** Names of entries whose contents shall be at hand in the layers' index; see {@link IngestRequest.keep}. */
  readonly keep?: RegExp | undefined;
  /** Whether a layer that is not what its descriptor promises is an error; default true. Else no cache is used. */
  readonly enforce?: boolean | undefined;
}

/** Layers in their order, and where their contents are read. */
export interface LoadedLayers {
  readonly layers: readonly LayerIndex[];
  /** Row i is where the contents of layer i are read; empty when not wanted. */
  readonly contents: readonly ContentFile[];
  /** To be called before contents that were loaded lazily are read. */
  readonly makeReady: LayerContents['makeReady'];
  readonly makeReadyAndKeep: LayerContents['makeReadyAndKeep'];
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
  const names = inputs.map((input) =>
    options.enforce === false ? undefined : cacheName(session, input, options),
  );
  const contents = new LayerContents(session, inputs, names);
  const known = inputs.map((input, ordinal) => recall(session, input, ordinal, names[ordinal]));
  const pool = session.poolFor(usualTarSize(unknownBlobs(inputs, known)));
  const load: LoadState = { session, pool, inputs, options, names, contents, known };
  const ingested = await ingestAll(load);
  // A tar on its own, or a wrong media type, says only now how it was compressed.
  if (ingested.some(({ index }) => index.compression === 'zstd')) await session.announceZstd();
  for (const { warnings } of ingested) warnings.forEach(session.onWarning);
  const layers = ingested.map(({ index }) => index);
  if (options.contents === true) await contents.makeReady(contentsOf(layers));
  const { rows, makeReady, makeReadyAndKeep } = contents;
  return { layers, contents: rows, makeReady, makeReadyAndKeep };
}

interface LoadState {
  readonly session: Session;
  /** Where layers are read. */
  readonly pool: Pool;
  readonly inputs: readonly LayerInput[];
  readonly options: LoadLayersOptions;
  readonly names: readonly (string | undefined)[];
  readonly contents: LayerContents;
  readonly known: readonly (IngestResult | undefined)[];
}

function recall(
  session: Session,
  input: LayerInput,
  ordinal: number,
  name: string | undefined,
): IngestResult | undefined {
  return name === undefined ? undefined : recallIndex(session, name, input, ordinal);
}

function unknownBlobs(inputs: readonly LayerInput[], known: LoadState['known']): BlobFile[] {
  return inputs.flatMap(({ blob }, ordinal) => (known[ordinal] === undefined ? [blob] : []));
}

async function ingestAll(load: LoadState): Promise<IngestResult[]> {
  const { session, inputs, known } = load;
  // Spools are opened in the order of layers, so that an error is always the same one.
  const spools = inputs.map((_, ordinal) => place(load, ordinal));
  const done = inputs.map((_, ordinal) => known[ordinal]?.index.size ?? 0);
  const total = inputs.reduce((sum, { blob }) => sum + blob.size, 0);
  const results: Promise<IngestResult>[] = [];
  for (const ordinal of bySizeDescending(inputs)) {
    const progress = (bytes: number): void => {
      done[ordinal] = bytes;
      const sum = done.reduce((a, b) => a + b, 0);
      session.onProgress({ stage: 'read', done: sum, total, unit: 'bytes' });
    };
    const result = known[ordinal];
    results[ordinal] =
      result === undefined ? ingest(load, ordinal, spools[ordinal], progress) : Promise.resolve(result);
  }
  return await Promise.all(results);
}

/** Opens the spool that is to be filled while a layer is read, if one is. */
function place({ session, options, names, contents, known }: LoadState, ordinal: number): Spool | undefined {
  if (options.contents === false) return undefined;
  const result = known[ordinal];
  if (result === undefined) return contents.open(ordinal);
  const kept = recallKept(session, names[ordinal] ?? '', ordinal);
  contents.hold(ordinal, new Map([...result.index.kept, ...kept]));
  return undefined;
}

function bySizeDescending(inputs: readonly LayerInput[]): number[] {
  return inputs
    .map((_, ordinal) => ordinal)
    .sort((a, b) => (inputs[b]?.blob.size ?? 0) - (inputs[a]?.blob.size ?? 0) || a - b);
}

async function ingest(
  { session, pool, inputs, options, names, contents }: LoadState,
  ordinal: number,
  spool: Spool | undefined,
  progress: (bytes: number) => void,
): Promise<IngestResult> {
  const { blob, ...expected } = inputs[ordinal] as LayerInput;
  const { algorithm, keep, enforce = true } = options;
  const request: IngestRequest = { ...expected, ordinal, source: ordinal, algorithm, keep, enforce };
  const { index, windows } = await pool.run('ingest', { blob, request, spool }, progress);
  const name = names[ordinal];
  if (name !== undefined) rememberIndex(session, name, ordinal, index);
  progress(blob.size);
  const result = decodeIndex(index, { source: ordinal, ordinal });
  contents.fill(ordinal, spool, windows, result.index.kept);
  return result;
}

function contentsOf(layers: readonly LayerIndex[]): Content[] {
  return layers.flatMap(({ entries }) => entries.flatMap(({ content }) => content ?? []));
}

/**
 * Where the contents of a layer that was read before can be read again; it is decompressed if it is compressed, and all of
 * it is kept, or what is `wanted`.
 */
export async function spoolLayer(
  session: Session,
  input: LayerInput,
  wanted?: readonly Content[],
): Promise<ContentFile> {
  const contents = new LayerContents(session, [input], []);
  const ranges =
    wanted === undefined ? undefined : rangesOf(wanted.flatMap((content) => [...spansOf(content)]));
  const spool = contents.open(0, ranges);
  if (spool === undefined) return contents.rows[0] as ContentFile;
  const task = { blob: input.blob, promise: { digest: undefined, size: undefined } };
  contents.fill(0, spool, await session.pool.run('unpack', { ...task, spool }), new Map());
  if (contents.rows[0]?.kind !== 'kept') return contents.rows[0] as ContentFile;
  // It is larger than it said: once more, into a file.
  const file: Spool = { kind: 'file', fd: session.openSpool(), ranges };
  await session.pool.run('unpack', { ...task, spool: file });
  return { kind: 'descriptor', fd: file.fd, ranges };
}
