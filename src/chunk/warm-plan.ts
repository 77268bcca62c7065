/**
 * The warm plan: what becomes of the plan of the previous image. Pure, as the cold one is.
 *
 * A layer is *clean* when every component in it is still there and has not changed: it is the previous image's layer
 * and costs no client anything. All other layers are *dirty*: they get new digests whatever is done. Their members,
 * and components that are new, form a pool that is planned afresh among itself, which costs no client anything
 * either: no client has any of these layers, and they all need the bytes. Clean layers come first and keep their
 * order, so that the chain of layers that a client has stays as long as it can.
 *
 * What this leaves on the table grows with time. Each update adds to a *regret* what a cold plan would have been
 * expected to save since the last one; once the regret passes the bytes of the whole image, the cold plan is taken
 * (rent or buy: at most twice what hindsight would have paid).
 */
import { type ByteString, compareBytes } from '../bytes/byte-string.ts';
import type { PackItem } from './packing/pack-model.ts';
import {
  checkKeys,
  checkMaxLayers,
  describePlan,
  groupComponents,
  type LayerPlan,
  orderGroups,
  type PlanInput,
  type PlanOptions,
  planLayers,
  reservedLayers,
} from './plan.ts';

/** What a warm plan needs of a component. */
export interface WarmInput extends PlanInput {
  /** Any text that is another when the component has changed. */
  readonly digest: string;
}

/** A component as the previous image had it. */
export interface RememberedMember extends PackItem {
  /** Absent where nobody wrote it down: the component counts as changed. */
  readonly digest?: string | undefined;
  /** Days (UTC, since 1970) on which it is known to have changed, where no image tells of more than the newest. */
  readonly changeDays?: readonly number[] | undefined;
}

/** One layer of the previous image. */
export interface RememberedLayer {
  readonly members: readonly RememberedMember[];
}

/** What is known of the plan of the previous image. */
export interface RememberedPlan {
  /** In the order of the image. */
  readonly layers: readonly RememberedLayer[];
  /** Bytes that cold plans are expected to have saved since the last one. */
  readonly regret: number;
  /** Newest day known in that image (UTC, since 1970): what time is measured by. */
  readonly today?: number | undefined;
}

/** Options of {@link planWarm}. */
export interface WarmOptions extends PlanOptions {
  /** Take the cold plan now, whatever it costs. */
  readonly replan?: boolean | undefined;
  /** Newest day known in the image (UTC, since 1970). */
  readonly today?: number | undefined;
}

/** A plan, and what of it is there already. */
export interface WarmPlan extends LayerPlan {
  /** For each layer the place, in the previous image, of the layer that it is unchanged. */
  readonly origins: readonly (number | undefined)[];
  /** To be remembered for the next image. */
  readonly regret: number;
  /** Whether the cold plan was taken. */
  readonly replanned: boolean;
}

/** Weeks between two images at most: what an image says of its age may be anything. */
const MAX_WEEKS = 520;
const DAYS_A_WEEK = 7;

/**
 * Plans an image after a previous one. Without layers to remember this is {@link planLayers}. The order of the input
 * is without effect, that of the previous layers is not. Throws what {@link planLayers} throws.
 */
export function planWarm(
  components: readonly WarmInput[],
  previous: RememberedPlan,
  options: WarmOptions = {},
): WarmPlan {
  checkKeys(components);
  const maxLayers = checkMaxLayers(options.maxLayers);
  const clean = cleanLayers(components, previous, maxLayers);
  const kept = keepLayers(components, previous, clean, maxLayers);
  if (options.replan !== true && kept.pool.length === 0) {
    return { ...kept.plan, origins: clean, regret: previous.regret, replanned: false };
  }
  const cold = planLayers(components, { maxLayers });
  const coldOrigins = originsOf(cold, components, previous);
  const regret = growRegret(previous, kept.plan, cold, options.today);
  // All of it, though some layers may happen to be the same: a cold plan must never look cheap.
  const price = cold.totals.size;
  if (options.replan === true || previous.layers.length === 0 || regret > price) {
    return { ...cold, origins: coldOrigins, regret: 0, replanned: previous.layers.length > 0 };
  }
  return { ...kept.plan, origins: kept.origins, regret, replanned: false };
}

/** What the next image will remember of a plan; `digests` of all its components by key. */
export function rememberPlan(
  plan: LayerPlan & { readonly regret?: number },
  digests: ReadonlyMap<ByteString, string>,
  today?: number,
): RememberedPlan {
  const layers = plan.layers.map(({ members }) => ({
    members: members.map(({ key, size, rate }) => ({ key, size, rate, digest: digests.get(key) })),
  }));
  return { layers, regret: plan.regret ?? 0, today };
}

/**
 * Places of the layers that stay, in order. Where a lower budget leaves no room for them and what else there is, the
 * smallest are given up.
 */
function cleanLayers(
  components: readonly WarmInput[],
  previous: RememberedPlan,
  maxLayers: number,
): number[] {
  const left = new Map(components.map(({ key, digest }) => [key, digest]));
  const clean = previous.layers.flatMap(({ members }, place) => {
    if (!isClean(members, left)) return [];
    // Of two layers that claim one component, the first has it.
    for (const { key } of members) left.delete(key);
    return [place];
  });
  const room = maxLayers - (left.size > 0 ? 1 : 0);
  if (clean.length <= room) return clean;
  const bySize = [...clean].sort((a, b) => sizeOf(previous, b) - sizeOf(previous, a) || a - b);
  return bySize.slice(0, Math.max(maxLayers - 1, 0)).sort((a, b) => a - b);
}

function isClean(members: readonly RememberedMember[], now: ReadonlyMap<ByteString, string>): boolean {
  return (
    members.length > 0 && members.every(({ key, digest }) => digest !== undefined && now.get(key) === digest)
  );
}

function sizeOf({ layers }: RememberedPlan, place: number): number {
  return (layers[place]?.members ?? []).reduce((sum, { size }) => sum + size, 0);
}

interface KeptPlan {
  readonly plan: LayerPlan;
  readonly origins: readonly (number | undefined)[];
  readonly pool: readonly WarmInput[];
}

/** The clean layers as they are, and the pool planned afresh behind them. */
function keepLayers(
  components: readonly WarmInput[],
  previous: RememberedPlan,
  clean: readonly number[],
  maxLayers: number,
): KeptPlan {
  const byKey = new Map(components.map((component) => [component.key, component]));
  const groups = clean.map((place) => takeMembers(previous, place, byKey));
  const pool = [...byKey.values()].sort((a, b) => compareBytes(a.key, b.key));
  const former = formerPlaces(previous, new Set(clean), pool);
  const reserved = reservedLayers(components.length, maxLayers);
  const slots = poolSlots(former, pool.length, maxLayers - clean.length, reserved);
  const start = new Map([...former.place].map(([key, place]) => [key, Math.min(place, slots - 1)]));
  const grouping = { layers: slots, slots, maxLayers, start };
  const fresh = pool.length === 0 ? [] : orderGroups(groupComponents(pool, grouping));
  const plan = describePlan([...groups, ...fresh], maxLayers, reserved);
  return { plan, origins: [...clean, ...fresh.map(() => undefined)], pool };
}

/** The members of a clean layer as they are now, taken out of what is left. */
function takeMembers(
  { layers }: RememberedPlan,
  place: number,
  left: Map<ByteString, WarmInput>,
): WarmInput[] {
  return (layers[place]?.members ?? []).flatMap(({ key }) => {
    const component = left.get(key);
    left.delete(key);
    return component ?? [];
  });
}

/** Dirty layers that some of the pool comes from, numbered, and which it comes from. */
interface FormerPlaces {
  readonly count: number;
  readonly place: ReadonlyMap<ByteString, number>;
}

function formerPlaces(
  { layers }: RememberedPlan,
  clean: ReadonlySet<number>,
  pool: readonly WarmInput[],
): FormerPlaces {
  const wanted = new Set(pool.map(({ key }) => key));
  const place = new Map<ByteString, number>();
  let count = 0;
  for (const [ordinal, { members }] of layers.entries()) {
    const still = clean.has(ordinal) ? [] : members.filter(({ key }) => wanted.has(key) && !place.has(key));
    for (const { key } of still) place.set(key, count);
    if (still.length > 0) count++;
  }
  return { count, place };
}

/**
 * Layers for the pool: as many as the dirty ones were, or all that are free but for the reserve. The reserve is for
 * what is new, a layer for each.
 */
function poolSlots({ count, place }: FormerPlaces, pool: number, free: number, reserved: number): number {
  const usual = Math.max(count, free - reserved);
  return Math.max(1, Math.min(usual + Math.max(0, pool - place.size), free));
}

/** For each layer of a plan the previous layer that holds the same components, unchanged. */
function originsOf(
  plan: LayerPlan,
  components: readonly WarmInput[],
  { layers }: RememberedPlan,
): (number | undefined)[] {
  const now = new Map(components.map(({ key, digest }) => [key, digest]));
  const places = new Map<string, number>();
  for (const [place, { members }] of layers.entries()) {
    if (isClean(members, now)) places.set(nameOf(members), place);
  }
  return plan.layers.map(({ members }) => places.get(nameOf(members)));
}

/** Keys may hold any byte but are never empty, so lengths keep them apart. */
function nameOf(members: readonly { readonly key: ByteString }[]): string {
  const keys = members.map(({ key }) => key).sort(compareBytes);
  return keys.map((key) => `${key.length}:${key}`).join('');
}

/** What a cold plan is expected to save in the time since the previous image; a week where nobody knows. */
function growRegret(
  previous: RememberedPlan,
  kept: LayerPlan,
  cold: LayerPlan,
  today: number | undefined,
): number {
  const days = today === undefined || previous.today === undefined ? DAYS_A_WEEK : today - previous.today;
  const weeks = Math.min(Math.max(days / DAYS_A_WEEK, 0), MAX_WEEKS);
  const saved = Math.round((kept.totals.cost - cold.totals.cost) * weeks);
  return Math.min(Math.max(previous.regret + saved, 0), Number.MAX_SAFE_INTEGER);
}
