/**
 * What the entries of a changelog say of changes to come. A released system changes with uploads to its release. What
 * was uploaded for development before has come with the release at once, and says little of how often a package changes
 * now; but one whose holes were mended then will have others.
 */

import type { ChangeWeights } from './rates.ts';

/** What a change was for. Of several on a day the first of these counts. */
export type ChangeKind = 'release' | 'security' | 'development';

/** The days (UTC, since 1970) on which something changed, and what for. */
export type ChangeHistory = ReadonlyMap<number, ChangeKind>;

/** What a change for development weighs, in a released system, against 1 of any other. */
export const DEVELOPMENT_WEIGHT = 0.02;

/** Of packages that changed in so many days before the newest change, most tell what the image follows. */
const RECENT_DAYS = 90;
const KINDS: readonly ChangeKind[] = ['release', 'security', 'development'];

/** Adds a change to a history. */
export function noteChange(history: Map<number, ChangeKind>, day: number, kind: ChangeKind): void {
  const known = history.get(day);
  if (known === undefined || KINDS.indexOf(kind) < KINDS.indexOf(known)) history.set(day, kind);
}

/** One history of several. */
export function mergeHistories(histories: Iterable<ChangeHistory>): ChangeHistory {
  const merged = new Map<number, ChangeKind>();
  for (const history of histories) for (const [day, kind] of history) noteChange(merged, day, kind);
  return merged;
}

/**
 * Whether an image is of a release, by the histories of all its packages: of those that changed lately, at least as many
 * did so last for a release as for development. A package that a release has taken over later has entries of development
 * too, but its newest is of the release.
 */
export function followsRelease(histories: Iterable<ChangeHistory>): boolean {
  const newest: [day: number, kind: ChangeKind][] = [];
  for (const history of histories) {
    const last = [...history].reduce((a, b) => (b[0] > a[0] ? b : a), [Number.NEGATIVE_INFINITY, 'release']);
    if (history.size > 0) newest.push(last);
  }
  const today = newest.reduce((latest, [day]) => Math.max(latest, day), Number.NEGATIVE_INFINITY);
  const recent = newest.filter(([day]) => day > today - RECENT_DAYS);
  const released = recent.filter(([, kind]) => kind === 'release').length;
  return 2 * released >= recent.length;
}

/**
 * What each change of a history weighs, in an image that follows a release or, `!isRelease`, development, where all are
 * alike. Nothing where a single day is known, which is no history.
 */
export function weighChanges(
  history: ChangeHistory | undefined,
  isRelease: boolean,
): ChangeWeights | undefined {
  if (history === undefined || history.size < 2) return undefined;
  const weigh = (kind: ChangeKind): number => (isRelease && kind === 'development' ? DEVELOPMENT_WEIGHT : 1);
  return new Map([...history].map(([day, kind]) => [day, weigh(kind)]));
}
