/**
 * Changes that builds have seen themselves. Of components without a changelog (files, places, packages of pacman) an image
 * tells the newest change alone. The previous image remembers earlier ones, and says by digests whether there was another.
 */
import type { ByteString } from '../bytes/byte-string.ts';
import type { Component } from './component.ts';
import { estimateRate } from './rates.ts';
import type { RememberedMember, RememberedPlan } from './warm-plan.ts';

/** Days that are remembered of a component; what is older hardly counts. */
const MOST_DAYS = 32;
/** Files may have any time; what is written down has six digits at most. */
const LAST_DAY = 999_999;

/** What is known of this image. */
export interface ObservedImage {
  readonly digests: ReadonlyMap<ByteString, string>;
  readonly today: number;
}

/**
 * The components with the days and rates that follow from what the previous image remembers. Building an image again after
 * itself changes nothing.
 */
export function observeChanges(
  components: readonly Component[],
  previous: RememberedPlan,
  image: ObservedImage,
): readonly Component[] {
  const members = previous.layers.flatMap((layer) => layer.members);
  const known = new Map(members.map((member) => [member.key, member]));
  if (members.length === 0) return components;
  return components.map((component) => {
    const member = known.get(component.key);
    return component.guessed && member !== undefined
      ? observe(component, member, previous, image)
      : component;
  });
}

function observe(
  component: Component,
  { digest, changeDays: remembered = [] }: RememberedMember,
  { today: then }: RememberedPlan,
  { digests, today }: ObservedImage,
): Component {
  const now = digests.get(component.key);
  const isChanged = digest !== undefined && now !== undefined && now !== '' && now !== digest;
  const newest = component.lastChange;
  // A file may be given any time; that of the image tells when the change was there at the latest.
  const isDated = newest !== undefined && then !== undefined && newest > then && newest <= today;
  const seen = isChanged && !isDated ? [today] : [];
  // Of what has not changed, a newer time is no change.
  const own = isChanged || remembered.length === 0 ? component.changeDays : [];
  const days = [...new Set([...remembered, ...own, ...seen])].sort((a, b) => b - a).slice(0, MOST_DAYS);
  return {
    ...component,
    changeDays: days,
    lastChange: days[0] ?? component.lastChange,
    rate: estimateRate(days, today),
  };
}

/** The days of a component that are to be remembered, newest first: where the next image would not tell of them. */
export function daysToRemember({ guessed, changeDays }: Component): readonly number[] | undefined {
  const days = guessed ? changeDays.filter((day) => day >= 0 && day <= LAST_DAY) : [];
  return days.length > 0 ? days.sort((a, b) => b - a) : undefined;
}
