/**
 * A year of weekly updates, replayed from the days on which each component changed: a table of components with today's
 * sizes, and their past. What a planner sees of a week are changes up to it.
 */
import { type ByteString, fromUtf8 } from '../bytes/byte-string.ts';
import {
  type ChangeHistory,
  type ChangeKind,
  followsRelease,
  weighChanges,
} from '../chunk/change-history.ts';
import type { ComponentKind } from '../chunk/component.ts';
import { ALWAYS_RATE, estimateRate, unionRate } from '../chunk/rates.ts';
import type { SimulatedComponent, SimulatedImage } from './series.ts';

/** A component of the table. */
export interface ReplayComponent {
  readonly key: string;
  readonly kind: ComponentKind;
  /** Bytes, compressed by itself, as tar, and what builds guess that it will be compressed. */
  readonly size: number;
  readonly tarSize: number;
  readonly estimate: number;
  /** Days (UTC, since 1970) on which it changed. */
  readonly changeDays: readonly number[];
  /** What for, a letter for each of these days: `r`elease, `s`ecurity, `d`evelopment. */
  readonly kinds?: string | undefined;
  /** Keys of what it is made from, whose changes are its own; `*` for everything. */
  readonly inputs?: readonly string[] | undefined;
}

/** The table. */
export interface ReplayTable {
  /** Where the figures come from. */
  readonly origin: string;
  /** Last day of the last week. */
  readonly lastDay: number;
  readonly weeks: number;
  readonly components: readonly ReplayComponent[];
}

/** Sizes that plans are made by. */
export type PlannedSizes = 'compressed' | 'estimate' | 'tar';

/**
 * One image before the first week, and one at the end of each. Our planner goes by the sizes that clients download, by
 * what these are taken for, as builds do, or by those of tars; others know what clients download, or tars.
 */
export function replayImages(
  { lastDay, weeks, components }: ReplayTable,
  planBy: PlannedSizes = 'compressed',
): SimulatedImage[] {
  const sized = components.map((each) => sizeFor(each, planBy));
  return Array.from({ length: weeks + 1 }, (_, week) => imageAt(sized, lastDay - (weeks - week) * 7));
}

function sizeFor(component: ReplayComponent, planBy: PlannedSizes): ReplayComponent {
  const { size, tarSize } = component;
  if (planBy === 'estimate') return component;
  const known = planBy === 'tar' ? tarSize : size;
  return { ...component, tarSize: known, estimate: known };
}

function imageAt(components: readonly ReplayComponent[], day: number): SimulatedImage {
  const seen = new Map(
    components.map((component) => [component.key, daysUpTo(component, components, day)] as const),
  );
  const today = [...seen.values()].reduce((newest, days) => Math.max(newest, ...days), 0);
  const histories = new Map(components.map((component) => [component.key, historyUpTo(component, day)]));
  const isRelease = followsRelease([...histories.values()].flatMap((history) => history ?? []));
  const rateOf = ({ key, kind }: ReplayComponent): number =>
    kind === 'database'
      ? ALWAYS_RATE
      : estimateRate(seen.get(key) ?? [], today, weighChanges(histories.get(key), isRelease));
  const rates = new Map(components.map((component) => [component.key, rateOf(component)]));
  return {
    name: String(day),
    today,
    components: components.map((component) => stateOf(component, seen.get(component.key) ?? [], rates)),
  };
}

const KINDS: Readonly<Record<string, ChangeKind>> = { r: 'release', s: 'security', d: 'development' };

function historyUpTo({ changeDays, kinds }: ReplayComponent, day: number): ChangeHistory | undefined {
  if (kinds === undefined) return undefined;
  const dated = changeDays.map((changed, at) => [changed, KINDS[kinds[at] ?? ''] ?? 'development'] as const);
  return new Map(dated.filter(([changed]) => changed <= day));
}

function daysUpTo(
  { key, changeDays, inputs }: ReplayComponent,
  components: readonly ReplayComponent[],
  day: number,
): number[] {
  const sources =
    inputs === undefined ? [] : components.filter((other) => other.key !== key && uses(inputs, other));
  const days = [changeDays, ...sources.map((source) => source.changeDays)].flat();
  return [...new Set(days)].filter((changed) => changed <= day).sort((a, b) => b - a);
}

function uses(inputs: readonly string[], { key }: ReplayComponent): boolean {
  return inputs.includes('*') || inputs.includes(key);
}

function stateOf(
  { key, kind, size, tarSize, estimate, inputs }: ReplayComponent,
  days: readonly number[],
  rates: ReadonlyMap<string, number>,
): SimulatedComponent {
  const derived = kind !== 'database' && inputs !== undefined;
  const rate = derived ? unionRate(inputs.map((input) => rates.get(input) ?? 0)) : (rates.get(key) ?? 0);
  const name: ByteString = fromUtf8(key);
  const sizes = { size, tarSize, estimate };
  return { key: name, kind, ...sizes, rate, changeDays: days, digest: String(days.length) };
}
