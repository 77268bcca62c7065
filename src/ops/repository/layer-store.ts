/** How layers get into a repository: by the C helpers beside this thread where that can be, else on threads of ours. */
import { setImmediate } from 'node:timers/promises';
import { PlanishError } from '../../errors.ts';
import { readBlob } from '../../io/blob-file.ts';
import { bringBlob } from '../../io/late-blob.ts';
import type { IngestResult } from '../../layer/ingest.ts';
import { nativeHelpers } from '../../native/load.ts';
import type { Pool } from '../../parallel/pool.ts';
import type { StoreTask } from '../../parallel/tasks.ts';
import { type ObjectTarget, ObjectWriter } from '../../repo/object-writer.ts';
import type { StoredLayer } from '../../repo/store-layer.ts';
import { canStoreWindows, type WindowHelpers } from '../../repo/window-store.ts';
import type { Session } from '../session.ts';

/** A layer that was stored; what its index holds is that of the layer. */
export type NewLayer = Pick<StoredLayer, 'stream' | 'counts'> & Pick<IngestResult, 'index'>;

/** Stores layers, as many at once as the session has threads. Must be ended, however that is. */
export interface LayerStorer {
  store(task: StoreTask, progress: (bytes: number) => void): Promise<NewLayer>;
  /** Stops what is being stored, and waits until it is. */
  end(): Promise<void>;
}

/**
 * Layers that are decompressed and scanned by one thread as fast as by threads of their own. With more, what the start of
 * those costs is made up for by what they do beside each other.
 */
const LAYERS_AT_ONCE_HERE = 2;

/** Where layers go, and how many there are. */
export interface LayersToStore {
  readonly target: ObjectTarget;
  /** Where they are read that are not read here. */
  readonly pool: Pool;
  readonly count: number;
}

/** For one target. What is written is the same, whichever it is. */
export function layerStorer(session: Session, { target, pool, count }: LayersToStore): LayerStorer {
  const helpers = nativeHelpers();
  const objects = new ObjectWriter(target);
  const isHere = Math.min(pool.width, count) <= LAYERS_AT_ONCE_HERE;
  return isHere && helpers !== undefined && canStoreWindows(helpers) && objects.allowsOthers
    ? new NativeStorer(session, target, helpers, objects)
    : { store: (task, progress) => storeByPool(pool, task, progress), end: async () => undefined };
}

async function storeByPool(
  pool: Pool,
  task: StoreTask,
  progress: (bytes: number) => void,
): Promise<NewLayer> {
  await bringBlob(task.blob);
  const { stream, counts, index: bytes } = await pool.run('store', task, progress);
  const { decodeIndex } = await import('../../layer/index-codec.ts');
  const { ordinal, source } = task.request;
  return { stream, counts, index: decodeIndex(bytes, { ordinal, source }).index };
}

class NativeStorer implements LayerStorer {
  readonly #session: Session;
  readonly #target: ObjectTarget;
  readonly #helpers: WindowHelpers;
  /** Each layer that is being stored has one to itself: it counts what that layer holds. */
  readonly #idle: ObjectWriter[];
  /** Those that may begin as soon as another one is done. */
  readonly #waiting: (() => void)[] = [];
  readonly #running = new Set<Promise<unknown>>();
  #ended = false;

  constructor(session: Session, target: ObjectTarget, helpers: WindowHelpers, objects: ObjectWriter) {
    this.#session = session;
    this.#target = target;
    this.#helpers = helpers;
    this.#idle = [objects];
  }

  async store(task: StoreTask, progress: (bytes: number) => void): Promise<NewLayer> {
    while (this.#running.size >= this.#session.pool.width)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    const storing = this.#store(task, progress);
    this.#running.add(storing);
    try {
      return await storing;
    } finally {
      this.#running.delete(storing);
      this.#waiting.shift()?.();
    }
  }

  async end(): Promise<void> {
    this.#ended = true;
    await Promise.allSettled(this.#running);
  }

  async #store({ blob, request }: StoreTask, progress: (bytes: number) => void): Promise<NewLayer> {
    await this.#pause();
    const { storeLayerHere } = await import('../../repo/store-layer-here.ts');
    const objects = this.#idle.pop() ?? new ObjectWriter(this.#target);
    const place = { target: this.#target, helpers: this.#helpers, objects };
    const sinks = { progress, pause: this.#pause };
    const stored = await storeLayerHere(readBlob(blob, { oneBuffer: true }), request, place, sinks);
    // One that was left in the middle of a layer is not used again.
    this.#idle.push(objects);
    return stored;
  }

  /** Whatever else happens here gets its turn, and an end is noticed. */
  readonly #pause = async (): Promise<void> => {
    await setImmediate();
    this.#session.checkInterrupted();
    if (this.#ended) throw new PlanishError('INTERRUPTED', 'another layer could not be stored');
  };
}
