/**
 * What updates cost along a series of images, by planner: the figures M1 to M8 and M11 to M14 of the documentation.
 * Fidelity (M9) and run time (M10) are those of real builds: see `ops/simulate/simulate-builds.ts`.
 */
import { type Perturbations, perturb } from './perturb.ts';
import type { Planner } from './planner.ts';
import { countRanges } from './ranges.ts';
import {
  bytesOf,
  changedBytes,
  type LaidLayer,
  layOut,
  newLayers,
  type SimulatedImage,
  sharedPrefix,
  spuriousLayers,
} from './series.ts';
import { mean } from './statistics.ts';
import { tarOverhead } from './tar-overhead.ts';

/** How a client fetches. */
export interface ClientModel {
  /** Seconds from a request to its first byte. */
  readonly roundTrip: number;
  /** Bytes a second. */
  readonly bandwidth: number;
}

/** A line of 100 Mbit/s to a registry 50 ms away. */
export const DEFAULT_CLIENT: ClientModel = { roundTrip: 0.05, bandwidth: 12_500_000 };

/** Images that a lagging client skips to the next one. */
const LAGGING_STRIDE = 4;

/** Layers that clients fetch at once. */
const PARALLEL = 6;

/** A download and the least that it could have been. */
export interface Download {
  readonly bytes: number;
  readonly bound: number;
}

/** One update: from the image before to this one. */
export interface Update extends Download {
  readonly image: string;
  readonly layers: number;
  readonly changedLayers: number;
  readonly spuriousLayers: number;
  readonly keptPrefix: number;
}

/** Layouts of a whole series. Bytes, layers and seconds; absent where the series does not tell. */
export interface LayoutMetrics {
  /** M1, and for M3 and M4 its bound. */
  readonly weekly: Download;
  /** M2. */
  readonly lagging: Download;
  readonly firstToLast: Download;
  /** M3. */
  readonly ratio: number;
  /** M4. */
  readonly excess: number;
  /** M5: on average and in all. */
  readonly changedLayers: number;
  readonly spuriousLayers: number;
  readonly spuriousBytes: number;
  /** M6. */
  readonly registryGrowth: number;
  /** M7: bytes of the tars of the last image to those of one flat tar. */
  readonly sizeRatio: number | undefined;
  /** M11. */
  readonly ranges: number | undefined;
  /** M13: mean seconds of an update, fetched one layer after another, and six at a time. */
  readonly serialSeconds: number;
  readonly parallelSeconds: number;
  /** M14: leading layers that an update leaves alone, on average. */
  readonly keptPrefix: number;
  readonly updates: readonly Update[];
}

/** One planner with one number of layers. */
export interface PlannerMetrics extends LayoutMetrics {
  readonly planner: string;
  readonly maxLayers: number;
  /** M8. */
  readonly noOp: number;
  /** M12. */
  readonly perturbations: Perturbations;
}

/** Follows a series with one planner. A series of one image has no updates, and a ratio of 1. */
export function measurePlanner(
  planner: Planner,
  images: readonly SimulatedImage[],
  maxLayers: number,
  client: ClientModel = DEFAULT_CLIENT,
): PlannerMetrics {
  const { laid, memories } = follow(planner, images, maxLayers);
  const last = images.at(-1);
  const [lastLaid, memory] = [laid.at(-1) ?? [], memories.at(-1)];
  return {
    planner: planner.name,
    maxLayers,
    noOp: last === undefined ? 0 : noOp(planner, last, lastLaid, maxLayers, memory),
    perturbations: perturb(planner, last, lastLaid, maxLayers, memory),
    ...measureLayouts(images, laid, client),
  };
}

/** What updates along layouts of a series cost. */
export function measureLayouts(
  images: readonly SimulatedImage[],
  laid: readonly (readonly LaidLayer[])[],
  client: ClientModel = DEFAULT_CLIENT,
): LayoutMetrics {
  const updates = images.slice(1).map((image, at) => {
    return describeUpdate(images[at] as SimulatedImage, image, laid[at] ?? [], laid[at + 1] ?? []);
  });
  const weekly = { bytes: sum(updates, 'bytes'), bound: sum(updates, 'bound') };
  return {
    weekly,
    lagging: stridden(images, laid, LAGGING_STRIDE),
    firstToLast: stridden(images, laid, Math.max(images.length - 1, 1)),
    ratio: weekly.bound === 0 ? 1 : weekly.bytes / weekly.bound,
    excess: weekly.bytes - weekly.bound,
    changedLayers: mean(updates.map(({ changedLayers }) => changedLayers)),
    spuriousLayers: sum(updates, 'spuriousLayers'),
    spuriousBytes: spuriousBytes(images, laid),
    registryGrowth: registryGrowth(laid),
    sizeRatio: tarOverhead(laid.at(-1) ?? []),
    ranges: totalRanges(laid),
    ...latency(laid, client),
    keptPrefix: mean(updates.map(({ keptPrefix }) => keptPrefix)),
    updates,
  };
}

interface Followed {
  readonly laid: readonly (readonly LaidLayer[])[];
  readonly memories: readonly unknown[];
}

function follow(planner: Planner, images: readonly SimulatedImage[], maxLayers: number): Followed {
  const laid: LaidLayer[][] = [];
  const memories: unknown[] = [];
  for (const image of images) {
    const { layout, memory } = planner.plan(image, maxLayers, memories.at(-1));
    laid.push(layOut(image, layout));
    memories.push(memory);
  }
  return { laid, memories };
}

function describeUpdate(
  before: SimulatedImage,
  image: SimulatedImage,
  from: readonly LaidLayer[],
  to: readonly LaidLayer[],
): Update {
  const fetched = newLayers(from, to);
  return {
    image: image.name,
    bytes: bytesOf(fetched),
    bound: changedBytes(before, image),
    layers: to.length,
    changedLayers: fetched.length,
    spuriousLayers: spuriousLayers(from, to, image).length,
    keptPrefix: sharedPrefix(from, to),
  };
}

function sum(updates: readonly Update[], what: 'bytes' | 'bound' | 'spuriousLayers'): number {
  return updates.reduce((total, update) => total + update[what], 0);
}

function stridden(
  images: readonly SimulatedImage[],
  laid: readonly (readonly LaidLayer[])[],
  stride: number,
): Download {
  let bytes = 0;
  let bound = 0;
  for (let at = stride; at < images.length; at += stride) {
    bytes += bytesOf(newLayers(laid[at - stride] ?? [], laid[at] ?? []));
    bound += changedBytes(images[at - stride] as SimulatedImage, images[at] as SimulatedImage);
  }
  return { bytes, bound };
}

function spuriousBytes(images: readonly SimulatedImage[], laid: readonly (readonly LaidLayer[])[]): number {
  return images
    .slice(1)
    .reduce(
      (total, image, at) => total + bytesOf(spuriousLayers(laid[at] ?? [], laid[at + 1] ?? [], image)),
      0,
    );
}

/** Bytes of blobs that no earlier image of the series had. */
function registryGrowth(laid: readonly (readonly LaidLayer[])[]): number {
  const known = new Set((laid[0] ?? []).map(({ id }) => id));
  let bytes = 0;
  for (const layer of laid.flat()) {
    if (known.has(layer.id)) continue;
    known.add(layer.id);
    bytes += layer.size;
  }
  return bytes;
}

function noOp(
  planner: Planner,
  image: SimulatedImage,
  laid: readonly LaidLayer[],
  maxLayers: number,
  memory: unknown,
): number {
  return bytesOf(newLayers(laid, layOut(image, planner.plan(image, maxLayers, memory).layout)));
}

function totalRanges(laid: readonly (readonly LaidLayer[])[]): number | undefined {
  let total = 0;
  for (let at = 1; at < laid.length; at++) {
    const ranges = countRanges(laid[at - 1] ?? [], laid[at] ?? []);
    if (ranges === undefined) return undefined;
    total += ranges;
  }
  return total;
}

function latency(
  laid: readonly (readonly LaidLayer[])[],
  { roundTrip, bandwidth }: ClientModel,
): Pick<LayoutMetrics, 'serialSeconds' | 'parallelSeconds'> {
  const fetched = laid.slice(1).map((to, at) => newLayers(laid[at] ?? [], to));
  const seconds = (parallel: number): number =>
    mean(
      fetched.map((layers) => Math.ceil(layers.length / parallel) * roundTrip + bytesOf(layers) / bandwidth),
    );
  return { serialSeconds: seconds(1), parallelSeconds: seconds(PARALLEL) };
}
