/**
 * rechunk of Universal Blue: layers are filled so that the weeks of the past year in which any member changed, times
 * the bytes, grow least. The previous layout is kept, and what is new goes where it costs least.
 */
import { type ByteString, compareBytes } from '../bytes/byte-string.ts';
import { isKernel, isPackage, limitLayers, type Planned, type Planner } from './planner.ts';
import type { Layout, SimulatedComponent, SimulatedImage } from './series.ts';
import { daysOfYear } from './statistics.ts';

const WEEKS = 53;
const PREFILL = 0.4;
const MAX_RATIO = 1.3;
const DEDICATED_BYTES = 10_000_000;
/** Packages below each of these share a layer. */
const SMALL_BYTES = [500_000, 1_000_000];

/** The planner, with the previous layout kept. */
export const rechunk: Planner = { name: 'rechunk, previous plan kept', plan };

/** A layer in the making: which weeks change it, and how large it is. */
class Bin {
  readonly keys: ByteString[] = [];
  size = 0;
  readonly fixed: boolean;
  readonly #weeks = new Set<number>();

  constructor(fixed: boolean) {
    this.fixed = fixed;
  }

  add(item: Item): void {
    this.keys.push(item.component.key);
    this.size += item.component.tarSize;
    for (const week of item.weeks) this.#weeks.add(week);
  }

  /** What the layer costs more a year with this item. */
  increase({ component, weeks }: Item): number {
    let union = this.#weeks.size;
    for (const week of weeks) if (!this.#weeks.has(week)) union++;
    return union * (this.size + component.tarSize) - this.#weeks.size * this.size;
  }
}

interface Item {
  readonly component: SimulatedComponent;
  readonly weeks: ReadonlySet<number>;
}

function itemOf(component: SimulatedComponent, today: number): Item {
  const often = component.changeDays.length <= 2;
  const weeks = often
    ? Array.from({ length: WEEKS }, (_, week) => week)
    : daysOfYear(component.changeDays, today).map((day) => Math.floor((today - day) / 7));
  return { component, weeks: new Set(weeks) };
}

function plan(image: SimulatedImage, maxLayers: number, memory: unknown): Planned {
  const layout = memory === undefined ? firstLayout(image, maxLayers) : nextLayout(image, memory as Layout);
  return { layout, memory: layout };
}

function bySize(a: Item, b: Item): number {
  return b.component.tarSize - a.component.tarSize || compareBytes(a.component.key, b.component.key);
}

function firstLayout({ components, today }: SimulatedImage, maxLayers: number): Layout {
  const total = components.reduce((sum, { tarSize }) => sum + tarSize, 0);
  const isDedicated = (component: SimulatedComponent): boolean =>
    (isKernel(component) || component.kind === 'initramfs') && component.tarSize >= DEDICATED_BYTES;
  const own = components.filter(isDedicated).map((component) => fixedBin([itemOf(component, today)]));
  const others = components.filter((component) => !isDedicated(component));
  const unpackaged = others.filter((component) => !isPackage(component)).map((item) => itemOf(item, today));
  let packages = others
    .filter(isPackage)
    .map((component) => itemOf(component, today))
    .sort(bySize);
  const small = SMALL_BYTES.map((limit) => {
    const taken = packages.filter(({ component }) => component.tarSize < limit);
    packages = packages.filter(({ component }) => component.tarSize >= limit);
    return fixedBin(taken);
  });
  const fixed = [...own, fixedBin(unpackaged), ...small].filter(({ keys }) => keys.length > 0);
  const open = prefill(packages, Math.max(maxLayers - fixed.length, 1), (PREFILL * total) / maxLayers);
  placeRest(packages, open, (MAX_RATIO * total) / maxLayers);
  return limitLayers(
    [...fixed, ...open].map(({ keys }) => keys),
    maxLayers,
  );
}

function fixedBin(items: readonly Item[]): Bin {
  const bin = new Bin(true);
  for (const item of items) bin.add(item);
  return bin;
}

/** Seeds each layer with the largest package left, and adds the cheapest until it is well begun. */
function prefill(packages: Item[], count: number, target: number): Bin[] {
  const bins: Bin[] = [];
  while (bins.length < count && packages.length > 0) {
    const bin = new Bin(false);
    bin.add(packages.shift() as Item);
    while (bin.size < target && packages.length > 0) bin.add(takeCheapest(bin, packages));
    bins.push(bin);
  }
  return bins;
}

function takeCheapest(bin: Bin, packages: Item[]): Item {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const [at, item] of packages.entries()) {
    const increase = bin.increase(item);
    if (increase >= least) continue;
    least = increase;
    best = at;
  }
  return packages.splice(best, 1)[0] as Item;
}

/** Each package to the layer that grows least by it, but for those that are full. */
function placeRest(packages: readonly Item[], bins: readonly Bin[], full: number): void {
  for (const item of packages) {
    const room = bins.filter(({ size }) => size + item.component.tarSize <= full);
    const choice = room.length > 0 ? room : bins;
    choice.reduce((a, b) => (b.increase(item) < a.increase(item) ? b : a)).add(item);
  }
}

function nextLayout({ components, today }: SimulatedImage, previous: Layout): Layout {
  const byKey = new Map(components.map((component) => [component.key, component]));
  const known = new Set(previous.flat());
  const added = components.filter(({ key }) => !known.has(key)).map((component) => itemOf(component, today));
  if (added.length === 0) return previous;
  const total = components.reduce((sum, { tarSize }) => sum + tarSize, 0);
  const bins = previous.map((keys) =>
    fixedBin(keys.flatMap((key) => byKey.get(key) ?? []).map((component) => itemOf(component, today))),
  );
  placeRest(added.sort(bySize), bins, (MAX_RATIO * total) / previous.length);
  return previous.map((keys, at) => [...keys, ...(bins[at]?.keys.filter((key) => !known.has(key)) ?? [])]);
}
