/**
 * chunkah 0.6: outliers of size by themselves, the rest in three tiers of stability, spread inside a tier by a hash of
 * the name. No memory; the layout moves with the set of packages and with the dates of their changes.
 */
import type { ByteString } from '../bytes/byte-string.ts';
import { compareBytes } from '../bytes/byte-string.ts';
import { frozen, isPackage, keysOf, limitLayers, type Planner, stateless } from './planner.ts';
import type { Layout, SimulatedComponent, SimulatedImage } from './series.ts';
import { daysOfYear, deviation, mean, median, medianDeviation } from './statistics.ts';

/** As it is. */
export const chunkah: Planner = stateless('chunkah 0.6', layOut);
/** Its first layout, kept. */
export const chunkahFrozen: Planner = frozen('chunkah 0.6, first plan kept', layOut);

const DAYS_A_WEEK = 7;
/** Stability of what did not change within a year. */
const QUIET = 0.99;
const OUTLIER_DEVIATIONS = 1.5;
const OUTLIER_SHARE = 0.8;

interface Rated {
  readonly component: SimulatedComponent;
  readonly stability: number;
}

/** Changes a day since the oldest change of the year; what packages do not own counts as always changing. */
function stabilityOf(component: SimulatedComponent, today: number): number {
  if (!isPackage(component)) return 0;
  const days = daysOfYear(component.changeDays, today);
  if (days.length === 0) return QUIET;
  const age = today - Math.min(...days);
  return age < 1 ? 0 : Math.exp((-DAYS_A_WEEK * days.length) / age);
}

function layOut({ components, today }: SimulatedImage, maxLayers: number): Layout {
  const rated = components
    .map((component) => ({ component, stability: stabilityOf(component, today) }))
    .sort((a, b) => compareBytes(a.component.key, b.component.key));
  if (rated.length <= maxLayers) return ordered(rated.map((item) => [item]));
  const outliers = findOutliers(rated, Math.floor(OUTLIER_SHARE * maxLayers));
  const rest = rated.filter((item) => !outliers.includes(item));
  const layers = [...outliers.map((item) => [item]), ...spread(rest, maxLayers - outliers.length)];
  return limitLayers(ordered(layers), maxLayers);
}

function findOutliers(rated: readonly Rated[], limit: number): Rated[] {
  const sizes = rated.map(({ component }) => component.tarSize);
  const centre = median(sizes);
  const spreadOfSizes = medianDeviation(sizes);
  const unit = spreadOfSizes < centre / 100 ? centre : spreadOfSizes;
  return rated
    .filter(({ component }) => component.tarSize >= centre + OUTLIER_DEVIATIONS * unit)
    .sort((a, b) => b.component.tarSize - a.component.tarSize)
    .slice(0, limit);
}

/** Three tiers with bins in proportion to their number of components. */
function spread(rest: readonly Rated[], bins: number): Rated[][] {
  const stabilities = rest.map(({ stability }) => stability);
  const [centre, width] = [mean(stabilities), deviation(stabilities)];
  const tiers = [
    rest.filter(({ stability }) => stability > centre + width),
    rest.filter(({ stability }) => Math.abs(stability - centre) <= width),
    rest.filter(({ stability }) => stability < centre - width),
  ].filter((tier) => tier.length > 0);
  const counts = shareOut(tiers, bins);
  const groups = tiers.flatMap((tier, ordinal) => hashed(tier, counts[ordinal] as number));
  return fillEmpty(groups);
}

function shareOut(tiers: readonly (readonly Rated[])[], bins: number): number[] {
  const total = tiers.reduce((sum, { length }) => sum + length, 0);
  const exact = tiers.map(({ length }) => (bins * length) / total);
  const counts = exact.map((count) => Math.max(1, Math.floor(count)));
  const byRest = exact
    .map((count, at) => [count - Math.floor(count), at] as const)
    .sort((a, b) => b[0] - a[0]);
  let left = bins - counts.reduce((sum, count) => sum + count, 0);
  // A bin for each tier may be more than there are: the largest tier gives some up.
  for (; left < 0 && Math.max(...counts) > 1; left++)
    counts[counts.indexOf(Math.max(...counts))] = Math.max(...counts) - 1;
  for (const [, at] of byRest) {
    if (left-- <= 0) break;
    counts[at] = (counts[at] as number) + 1;
  }
  return counts;
}

function hashed(tier: readonly Rated[], bins: number): Rated[][] {
  const groups: Rated[][] = Array.from({ length: bins }, () => []);
  for (const item of tier) groups[Number(fnv1a(item.component.key) % BigInt(bins))]?.push(item);
  return groups;
}

/** Bins that the hash left empty take the largest member of any bin that has several. */
function fillEmpty(groups: Rated[][]): Rated[][] {
  for (const group of groups) {
    if (group.length > 0) continue;
    const donor = groups.filter(({ length }) => length > 1).sort((a, b) => largest(b) - largest(a))[0];
    if (donor === undefined) break;
    const at = donor.findIndex(({ component }) => component.tarSize === largest(donor));
    group.push(...donor.splice(at, 1));
  }
  return groups.filter(({ length }) => length > 0);
}

function largest(group: readonly Rated[]): number {
  return group.reduce((most, { component }) => Math.max(most, component.tarSize), 0);
}

/** Most stable first. */
function ordered(groups: readonly (readonly Rated[])[]): Layout {
  const stay = (group: readonly Rated[]): number =>
    group.reduce((product, item) => product * item.stability, 1);
  return [...groups]
    .sort((a, b) => stay(b) - stay(a))
    .map((group) => keysOf(group.map((item) => item.component)));
}

const FNV_OFFSET = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;

/** FNV-1a of 64 bits over a name and the byte that ends strings in Rust's hashes. */
function fnv1a(name: ByteString): bigint {
  let hash = FNV_OFFSET;
  for (const character of `${name}\u00ff`) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(character.charCodeAt(0))) * FNV_PRIME);
  }
  return hash;
}
