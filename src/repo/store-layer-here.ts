/**
 * One layer into a repository by the C helpers: this thread decompresses it and reads the headers of its tar, all else is
 * done on threads of libuv's pool. What is written is the same as by `store-layer.ts`, which can do without.
 */
import { loadZstd } from '../compress/zstd-load.ts';
import { computeVerityDigest } from '../fsverity/digest.ts';
import { EntryCollector } from '../layer/entry-collector.ts';
import {
  type IngestRequest,
  type IngestSinks,
  ingestLayerBy,
  type OpenedLayer,
  type TakenLayer,
} from '../layer/ingest.ts';
import { measureBy } from '../layer/measuring.ts';
import { SPLITSTREAM_ZSTD_LEVEL, SplitstreamWriter } from '../splitstream/writer.ts';
import { TarScanner } from '../tar/scanner.ts';
import { CONTENT_TYPES } from './names.ts';
import type { ObjectTarget, ObjectWriter } from './object-writer.ts';
import type { StoredLayer } from './store-layer.ts';
import { TarWindows } from './tar-windows.ts';
import { type WindowHelpers, WindowStore } from './window-store.ts';

/** Where a layer goes. */
export interface StoringHere {
  readonly target: ObjectTarget;
  /** Nobody else's until the layer is stored; it must allow others to write. */
  readonly objects: ObjectWriter;
  readonly helpers: WindowHelpers;
}

/** Reads a layer and stores it, as `storeLayer` does; `pause` is awaited after every window. */
export async function storeLayerHere(
  input: AsyncIterable<Uint8Array>,
  request: IngestRequest,
  { target, objects, helpers }: StoringHere,
  { progress, pause }: Pick<IngestSinks, 'progress' | 'pause'> = {},
): Promise<StoredLayer> {
  const zstd = await loadZstd();
  const { algorithm } = target;
  const stream = new SplitstreamWriter({
    algorithm,
    contentType: CONTENT_TYPES.layer,
    openCompressor: () => zstd.openCompressor(SPLITSTREAM_ZSTD_LEVEL),
  });
  const ingested = await ingestLayerBy(input, request, progress, async (layer) => {
    const store = new WindowStore(helpers, target, { objects, stream, hashed: !layer.isTar });
    try {
      return await takeTar(layer, request, store, pause);
    } finally {
      await store.settle();
    }
  });
  const bytes = stream.finish();
  const digest = computeVerityDigest(bytes, algorithm);
  objects.put(bytes, digest);
  return { ...ingested, stream: digest, counts: objects.takeCounts() };
}

async function takeTar(
  layer: OpenedLayer,
  { source, algorithm }: IngestRequest,
  store: WindowStore,
  pause: IngestSinks['pause'],
): Promise<TakenLayer> {
  const collector = new EntryCollector({ source, measuring: measureBy(algorithm) });
  const windows = new TarWindows(collector, await store.window());
  const scanner = new TarScanner(windows, layer.scanner);
  const turn = async (): Promise<void> => {
    store.take(windows.turn(await store.window()));
    await pause?.();
  };
  for await (const piece of layer.tar(() => windows.room)) {
    for (let taken = 0; taken < piece.length; ) {
      const count = place(piece.subarray(taken), windows.room);
      scanner.push(windows.advance(count));
      taken += count;
      if (windows.room.length === 0) await turn();
    }
  }
  const end = scanner.finish();
  store.take(windows.turn(NO_BYTES));
  const digest = await store.finish();
  const { entries, sparsePath, kept } = collector;
  return { end, digest, entries, sparsePath, kept };
}

const NO_BYTES = new Uint8Array(0);

/** How much of a piece lies in the room: zstd has written it there. */
function place(piece: Uint8Array, room: Uint8Array): number {
  const count = Math.min(piece.length, room.length);
  if (piece.buffer !== room.buffer || piece.byteOffset !== room.byteOffset)
    room.set(piece.subarray(0, count));
  return count;
}
