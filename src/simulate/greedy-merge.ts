/** Merging of the two layers that lose least by it, until few enough are left: chunkah up to 0.4, with our rates. */

import { packByMerging } from '../chunk/packing/pack-merge.ts';
import { columnsOf, type PackItem, sortItems } from '../chunk/packing/pack-model.ts';
import { frozen, type Planner, stateless } from './planner.ts';
import type { Layout, SimulatedImage } from './series.ts';

/** Made anew each time. */
export const greedyFresh: Planner = stateless('greedy merge, fresh', layOut);
/** The first layout, kept. */
export const greedyFrozen: Planner = frozen('greedy merge, first plan kept', layOut);

function layOut({ components }: SimulatedImage, maxLayers: number): Layout {
  const items = sortItems(components.map(({ key, estimate, rate }) => ({ key, size: estimate, rate })));
  const layer = packByMerging(columnsOf(items), Math.min(maxLayers, items.length));
  const groups = new Map<number, PackItem[]>();
  for (const [at, item] of items.entries()) {
    const group = groups.get(layer[at] as number) ?? [];
    groups.set(layer[at] as number, group);
    group.push(item);
  }
  const rate = (group: readonly PackItem[]): number => group.reduce((sum, item) => sum + item.rate, 0);
  return [...groups.values()].sort((a, b) => rate(a) - rate(b)).map((group) => group.map(({ key }) => key));
}
