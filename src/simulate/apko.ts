/**
 * apko's `layering: {strategy: origin, budget: N}`: the largest source packages by themselves, all others in one
 * layer, and what no package owns in the topmost. Sizes alone decide, so the layout is made anew each time.
 */
import { compareBytes } from '../bytes/byte-string.ts';
import { isPackage, keysOf, type Planner, stateless } from './planner.ts';
import type { Layout, SimulatedImage } from './series.ts';

/** The planner. */
export const apko: Planner = stateless('apko (origin, budget)', layOut);

function layOut({ components }: SimulatedImage, maxLayers: number): Layout {
  const packages = components
    .filter(isPackage)
    .sort((a, b) => b.tarSize - a.tarSize || compareBytes(a.key, b.key));
  const others = keysOf(components.filter((component) => !isPackage(component)));
  // One layer for the top, and one for what is merged.
  const alone = Math.max(packages.length <= maxLayers - 1 ? packages.length : maxLayers - 2, 0);
  const merged = keysOf(packages.slice(alone));
  const layers = [...packages.slice(0, alone).map(({ key }) => [key]), merged, others];
  return maxLayers === 1 ? [layers.flat()] : layers.filter((layer) => layer.length > 0);
}
