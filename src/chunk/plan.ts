/** The layer plan: which components share a layer, in which order. Plain data; decides and touches nothing. */
import { type ByteString, compareBytes } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';
import { DEVELOPMENT_WEIGHT } from './change-history.ts';
import type { ComponentKind } from './component.ts';
import { type Packing, pack } from './packing/pack.ts';
import { expectedBytes, type PackItem } from './packing/pack-model.ts';
import {
  ALWAYS_RATE,
  HALF_LIFE_DAYS,
  HISTORY_HALF_LIFE_DAYS,
  PRIOR_CHANGES,
  PRIOR_WEEKS,
  RATE_UNIT,
  stabilityOf,
} from './rates.ts';

/** Layers when nobody says how many. */
const DEFAULT_MAX_LAYERS = 64;
/** More layers than any client takes. */
export const MAX_LAYERS = 1000;
/**
 * Of the layers, one in so many is left free for components that later images add, and for directories. Fewer layers
 * cost more than growth does: most of what is new finds a layer that is written anyway.
 */
const GROWTH_DIVISOR = 50;
/** What changes always is put beside the database only up to this many bytes, as estimated. */
const VOLATILE_BYTES = 1024 * 1024;

/** So few layers that one for the database alone may be dear … */
const FEW_LAYERS = 12;
/** … that is, costs more than this many times what the best plan costs: then it shares its layer like any other. */
const APART_COST = 1.01;

/** What planning needs of a component; `Component` has it. */
export interface PlanInput extends PackItem {
  readonly kind: ComponentKind;
}

/** One layer of a plan. */
export interface PlannedLayer {
  /** In byte order of their keys. */
  readonly members: readonly PackItem[];
  /** Estimated compressed bytes: the sum over the members. */
  readonly size: number;
  /** Expected changes in a million weeks. */
  readonly rate: number;
  /** Probability that nothing in it changes within one week. */
  readonly stability: number;
  /** Expected bytes that a client downloads for it in a week. */
  readonly cost: number;
  /** Its part of the cost of the whole plan, 0 to 1. */
  readonly share: number;
}

/** A plan. Layers are in the order in which they go into the image, most stable first. */
export interface LayerPlan {
  readonly version: 1;
  readonly layers: readonly PlannedLayer[];
  readonly totals: {
    readonly components: number;
    /** Estimated compressed bytes. */
    readonly size: number;
    /** Expected bytes a week. */
    readonly cost: number;
    /** Expected bytes a week if every component had a layer of its own: no plan is cheaper, whatever its layers. */
    readonly bound: number;
    /** cost / bound, at least 1. */
    readonly ratio: number;
  };
  /** What the numbers rest on. */
  readonly model: {
    readonly maxLayers: number;
    /** Layers left free for growth; 0 when every component has its own. */
    readonly reserved: number;
    readonly rateUnitWeeks: number;
    readonly halfLifeDays: number;
    /** Of packages with a changelog that tells what each change was for; and what one for development weighs there. */
    readonly historyHalfLifeDays: number;
    readonly developmentWeight: number;
    readonly priorChanges: number;
    readonly priorWeeks: number;
  };
}

/** Options of {@link planLayers}. */
export interface PlanOptions {
  /** Layers of the image at most, 1 to 1000; 64 by default. */
  readonly maxLayers?: number | undefined;
}

/**
 * A cold plan: no previous image is known. One layer for each component where that many are allowed; else the
 * database and other small things that always change share the last layer (unless layers are so few that this is
 * dear), one layer in fifty stays free for components to come, and the rest is packed at the least expected cost. The
 * order of the input is without effect.
 * Throws `BAD_OPTION` for a bad number of layers, `INVARIANT` for a key that occurs twice.
 */
export function planLayers(components: readonly PlanInput[], options: PlanOptions = {}): LayerPlan {
  const maxLayers = checkMaxLayers(options.maxLayers);
  checkKeys(components);
  const reserved = reservedLayers(components.length, maxLayers);
  const groups = groupComponents(components, { layers: maxLayers, slots: maxLayers - reserved, maxLayers });
  return describePlan(orderGroups(groups), maxLayers, reserved);
}

/** The number of layers asked for, or the default. Throws `BAD_OPTION`. */
export function checkMaxLayers(maxLayers: number = DEFAULT_MAX_LAYERS): number {
  if (Number.isInteger(maxLayers) && maxLayers >= 1 && maxLayers <= MAX_LAYERS) return maxLayers;
  throw new PlanishError('BAD_OPTION', `the number of layers must be 1 to ${MAX_LAYERS}`, {
    actual: maxLayers,
  });
}

/** Layers left free for growth: none where every component has its own. */
export function reservedLayers(components: number, maxLayers: number): number {
  return components <= maxLayers ? 0 : Math.floor(maxLayers / GROWTH_DIVISOR);
}

/** Throws `INVARIANT` for a key that occurs twice. */
export function checkKeys(components: readonly PlanInput[]): void {
  const keys = new Set<ByteString>();
  for (const { key } of components) {
    if (keys.has(key)) throw new PlanishError('INVARIANT', `two components have the key ${key}`);
    keys.add(key);
  }
}

function isVolatile(component: PlanInput): boolean {
  if (component.kind === 'database') return true;
  return component.rate >= ALWAYS_RATE && component.size <= VOLATILE_BYTES;
}

/** How many groups {@link groupComponents} makes. */
export interface GroupOptions {
  /** Where there are no more components than this, each is a group. */
  readonly layers: number;
  /** Groups at most. */
  readonly slots: number;
  /** Layers of the whole image. */
  readonly maxLayers: number;
  /** A group, 0 to slots - 1, for each of the components that were in one before: where to begin. */
  readonly start?: ReadonlyMap<ByteString, number>;
}

/** Groups in no order: one for each component where that many layers are allowed, else at most `slots`. */
export function groupComponents<T extends PlanInput>(
  components: readonly T[],
  { layers, slots, maxLayers, start }: GroupOptions,
): T[][] {
  if (components.length <= layers) return components.map((item) => [item]);
  const last = components.filter(isVolatile);
  const others = components.filter((component) => !isVolatile(component));
  if (slots === 1 || others.length === 0) return [[...components]];
  const byKey = new Map(components.map((component) => [component.key, component]));
  const take = ({ groups }: Packing): T[][] =>
    groups.map((group) => group.map(({ key }) => byKey.get(key) as T));
  const packed = pack(others, last.length > 0 ? slots - 1 : slots, start);
  if (last.length === 0) return take(packed);
  // With many layers, what one more saves is next to nothing.
  if (maxLayers <= FEW_LAYERS) {
    const together = pack(components, slots, start);
    if (packed.cost + costOf(last) > together.cost * APART_COST) return take(together);
  }
  return [...take(packed), last];
}

function costOf(group: readonly PackItem[]): number {
  const size = group.reduce((sum, item) => sum + item.size, 0);
  return expectedBytes(
    size,
    group.reduce((sum, item) => sum + item.rate, 0),
  );
}

/** Groups in the order of a plan: most stable first, what holds the database last. */
export function orderGroups<T extends PlanInput>(groups: readonly (readonly T[])[]): (readonly T[])[] {
  return groups
    .map((group) => ({ group, last: group.some(isVolatile), layer: describeLayer(group) }))
    .sort((a, b) => Number(a.last) - Number(b.last) || compareLayers(a.layer, b.layer))
    .map(({ group }) => group);
}

/** The plan of groups that are in order already. */
export function describePlan(
  groups: readonly (readonly PlanInput[])[],
  maxLayers: number,
  reserved: number,
): LayerPlan {
  const bare = groups.map(describeLayer);
  // Sums of doubles are taken in the order of the plan, so that they are the same for every order of input.
  const cost = bare.reduce((sum, layer) => sum + layer.cost, 0);
  const members = bare.flatMap((layer) => layer.members).sort((a, b) => compareBytes(a.key, b.key));
  const bound = members.reduce((sum, { size, rate }) => sum + expectedBytes(size, rate), 0);
  return {
    version: 1,
    layers: bare.map((layer) => ({ ...layer, share: cost === 0 ? 0 : layer.cost / cost })),
    totals: {
      components: members.length,
      size: bare.reduce((sum, layer) => sum + layer.size, 0),
      cost,
      bound,
      ratio: bound === 0 ? 1 : Math.max(cost / bound, 1),
    },
    model: {
      maxLayers,
      reserved,
      rateUnitWeeks: RATE_UNIT,
      halfLifeDays: HALF_LIFE_DAYS,
      historyHalfLifeDays: HISTORY_HALF_LIFE_DAYS,
      developmentWeight: DEVELOPMENT_WEIGHT,
      priorChanges: PRIOR_CHANGES,
      priorWeeks: PRIOR_WEEKS,
    },
  };
}

function describeLayer(group: readonly PlanInput[]): Omit<PlannedLayer, 'share'> {
  const members = group
    .map(({ key, size, rate }) => ({ key, size, rate }))
    .sort((a, b) => compareBytes(a.key, b.key));
  const size = members.reduce((sum, member) => sum + member.size, 0);
  const rate = members.reduce((sum, member) => sum + member.rate, 0);
  return { members, size, rate, stability: stabilityOf(rate), cost: expectedBytes(size, rate) };
}

function compareLayers(a: Omit<PlannedLayer, 'share'>, b: Omit<PlannedLayer, 'share'>): number {
  const [firstA, firstB] = [a.members[0] as PackItem, b.members[0] as PackItem];
  return a.rate - b.rate || compareBytes(firstA.key, firstB.key);
}
