/**
 * Change rates: how often a component is expected to change, from the days on which it did.
 *
 * A rate is an integer number of expected changes in a million weeks. Integers add up exactly in any order, so the
 * sum over a layer, and every comparison made with it, is the same on every machine and for every order of input.
 * A Poisson process is assumed: within one week a component of rate r stays unchanged with probability
 * exp(-r / 1e6), and the weight `w = -ln q` that packing works with is the rate itself.
 */
import { expNegative, LN2 } from './packing/exponential.ts';

/** Weeks that a rate counts changes in. */
export const RATE_UNIT = 1_000_000;

/** The rate of what changes in every build: eight changes a week, unchanged once in 3000 weeks. */
export const ALWAYS_RATE: number = 8 * RATE_UNIT;

/** Days after which a change counts half. */
export const HALF_LIFE_DAYS = 180;

/** The same where it is known what each change was for (see `change-history.ts`). */
export const HISTORY_HALF_LIFE_DAYS = 730;

/** The prior: this many changes … */
export const PRIOR_CHANGES = 0.25;

/** … in this many weeks. Shrinkage towards it keeps one observation from being taken for a habit. */
export const PRIOR_WEEKS = 74;

const DAYS_A_WEEK = 7;
const SECONDS_A_DAY = 86_400;

/** What the change of a day weighs, where that is known; 1 on a day that is not named. */
export type ChangeWeights = ReadonlyMap<number, number>;

/** Day (UTC, days since 1970) that a time in seconds since 1970 falls on. */
export function dayOf(seconds: number): number {
  return Math.floor(seconds / SECONDS_A_DAY);
}

/** Weight of an observation `days` old: 2^(-days / half-life); 1 for the future. */
function decay(days: number, halfLife: number): number {
  return expNegative((LN2 * days) / halfLife);
}

/**
 * Rate of a component that changed on the given days (UTC days since 1970, in any order, duplicates count once).
 * Observation begins with the oldest of them and ends at `today`, the newest day known in the image: no clock is
 * asked. Without any day the prior alone speaks, one change in 296 weeks. Days with weights are remembered longer.
 */
export function estimateRate(changeDays: Iterable<number>, today: number, weights?: ChangeWeights): number {
  const halfLife = weights === undefined ? HALF_LIFE_DAYS : HISTORY_HALF_LIFE_DAYS;
  // Summed from the newest day on: addition of doubles depends on its order.
  const days = [...new Set(changeDays)].sort((a, b) => b - a);
  let changes = 0;
  for (const day of days) changes += decay(today - day, halfLife) * (weights?.get(day) ?? 1);
  const oldest = days.at(-1) ?? today;
  // The integral of the decay: without beginning, and since the oldest.
  const weeks = (halfLife / (DAYS_A_WEEK * LN2)) * (1 - decay(today - oldest, halfLife));
  return roundRate((changes + PRIOR_CHANGES) / (weeks + PRIOR_WEEKS));
}

/** A rate from changes a week: rounded to the grid, at most {@link ALWAYS_RATE}. */
export function roundRate(changesAWeek: number): number {
  return Math.min(Math.floor(changesAWeek * RATE_UNIT + 0.5), ALWAYS_RATE);
}

/**
 * Rate of something made from several inputs: it stays only when all of them stay, and probabilities of staying
 * multiply, so rates add up.
 */
export function unionRate(rates: Iterable<number>): number {
  let sum = 0;
  for (const rate of rates) sum += rate;
  return Math.min(sum, ALWAYS_RATE);
}

/** Probability that nothing of a layer or component with this rate changes within one week. */
export function stabilityOf(rate: number): number {
  return expNegative(rate / RATE_UNIT);
}
