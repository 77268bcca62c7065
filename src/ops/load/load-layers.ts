/** Layers of an image as they are read: measured, or for their entries alone. */
import type { BlobDigest, HashAlgorithm } from '../../bytes/digest.ts';
import type { CompressionKind } from '../../compress/kind.ts';
import type { BlobFile } from '../../io/blob-file.ts';
import { bringBlob } from '../../io/late-blob.ts';
import type { IngestRequest } from '../../layer/ingest.ts';
import type { LayerIndex, LayerListing } from '../../layer/layer-index.ts';
import type { ContentFile } from '../../parallel/content-file.ts';
import { rangesOf, spansOf } from '../../parallel/content-ranges.ts';
import type { Spool } from '../../parallel/spool.ts';
import type { Content } from '../../tree/tree.ts';
import type { Session } from '../session.ts';
import { LayerContents } from './layer-contents.ts';
import { LayerReader, listing, measuring } from './layer-reader.ts';

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
export interface ReadLayersOptions {
  /**
   * Keep the uncompressed tars readable until the session ends; `lazily`: once they are made ready; `few`: the same, of so
   * few contents that nothing is kept while layers are read.
   */
  readonly contents: boolean | 'lazily' | 'few';
  /** Names of entries whose contents shall be at hand in the layers' index; see {@link IngestRequest.keep}. */
  readonly keep?: RegExp | undefined;
}

/** How layers are read and measured. */
export interface LoadLayersOptions extends ReadLayersOptions {
  readonly algorithm: HashAlgorithm;
  /** Whether a layer that is not what its descriptor promises is an error; default true. Else no cache is used. */
  readonly enforce?: boolean | undefined;
}

/** Layers in their order, and where their contents are read. */
export interface LoadedLayers<L extends LayerListing = LayerIndex> {
  readonly layers: readonly L[];
  /** Row i is where the contents of layer i are read; empty when not wanted. */
  readonly contents: readonly ContentFile[];
  /** To be called before contents that were loaded lazily are read. */
  readonly makeReady: LayerContents['makeReady'];
  readonly makeReadyAndKeep: LayerContents['makeReadyAndKeep'];
}

/** Reads the layers whole, verifies and measures them. */
export async function loadLayers(
  session: Session,
  inputs: readonly LayerInput[],
  options: LoadLayersOptions,
): Promise<LoadedLayers> {
  return await readAll(
    new LayerReader(session, inputs, options, measuring(session, inputs, options)),
    inputs,
  );
}

/**
 * Reads the layers for their entries alone: nothing is measured, and what no digest names is not even read where it is not
 * compressed. `algorithm` is that of digests which may be known from before.
 */
export async function listLayers(
  session: Session,
  inputs: readonly LayerInput[],
  options: Omit<LoadLayersOptions, 'enforce'>,
): Promise<LoadedLayers<LayerListing>> {
  return await readAll(new LayerReader(session, inputs, options, listing(session, inputs, options)), inputs);
}

async function readAll<L extends LayerListing>(
  reader: LayerReader<L>,
  inputs: readonly LayerInput[],
): Promise<LoadedLayers<L>> {
  const layers = await reader.read(inputs.map((_, ordinal) => ordinal));
  const { rows, makeReady, makeReadyAndKeep } = reader.contents;
  return { layers, contents: rows, makeReady, makeReadyAndKeep };
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
  await bringBlob(input.blob);
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
