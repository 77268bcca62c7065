/** Reads layers on the pool, each once or, where the cache knows it, not at all. */

import { bringBlob, bringBlobs } from '../../io/late-blob.ts';
import { isReadByPosition, listBlob } from '../../io/list-blob.ts';
import { decodeIndex, decodeListing, type IndexPlace } from '../../layer/index-codec.ts';
import type { ListRequest } from '../../layer/ingest.ts';
import type { LayerIndex, LayerListing, ReadLayer } from '../../layer/layer-index.ts';
import type { Pool } from '../../parallel/pool.ts';
import type { Spool, Windows } from '../../parallel/spool.ts';
import type { IngestedLayer } from '../../parallel/tasks.ts';
import type { Content } from '../../tree/tree.ts';
import type { Session } from '../session.ts';
import { cacheName, recallIndex, recallKept, rememberIndex } from './cached-layers.ts';
import { LayerContents } from './layer-contents.ts';
import { usualTarSize } from './layer-size.ts';
import type { LayerInput, LoadLayersOptions, ReadLayersOptions } from './load-layers.ts';

/** How a layer is read, and what comes of it. */
interface Reading<L extends LayerListing> {
  /** Names in the cache, by layers: of what is read now, and, before it, of what serves as well. */
  readonly names: readonly (readonly (string | undefined)[])[];
  /** Whether what is read is kept under the last of the names. */
  readonly remembers: boolean;
  /** Bytes of tars that must be gone through for a layer. */
  readonly cost: (input: LayerInput) => number;
  readonly run: (pool: Pool, task: ReadTask) => Promise<IngestedLayer>;
  readonly decode: (bytes: Uint8Array, place: IndexPlace) => ReadLayer<L>;
  /** Reads a layer here, where that takes no thread; nothing where it does. */
  readonly readHere?: (task: ReadTask) => Promise<ReadLayer<L>> | undefined;
}

interface ReadTask {
  readonly input: LayerInput;
  readonly request: ListRequest;
  readonly spool: Spool | undefined;
  readonly progress: (bytes: number) => void;
}

/** Layers are read whole, verified and measured. */
export function measuring(
  session: Session,
  inputs: readonly LayerInput[],
  { algorithm, keep, enforce = true }: LoadLayersOptions,
): Reading<LayerIndex> {
  const name = (input: LayerInput): string | undefined =>
    enforce ? cacheName(session, input, { algorithm, keep }) : undefined;
  return {
    names: inputs.map((input) => [name(input)]),
    remembers: true,
    cost: ({ blob }) => usualTarSize([blob]),
    run: (pool, { input: { blob, diffId }, request, spool, progress }) =>
      pool.run('ingest', { blob, request: { ...request, diffId, algorithm, enforce }, spool }, progress),
    decode: decodeIndex,
  };
}

/**
 * Layers are read for their entries alone; a layer that was measured before serves as well. `also` names further contents
 * to be kept, of what is then not remembered.
 */
export function listing(
  session: Session,
  inputs: readonly LayerInput[],
  { algorithm, keep, also }: Omit<LoadLayersOptions, 'enforce'> & { readonly also?: RegExp | undefined },
): Reading<LayerListing> {
  const name = (input: LayerInput): (string | undefined)[] => [
    cacheName(session, input, { algorithm, keep }),
    cacheName(session, input, { keep }),
  ];
  const both = [keep, also].flatMap((wanted) => wanted ?? []);
  const all =
    both.length < 2 ? both[0] : new RegExp(both.map(({ source }) => `(?:${source})`).join('|'), 's');
  return {
    names: inputs.map(name),
    remembers: also === undefined,
    cost: ({ blob, digest }) => (isReadByPosition(blob, digest) ? 0 : usualTarSize([blob])),
    run: (pool, { input: { blob }, request, spool, progress }) =>
      pool.run('list', { blob, request: { ...request, keep: all }, spool }, progress),
    decode: decodeListing,
    readHere: ({ input: { blob, digest }, request, progress }) =>
      isReadByPosition(blob, digest)
        ? listBlob(blob, { ...request, keep: all }, { progress, pause: session.pause })
        : undefined,
  };
}

/** See the module. Layers may be read a few at a time, each once. */
export class LayerReader<L extends LayerListing> {
  readonly contents: LayerContents;
  readonly #session: Session;
  readonly #inputs: readonly LayerInput[];
  readonly #options: ReadLayersOptions;
  readonly #reading: Reading<L>;
  /** Bytes done, by layers. */
  readonly #done: number[];

  constructor(
    session: Session,
    inputs: readonly LayerInput[],
    options: ReadLayersOptions,
    reading: Reading<L>,
  ) {
    this.#session = session;
    this.#inputs = inputs;
    this.#options = options;
    this.#reading = reading;
    this.#done = inputs.map(() => 0);
    // What is kept of contents beyond indexes does not depend on how those were made.
    this.contents = new LayerContents(
      session,
      inputs,
      reading.names.map(([first]) => first),
    );
  }

  /**
   * Reads some layers, the largest first so that no thread ends up alone with it. Warnings are passed on in the order of
   * layers, whatever finished first.
   */
  async read(ordinals: readonly number[]): Promise<L[]> {
    const session = this.#session;
    const inputs = ordinals.map((ordinal) => this.#input(ordinal));
    if (inputs.some(({ claimed }) => claimed === 'zstd')) await session.announceZstd();
    const read = await this.#readAll(ordinals);
    // A tar on its own, or a wrong media type, says only now how it was compressed.
    if (read.some(({ index }) => index.compression === 'zstd')) await session.announceZstd();
    for (const { warnings } of read) warnings.forEach(session.onWarning);
    const layers = read.map(({ index }) => index);
    if (this.#options.contents === true) await this.contents.makeReady(contentsOf(layers));
    return layers;
  }

  async #readAll(ordinals: readonly number[]): Promise<ReadLayer<L>[]> {
    const known = new Map(ordinals.map((ordinal) => [ordinal, this.#recall(ordinal)]));
    const unknown = ordinals.filter((ordinal) => known.get(ordinal) === undefined);
    const cost = unknown.reduce((sum, ordinal) => sum + this.#reading.cost(this.#input(ordinal)), 0);
    const pool = this.#session.poolFor(cost);
    await this.#bring(unknown);
    // Spools are opened in the order of layers, so that an error is always the same one.
    const spools = new Map(ordinals.map((ordinal) => [ordinal, this.#place(ordinal, known.get(ordinal))]));
    const results = new Map<number, Promise<ReadLayer<L>>>();
    for (const ordinal of this.#bySizeDescending(ordinals)) {
      const result = known.get(ordinal);
      if (result !== undefined) this.#done[ordinal] = result.index.size;
      results.set(
        ordinal,
        result === undefined ? this.#read(pool, ordinal, spools.get(ordinal)) : Promise.resolve(result),
      );
    }
    return await Promise.all(ordinals.map((ordinal) => results.get(ordinal) as Promise<ReadLayer<L>>));
  }

  #input(ordinal: number): LayerInput {
    return this.#inputs[ordinal] as LayerInput;
  }

  #recall(ordinal: number): ReadLayer<L> | undefined {
    for (const name of this.#reading.names[ordinal] ?? []) {
      if (name === undefined) continue;
      const found = recallIndex(this.#session, name, this.#input(ordinal), ordinal, this.#reading.decode);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Layers whose compression is looked at before they are read must be here; others come one by one. */
  async #bring(unknown: readonly number[]): Promise<void> {
    const { contents } = this.#options;
    if (contents === false || contents === 'few') return;
    await bringBlobs(unknown.map((ordinal) => this.#input(ordinal).blob));
  }

  /** Opens the spool that is to be filled while a layer is read, if one is. */
  #place(ordinal: number, known: ReadLayer<L> | undefined): Spool | undefined {
    const { contents } = this.#options;
    if (contents === false || (contents === 'few' && known === undefined)) return undefined;
    if (known === undefined) return this.contents.open(ordinal);
    const kept = recallKept(this.#session, this.#reading.names[ordinal]?.[0] ?? '', ordinal);
    this.contents.hold(ordinal, new Map([...known.index.kept, ...kept]));
    return undefined;
  }

  #bySizeDescending(ordinals: readonly number[]): number[] {
    const sizeOf = (ordinal: number): number => this.#input(ordinal).blob.size;
    return [...ordinals].sort((a, b) => sizeOf(b) - sizeOf(a) || a - b);
  }

  async #read(pool: Pool, ordinal: number, spool: Spool | undefined): Promise<ReadLayer<L>> {
    const input = this.#input(ordinal);
    const { digest, size, claimed, globalHeaders, blob } = input;
    const known = { digest, size, claimed, globalHeaders };
    const request: ListRequest = { ...known, ordinal, source: ordinal, keep: this.#options.keep };
    const progress = (bytes: number): void => this.#report(ordinal, bytes);
    const task = { input, request, spool, progress };
    await bringBlob(blob);
    const here = await this.#reading.readHere?.(task);
    const { windows, ...result } =
      here === undefined ? await this.#readOnPool(pool, ordinal, task) : { ...here, windows: undefined };
    progress(blob.size);
    if (this.#options.contents === 'few') this.contents.holdFew(ordinal, result.index);
    else this.contents.fill(ordinal, spool, windows, result.index.kept);
    return result;
  }

  async #readOnPool(
    pool: Pool,
    ordinal: number,
    task: ReadTask,
  ): Promise<ReadLayer<L> & { readonly windows: Windows | undefined }> {
    const { index, windows } = await this.#reading.run(pool, task);
    const name = this.#reading.names[ordinal]?.at(-1);
    if (name !== undefined && this.#reading.remembers) rememberIndex(this.#session, name, ordinal, index);
    return { ...this.#reading.decode(index, { source: ordinal, ordinal }), windows };
  }

  #report(ordinal: number, bytes: number): void {
    this.#done[ordinal] = bytes;
    const done = this.#done.reduce((a, b) => a + b, 0);
    const total = this.#inputs.reduce((sum, { blob }) => sum + blob.size, 0);
    this.#session.onProgress({ stage: 'read', done, total, unit: 'bytes' });
  }
}

function contentsOf(layers: readonly LayerListing[]): Content[] {
  return layers.flatMap(({ entries }) => entries.flatMap(({ content }) => content ?? []));
}
