/** Writes the layers of a plan on the pool. */
import type { ByteString } from '../../bytes/byte-string.ts';
import type { HashAlgorithm, VerityDigest } from '../../bytes/digest.ts';
import { DEFAULT_LEVEL } from '../../compress/level.ts';
import { ImageRoom } from '../../erofs/image-room.ts';
import { computeLayerKey } from '../../layer/key.ts';
import { addWhiteouts, memberTree, orderMembers, selectMembers } from '../../layer/members.ts';
import { buildTarScript, STEP, STEP_WIDTH, type TarScript } from '../../layer/tar-script.ts';
import type { LayerCompression, WrittenLayer } from '../../layer/write.ts';
import { collectGarbage } from '../../parallel/collect-garbage.ts';
import type { ContentFile } from '../../parallel/content-file.ts';
import type { Pool } from '../../parallel/pool.ts';
import type { Directory } from '../../tree/tree.ts';
import { mapConcurrently } from '../concurrently.ts';
import type { Session } from '../session.ts';

/** A layer to be written: the paths it holds (ancestors are added) and its content bytes, for scheduling. */
export interface LayerOrder {
  readonly paths: readonly ByteString[];
  readonly size: number;
  /** Paths of lower layers that it hides; their directories must be among the ancestors of `paths`. */
  readonly whiteouts?: readonly ByteString[];
  /** Paths in the order of the tar; those that are not named follow by path. Absent: all by path. */
  readonly order?: readonly ByteString[] | undefined;
}

/** What all layers share. */
export interface WriteLayersOptions {
  readonly root: Directory;
  readonly contents: readonly ContentFile[];
  readonly algorithm: HashAlgorithm;
  readonly compression: LayerCompression;
  /** A path for a new blob; `ordinal` keeps them apart. */
  readonly blobFile: (ordinal: number) => string;
  /** Told of each layer as soon as it is written. */
  readonly onWritten?: ((layer: FinishedLayer) => void) | undefined;
}

/** A layer as written; `file` holds the blob. */
export interface FinishedLayer extends WrittenLayer {
  /** Absent for a layer with whiteouts, which is no tree by itself. */
  readonly key: VerityDigest | undefined;
  readonly file: string;
  /** Entries of the tar, ancestors included. */
  readonly entries: number;
}

/**
 * Writes every layer, the largest first; results are in the plan's order. Scripts are made only as threads become
 * free, so memory is bounded by the number of threads.
 */
export async function writeLayers(
  session: Session,
  orders: readonly LayerOrder[],
  options: WriteLayersOptions,
): Promise<FinishedLayer[]> {
  const total = orders.reduce((sum, { size }) => sum + size, 0);
  const done = orders.map(() => 0);
  const largestFirst = orders
    .map((order, ordinal) => ({ order, ordinal }))
    .sort((a, b) => b.order.size - a.order.size || a.ordinal - b.ordinal);
  const finished: FinishedLayer[] = new Array(orders.length);
  // Where layers are fewer than threads, each gets its share of them.
  const pool = session.poolFor(isQuick(options.compression) ? total : Number.POSITIVE_INFINITY);
  const threads = Math.max(1, Math.floor(pool.width / orders.length));
  const compression = { ...options.compression, threads };
  const tidy = tidying(orders);
  const room = new ImageRoom();
  await mapConcurrently(largestFirst, pool.width, async ({ order, ordinal }) => {
    session.checkInterrupted();
    tidy(order);
    const progress = (bytes: number): void => {
      done[ordinal] = Math.min(bytes, order.size);
      const sum = done.reduce((a, b) => a + b, 0);
      session.onProgress({ stage: 'write', done: sum, total, unit: 'bytes' });
    };
    const layer = await writeOne(
      pool,
      order,
      options.blobFile(ordinal),
      { ...options, compression, room },
      progress,
    );
    finished[ordinal] = layer;
    options.onWritten?.(layer);
    progress(order.size);
  });
  return finished;
}

/** Whether a few megabytes take no time that a person would notice. */
function isQuick({ kind, level }: LayerCompression): boolean {
  return level <= DEFAULT_LEVEL[kind];
}

/** Entries that are worth a collection of garbage, and how many collections a run is worth. */
const TIDY_ENTRIES = 4000;
const TIDY_COUNT = 4;

/**
 * Collects garbage at first, for planning leaves much, and then now and again: keys and scripts of layers are built
 * from many small things that are soon dead, and V8 would rather take memory than look for them. A third of the peak.
 */
function tidying(orders: readonly LayerOrder[]): (next: LayerOrder) => void {
  const entries = orders.reduce((sum, { paths }) => sum + paths.length, 0);
  const step = Math.max(TIDY_ENTRIES, entries / TIDY_COUNT);
  let untidy = step;
  return (next) => {
    if (untidy >= step) {
      collectGarbage();
      untidy = 0;
    }
    untidy += next.paths.length;
  };
}

async function writeOne(
  pool: Pool,
  order: LayerOrder,
  file: string,
  options: WriteLayersOptions & { readonly room: ImageRoom },
  progress: (bytes: number) => void,
): Promise<FinishedLayer> {
  const { root, algorithm, room } = options;
  const { whiteouts = [] } = order;
  const selected = selectMembers(root, order.paths);
  const key = whiteouts.length > 0 ? undefined : computeLayerKey(memberTree(selected), algorithm, room);
  const members = orderMembers(addWhiteouts(selected, whiteouts), order.order ?? []);
  const { script, contents } = ownSources(buildTarScript(members), options.contents);
  const task = { script, contents, compression: options.compression, file };
  const written = await pool.run('write', task, progress, buffersOf(script));
  return { ...written, key, file, entries: members.length };
}

/** What may be given away with a script. */
function buffersOf({ literals, steps }: TarScript): ArrayBuffer[] {
  return [...literals.map(({ buffer }) => buffer), steps.buffer];
}

/** Renumbers a script's sources, in place, to those it uses, so that a thread is not sent the table of a whole root. */
function ownSources(
  script: TarScript,
  all: readonly ContentFile[],
): { script: TarScript; contents: ContentFile[] } {
  const numbers = new Map<number, number>();
  const { steps } = script;
  for (let row = 0; row < steps.length; row += STEP_WIDTH) {
    if (steps[row] !== STEP.copy) continue;
    const source = steps[row + 1] as number;
    const number = numbers.get(source) ?? numbers.size;
    numbers.set(source, number);
    steps[row + 1] = number;
  }
  const contents = [...numbers.keys()].map((source) => all[source] as ContentFile);
  return { script, contents };
}
