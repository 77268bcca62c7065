/** Packing components into layers: pure, deterministic, independent of the order of the input. */
import type { ByteString } from '../../bytes/byte-string.ts';
import { improve } from './local-search.ts';
import { packIntervals } from './pack-dp.ts';
import { packByMerging } from './pack-merge.ts';
import { columnsOf, type PackColumns, type PackItem, partitionCost, sortItems } from './pack-model.ts';

/** Steps of the dynamic programme that are worth waiting for, about a second. */
const DP_STEPS = 1e9;
/** Items that search and merging see at most; pairs of them are tried. */
const MAX_UNITS = 4096;
/** Items that merging sees at most: its worst case is cubic. */
const MAX_MERGE_UNITS = 1024;
/** Items up to which further starting points are tried. */
const MAX_EXTRA_STARTS = 512;

/** A packing: groups of items, and what they cost. */
export interface Packing {
  readonly groups: readonly (readonly PackItem[])[];
  /** Expected bytes a week in the model of `pack-model.ts`. */
  readonly cost: number;
}

/** An item, or neighbours in the order that travel together. */
interface Unit {
  readonly size: number;
  readonly rate: number;
  readonly items: readonly PackItem[];
}

/**
 * Packs items (unique keys) into at most `slots` groups (at least 1) at the least expected cost: intervals by
 * dynamic programming and agglomerative merging, all improved by local search, the cheapest kept. Thousands of small
 * items are first joined to their neighbours. `start` is a group, 0 to slots - 1, for each of the items that had one
 * before: one more point to start from. Changing this changes plans, and so layer digests.
 */
export function pack(
  items: readonly PackItem[],
  slots: number,
  start?: ReadonlyMap<ByteString, number>,
): Packing {
  const units = gatherDust(sortItems(items), unitLimit(slots));
  const columns = columnsOf(units);
  const layers = Math.min(slots, units.length);
  const starts = layers < units.length ? startingPoints(units, columns, layers) : [];
  if (start !== undefined && layers < units.length) starts.unshift(formerStart(units, start, layers));
  let best: Int32Array = Int32Array.from(units, (_, index) => index);
  let bestCost = Number.POSITIVE_INFINITY;
  for (const layer of starts) {
    improve(columns, layer, layers);
    const cost = partitionCost(columns, layer, layers);
    if (cost >= bestCost) continue;
    best = layer;
    bestCost = cost;
  }
  return { groups: groupsOf(units, best, layers), cost: partitionCost(columns, best, layers) };
}

/** Intervals of rate per byte, merging, and for small inputs, where it costs nothing, intervals of two more orders. */
function startingPoints(units: readonly Unit[], columns: PackColumns, layers: number): Int32Array[] {
  const starts = [packIntervals(columns, layers), mergeStart(units, layers)];
  if (units.length > MAX_EXTRA_STARTS) return starts;
  starts.push(intervalsBy(columns, layers, (size) => Math.sqrt(size)));
  starts.push(intervalsBy(columns, layers, (size) => Math.sqrt(size * Math.sqrt(size))));
  return starts;
}

/** Where the units were; what is new begins in the last group, which the search moves it out of. */
function formerStart(
  units: readonly Unit[],
  start: ReadonlyMap<ByteString, number>,
  layers: number,
): Int32Array {
  return Int32Array.from(units, ({ items }) =>
    Math.min(start.get((items[0] as PackItem).key) ?? layers - 1, layers - 1),
  );
}

/** Intervals in the order of rate divided by a function of the size; ties keep the order of the columns. */
function intervalsBy(columns: PackColumns, layers: number, divisor: (size: number) => number): Int32Array {
  const density = columns.rate.map((rate, item) => rate / divisor(Math.max(columns.size[item] as number, 1)));
  const order = Int32Array.from(density.keys()).sort(
    (a, b) => (density[a] as number) - (density[b] as number) || a - b,
  );
  const intervals = packIntervals(
    {
      count: columns.count,
      size: Float64Array.from(order, (item) => columns.size[item] as number),
      rate: Float64Array.from(order, (item) => columns.rate[item] as number),
    },
    layers,
  );
  const layer = new Int32Array(columns.count);
  for (const [position, item] of order.entries()) layer[item] = intervals[position] as number;
  return layer;
}

function unitLimit(slots: number): number {
  return Math.max(Math.min(MAX_UNITS, Math.floor(Math.sqrt((2 * DP_STEPS) / slots))), 2 * slots);
}

/**
 * At most `limit` units of items sorted by rate per byte: the largest items stay alone, the small ones between are
 * joined in runs. Neighbours nearly always share a layer anyway.
 */
function gatherDust(sorted: readonly PackItem[], limit: number): Unit[] {
  const units = sorted.map((item) => ({ size: item.size, rate: item.rate, items: [item] }));
  return joinSmall(units, limit);
}

function joinSmall(units: readonly Unit[], limit: number): Unit[] {
  if (units.length <= limit) return [...units];
  const bySize = units.map((_, index) => index).sort((a, b) => sizeAt(units, b) - sizeAt(units, a) || a - b);
  const large = new Set(bySize.slice(0, Math.floor(limit / 2)));
  const run = Math.ceil((units.length - large.size) / (limit - large.size));
  const joined: Unit[] = [];
  const dust: Unit[] = [];
  for (const [index, unit] of units.entries()) {
    if (large.has(index)) joined.push(unit);
    else if (dust.push(unit) === run) joined.push(joinUnits(dust.splice(0)));
  }
  if (dust.length > 0) joined.push(joinUnits(dust));
  return joined;
}

function sizeAt(units: readonly Unit[], index: number): number {
  return (units[index] as Unit).size;
}

function joinUnits(units: readonly Unit[]): Unit {
  let size = 0;
  let rate = 0;
  for (const unit of units) {
    size += unit.size;
    rate += unit.rate;
  }
  return { size, rate, items: units.flatMap((unit) => unit.items) };
}

/** Merging on joined units, spread back over the units themselves. */
function mergeStart(units: readonly Unit[], layers: number): Int32Array {
  const joined = joinSmall(units, Math.max(MAX_MERGE_UNITS, 2 * layers));
  const coarse = packByMerging(columnsOf(joined), layers);
  const layerOf = new Map<PackItem, number>();
  for (const [index, unit] of joined.entries()) {
    for (const item of unit.items) layerOf.set(item, coarse[index] as number);
  }
  return Int32Array.from(units, (unit) => layerOf.get(unit.items[0] as PackItem) as number);
}

function groupsOf(units: readonly Unit[], layer: Int32Array, layers: number): PackItem[][] {
  const groups: PackItem[][] = Array.from({ length: layers }, () => []);
  for (const [index, unit] of units.entries())
    (groups[layer[index] as number] as PackItem[]).push(...unit.items);
  return groups.filter((group) => group.length > 0);
}
