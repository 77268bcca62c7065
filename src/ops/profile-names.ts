/** Names of host profiles, for those who let a person choose. */
import { DEFAULT_PROFILE, HOST_PROFILES, type HostProfileName } from '../host/profiles.ts';

export type { HostProfileName };

/** One profile in a few words. */
export interface ProfileSummary {
  readonly name: HostProfileName;
  readonly describes: string;
}

/** All profiles in the order of their table. */
export const PROFILES: readonly ProfileSummary[] = HOST_PROFILES;

/** Name of the profile of today's released hosts. */
export const DEFAULT_PROFILE_NAME: HostProfileName = DEFAULT_PROFILE;
