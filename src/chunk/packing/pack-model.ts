/**
 * The model that packing minimises: components change independently, so a layer with bytes S and summed rate W is
 * downloaded in a week with probability 1 - exp(-W), and costs S(1 - exp(-W)) bytes. Packing is the choice of at
 * most K layers with the least sum; it is NP-hard already for K = 2 (PARTITION).
 */
import type { ByteString } from '../../bytes/byte-string.ts';
import { compareBytes } from '../../bytes/byte-string.ts';
import { stabilityOf } from '../rates.ts';

/** What packing knows of a component. */
export interface PackItem {
  readonly key: ByteString;
  /** Bytes that a client downloads for it, an integer: estimated, before anything is compressed. */
  readonly size: number;
  /** Expected changes in a million weeks, an integer. */
  readonly rate: number;
}

/** Items as columns; the order is that of {@link sortItems}. Sums of sizes and rates are exact. */
export interface PackColumns {
  readonly count: number;
  readonly size: Float64Array;
  readonly rate: Float64Array;
}

/** Expected bytes a week for a layer or component of this size and rate. */
export function expectedBytes(size: number, rate: number): number {
  return size * (1 - stabilityOf(rate));
}

/**
 * Orders items by rate per byte, the one-dimensional order in which optimal layers are (nearly) intervals; ties by
 * size and key, so that the order of the input is without effect.
 */
export function sortItems(items: readonly PackItem[]): PackItem[] {
  const density = (item: PackItem): number => item.rate / Math.max(item.size, 1);
  return items
    .map((item) => ({ item, density: density(item) }))
    .sort(
      (a, b) => a.density - b.density || a.item.size - b.item.size || compareBytes(a.item.key, b.item.key),
    )
    .map(({ item }) => item);
}

/** Columns of sorted items. */
export function columnsOf(items: readonly { size: number; rate: number }[]): PackColumns {
  return {
    count: items.length,
    size: Float64Array.from(items, ({ size }) => size),
    rate: Float64Array.from(items, ({ rate }) => rate),
  };
}

/** Cost of a partition: `layer[i]` (0 to layers - 1) is the layer of item i. Expected bytes a week. */
export function partitionCost(columns: PackColumns, layer: Int32Array, layers: number): number {
  const size = new Float64Array(layers);
  const rate = new Float64Array(layers);
  for (let item = 0; item < columns.count; item++) {
    const at = layer[item] as number;
    size[at] = (size[at] as number) + (columns.size[item] as number);
    rate[at] = (rate[at] as number) + (columns.rate[item] as number);
  }
  let cost = 0;
  for (let at = 0; at < layers; at++) cost += expectedBytes(size[at] as number, rate[at] as number);
  return cost;
}
