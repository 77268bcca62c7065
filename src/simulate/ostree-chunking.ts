/**
 * The chunking of ostree-rs-ext, which rpm-ostree and bootc use: what always changes in one layer, small packages in
 * another, large ones alone, the middle in nine classes of size and frequency. With a previous build the layout is
 * kept, and all that is new goes to the last layer.
 */
import { compareBytes } from '../bytes/byte-string.ts';
import { frozen, isPackage, keysOf, limitLayers, type Planner, stateless } from './planner.ts';
import type { Layout, SimulatedComponent, SimulatedImage } from './series.ts';
import { daysOfYear, deviation, mean, median, medianDeviation } from './statistics.ts';

/** Made anew each time. */
export const ostreeFresh: Planner = stateless('ostree-rs-ext, fresh', layOut);
/** With a previous build. */
export const ostreePrior: Planner = frozen('ostree-rs-ext, previous build', layOut);

const LARGE_SHARE = 0.6;
const THRESHOLD = 2;

interface Frequent {
  readonly component: SimulatedComponent;
  readonly frequency: number;
}

function layOut({ components, today }: SimulatedImage, maxLayers: number): Layout {
  if (components.length < maxLayers) return [...components.map(({ key }) => [key]), []];
  const always = components.filter((component) => !isPackage(component));
  const packages = components
    .filter(isPackage)
    .map((component) => ({ component, frequency: daysOfYear(component.changeDays, today).length }))
    .sort(
      (a, b) => a.component.tarSize - b.component.tarSize || compareBytes(a.component.key, b.component.key),
    );
  // One layer for small packages, one for what is to come, one for what always changes.
  const taken = 2 + Math.min(always.length, 1);
  const forLarge = Math.max(Math.floor(LARGE_SHARE * (maxLayers - taken)), 0);
  const { low, middle, high } = partition(packages, forLarge);
  const forMiddle = Math.max(maxLayers - taken - forLarge, 1);
  const layers = [...high.map((item) => [item]), low, ...packMiddle(middle, forMiddle)];
  const filled = layers.filter(({ length }) => length > 0);
  const packed = [...filled.map((layer) => keysOf(layer.map((item) => item.component))), keysOf(always)];
  // The last layer is for what is to come.
  return limitLayers([...packed, []], maxLayers);
}

interface Partition {
  readonly low: readonly Frequent[];
  readonly middle: readonly Frequent[];
  readonly high: readonly Frequent[];
}

/** By size: `packages` ascend. What is large beyond the limit counts as middle. */
function partition(packages: readonly Frequent[], limit: number): Partition {
  const sizes = packages.map(({ component }) => component.tarSize);
  const [centre, width] = [median(sizes), medianDeviation(sizes)];
  const lowest = 0.5 * Math.abs(centre - THRESHOLD * width);
  const highest = centre + THRESHOLD * width;
  const large = packages.filter(({ component }) => component.tarSize >= highest);
  const high = limit === 0 ? [] : large.slice(-limit);
  const rest = packages.filter((item) => !high.includes(item));
  return {
    low: rest.filter(({ component }) => component.tarSize <= lowest),
    middle: rest.filter(({ component }) => component.tarSize > lowest),
    high,
  };
}

/** Nine classes, the most frequent first, cut into layers of equal counts; neighbours are merged from the calm end. */
function packMiddle(middle: readonly Frequent[], layers: number): Frequent[][] {
  const perLayer = Math.max(Math.floor(middle.length / layers), 1);
  const cut = classes(middle).flatMap((group) => chunks(group, perLayer));
  while (cut.length > layers) {
    // Pairs of neighbours, from the calm end on, as many as have to go.
    for (let at = cut.length - 1; at > 0 && cut.length > layers; at -= 2) {
      const [calmer = []] = cut.splice(at, 1);
      cut[at - 1] = [...(cut[at - 1] ?? []), ...calmer];
    }
  }
  return cut;
}

function classes(items: readonly Frequent[]): Frequent[][] {
  const byFrequency = splitByDeviation(items, ({ frequency }) => frequency);
  return byFrequency.flatMap((group) => splitByDeviation(group, ({ component }) => component.tarSize));
}

/** High, middle and low: beyond two standard deviations from the mean, or within. */
function splitByDeviation(items: readonly Frequent[], measure: (item: Frequent) => number): Frequent[][] {
  const values = items.map(measure);
  const [centre, width] = [mean(values), THRESHOLD * deviation(values)];
  return [
    items.filter((item) => measure(item) > centre + width),
    items.filter((item) => Math.abs(measure(item) - centre) <= width),
    items.filter((item) => measure(item) < centre - width),
  ];
}

function chunks(items: readonly Frequent[], length: number): Frequent[][] {
  const count = Math.ceil(items.length / length);
  return Array.from({ length: count }, (_, at) => items.slice(at * length, (at + 1) * length));
}
