/** The best partition into intervals of the order of rate per byte, by dynamic programming. */
import type { PackColumns } from './pack-model.ts';
import { expectedBytes } from './pack-model.ts';

/** Tables of the recursion: `cost[k * (n + 1) + i]` is the least cost of the first i items in k layers. */
interface Tables {
  readonly width: number;
  readonly cost: Float64Array;
  readonly from: Int32Array;
}

/**
 * Layer of every item for the cheapest partition into exactly min(layers, count) intervals: O(layers * count^2)
 * steps at worst, far fewer in practice, since the search for a cut ends where the last interval alone is too dear.
 */
export function packIntervals(columns: PackColumns, layers: number): Int32Array {
  const { count } = columns;
  const depth = Math.min(layers, count);
  const width = count + 1;
  const tables: Tables = {
    width,
    cost: new Float64Array((depth + 1) * width).fill(Number.POSITIVE_INFINITY),
    from: new Int32Array((depth + 1) * width),
  };
  tables.cost[0] = 0;
  const last = new Float64Array(width);
  for (let end = 1; end <= count; end++) {
    fillLastInterval(columns, end, last);
    for (let k = 1; k <= Math.min(depth, end); k++) chooseCut(tables, k, end, last);
  }
  return readBack(tables, depth, count);
}

/** `last[start]`: cost of the interval of items start to end - 1. */
function fillLastInterval(columns: PackColumns, end: number, last: Float64Array): void {
  let size = 0;
  let rate = 0;
  for (let start = end - 1; start >= 0; start--) {
    size += columns.size[start] as number;
    rate += columns.rate[start] as number;
    last[start] = expectedBytes(size, rate);
  }
}

function chooseCut(tables: Tables, k: number, end: number, last: Float64Array): void {
  const { width, cost, from } = tables;
  const row = (k - 1) * width;
  let best = Number.POSITIVE_INFINITY;
  let cut = end - 1;
  for (let start = end - 1; start >= k - 1; start--) {
    const tail = last[start] as number;
    // Longer last intervals only cost more.
    if (tail >= best) break;
    const total = (cost[row + start] as number) + tail;
    if (total < best) {
      best = total;
      cut = start;
    }
  }
  cost[k * width + end] = best;
  from[k * width + end] = cut;
}

function readBack(tables: Tables, depth: number, count: number): Int32Array {
  const layer = new Int32Array(count);
  let end = count;
  for (let k = depth; k > 0; k--) {
    const start = tables.from[k * tables.width + end] as number;
    layer.fill(k - 1, start, end);
    end = start;
  }
  return layer;
}
