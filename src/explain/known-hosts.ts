/** The profiles of hosts as points of the search: what a real host does is likelier than what none does. */
import type { HashAlgorithm } from '../bytes/digest.ts';
import { HOST_PROFILES, type HostProfile, type HostProfileName } from '../host/profiles.ts';
import type { Goal } from './goals.ts';
import { profileSettings, type ViewForm, type ViewSettings } from './settings.ts';
import { type Choice, choicesBetween } from './variables.ts';

/** One of the digests that a host computes. */
export interface HostView {
  readonly profile: HostProfileName;
  readonly form: ViewForm;
  readonly settings: ViewSettings;
}

/** The views of all hosts of an algorithm, in the order of the table. */
export function hostViews(algorithm: HashAlgorithm): HostView[] {
  return HOST_PROFILES.filter((profile) => profile.algorithm === algorithm).flatMap((profile) =>
    formsOf(profile).map((form) => ({
      profile: profile.name,
      form,
      settings: profileSettings(profile, form),
    })),
  );
}

function formsOf(profile: HostProfile): ViewForm[] {
  return profile.boot === undefined ? ['plain'] : ['plain', 'bootable'];
}

/** The same as sets of changes from the settings that a search starts from. */
export function knownChanges(base: ViewSettings, algorithm: HashAlgorithm): (readonly Choice[])[] {
  return hostViews(algorithm).map(({ settings }) => choicesBetween(base, settings));
}

/** Which hosts' views are what the goal asks for, and nothing else. */
export function hostsOf(goal: Goal, algorithm: HashAlgorithm): HostView[] {
  return hostViews(algorithm).filter(({ settings }) => goal.judge(settings, 0) !== undefined);
}
