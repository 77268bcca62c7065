/** Layers of an image into a repository: read from the source where the repository lacks them, else from there. */
import type { BlobDigest, VerityDigest } from '../../bytes/digest.ts';
import { PlanishError, withDetail } from '../../errors.ts';
import type { HostLayer } from '../../host/accept-layer.ts';
import type { OpenedImage } from '../../io/opened-image.ts';
import { streamName } from '../../repo/names.ts';
import { addCounts, type ObjectCounts, type ObjectTarget } from '../../repo/object-writer.ts';
import type { Repository } from '../../repo/repository.ts';
import { findStream, sizeObjects } from '../../repo/streams.ts';
import { layerInputs } from '../load/layer-inputs.ts';
import { usualTarSize } from '../load/layer-size.ts';
import type { LayerInput } from '../load/load-layers.ts';
import type { Session } from '../session.ts';
import { type LayerStorer, layerStorer } from './layer-store.ts';

/** A layer in the repository, and as a host reads it. */
export interface EmittedLayer {
  readonly diffId: BlobDigest;
  /** Digest of its splitstream. */
  readonly stream: VerityDigest;
  /** Whether the repository had it. */
  readonly reused: boolean;
  /** Absent where it was not asked for. */
  readonly host: HostLayer | undefined;
}

/** Where to, and what is counted there. */
export interface EmitContext {
  readonly session: Session;
  readonly repository: Repository;
  readonly target: ObjectTarget;
  readonly counts: ObjectCounts;
  /** Whether the layers shall be had as hosts read them; else none that is there is read through. */
  readonly reading: boolean;
}

/**
 * Brings the layers in, the largest first, several at once, each diffID once. Compression of the source is no matter: what hosts read is
 * the splitstream.
 */
export async function emitLayers(context: EmitContext, image: OpenedImage): Promise<EmittedLayer[]> {
  const { session } = context;
  const inputs = layerInputs(image);
  const absent = inputs.filter(({ diffId }) => !hasLayer(context.repository, diffId as BlobDigest));
  const pool = session.poolFor(usualTarSize(absent.map(({ blob }) => blob)));
  const storer = layerStorer(session, { target: context.target, pool, count: absent.length });
  const work = { progress: new ReadProgress(session, inputs), storer, turns: new Turns() };
  const bySize = inputs.map((_, ordinal) => ordinal);
  bySize.sort((a, b) => (inputs[b]?.blob.size ?? 0) - (inputs[a]?.blob.size ?? 0) || a - b);
  const byDiffId = new Map<string, Promise<EmittedLayer>>();
  const layers: Promise<EmittedLayer>[] = [];
  for (const ordinal of bySize) {
    const input = inputs[ordinal] as LayerInput;
    const key = String(input.diffId);
    const layer = byDiffId.get(key) ?? emitLayer(context, input, ordinal, work);
    byDiffId.set(key, layer);
    layers[ordinal] = layer;
  }
  try {
    return await Promise.all(layers);
  } finally {
    await storer.end();
  }
}

async function emitLayer(
  context: EmitContext,
  input: LayerInput,
  ordinal: number,
  work: LayerWork,
): Promise<EmittedLayer> {
  const diffId = input.diffId as BlobDigest;
  const known = await work.turns.take(() => reuseLayer(context, diffId));
  const layer = known ?? (await storeLayer(context, input, ordinal, work));
  work.progress.report(ordinal, input.blob.size);
  return layer;
}

/** Who stores a layer, and who is told of it. */
interface LayerWork {
  readonly progress: ReadProgress;
  readonly storer: LayerStorer;
  /** Layers that are there are read one after another: this thread does it all, and each needs memory to decompress. */
  readonly turns: Turns;
}

/** Work that is done one after another, in the order in which it was asked for. */
class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Does the work when all before it is done, however that ended. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work);
    this.#last = turn;
    return turn;
  }
}

/** Whether there is an entry of a layer, whatever it leads to. */
function hasLayer(repository: Repository, diffId: BlobDigest): boolean {
  try {
    return repository.findEntry('streams', streamName('layer', diffId)) !== undefined;
  } catch (error) {
    if (error instanceof PlanishError && error.kind !== 'environment') return true;
    throw error;
  }
}

/** The layer as the repository has it; where that is damaged, it is said and the layer is stored anew. */
async function reuseLayer(context: EmitContext, diffId: BlobDigest): Promise<EmittedLayer | undefined> {
  const { repository, session, counts, reading } = context;
  try {
    const opened = await findStream(repository, streamName('layer', diffId), 'layer');
    if (opened === undefined) return undefined;
    const host = reading
      ? await (await import('../../repo/read-layer.ts')).restoreLayer(repository, opened)
      : undefined;
    const objects = host?.objects ?? (await sizeObjects(repository, opened));
    counts.present += objects.size;
    for (const size of objects.values()) counts.presentBytes += size;
    return { diffId, stream: opened.digest, reused: true, host };
  } catch (error) {
    if (!(error instanceof PlanishError) || error.kind === 'environment') throw error;
    const message = `layer ${diffId} in the repository is damaged and is written again: ${error.message}`;
    session.onWarning({ code: 'STREAM_IGNORED', message });
    return undefined;
  }
}

async function storeLayer(
  { session, target, counts }: EmitContext,
  input: LayerInput,
  ordinal: number,
  { progress, storer }: LayerWork,
): Promise<EmittedLayer> {
  const { blob, ...expected } = input;
  const { algorithm } = target;
  const request = { ...expected, ordinal, source: ordinal, algorithm, enforce: true };
  if (input.claimed === 'zstd') await session.announceZstd();
  try {
    const task = { blob, request, target };
    const stored = await storer.store(task, (bytes) => progress.report(ordinal, bytes));
    addCounts(counts, stored.counts);
    return { diffId: stored.index.diffId, stream: stored.stream, reused: false, host: stored.index };
  } catch (error) {
    throw withDetail(error, { layer: String(ordinal) });
  }
}

/** Progress of all layers as one. */
class ReadProgress {
  readonly #session: Session;
  readonly #done: number[];
  readonly #total: number;

  constructor(session: Session, inputs: readonly LayerInput[]) {
    this.#session = session;
    this.#done = inputs.map(() => 0);
    this.#total = inputs.reduce((sum, { blob }) => sum + blob.size, 0);
  }

  report(ordinal: number, bytes: number): void {
    this.#done[ordinal] = bytes;
    const done = this.#done.reduce((a, b) => a + b, 0);
    this.#session.onProgress({ stage: 'read', done, total: this.#total, unit: 'bytes' });
  }
}
