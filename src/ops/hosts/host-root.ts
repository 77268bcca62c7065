/** The one tree that `dump` and `mkfs` show: the source's own, or the one that a host digests. */
import { PlanishError } from '../../errors.ts';
import type { Attempt } from '../../host/host-digest.ts';
import { DEFAULT_PROFILE, type HostProfile, type HostProfileName, hostProfile } from '../../host/profiles.ts';
import type { Directory } from '../../tree/tree.ts';
import type { LoadedTree } from '../load/load-tree.ts';
import type { Session } from '../session.ts';

/** Which tree. All of it changes what comes out. */
export interface HostChoice {
  /** The tree as this host digests it; default: as it is, or with `bootable` as `bootc` does. */
  readonly profile?: HostProfileName | undefined;
  /** The tree that is booted, rather than the one of a container. */
  readonly bootable?: boolean | undefined;
}

/** The profile that was chosen, if any. Throws `BAD_OPTION`. */
export function chosenProfile({ profile, bootable }: HostChoice): HostProfile | undefined {
  if (profile !== undefined) return hostProfile(profile);
  return bootable === true ? hostProfile(DEFAULT_PROFILE) : undefined;
}

/** The tree. Throws `HOST_TREE_INVALID` and what else makes the host refuse it, `BAD_OPTION` for a host without boot. */
export async function chosenRoot(session: Session, tree: LoadedTree, choice: HostChoice): Promise<Directory> {
  const profile = chosenProfile(choice);
  if (profile === undefined) return tree.root;
  const wanted = { bootable: choice.bootable === true };
  const { hostInput, hostTrees } = await import('./host-digests.ts');
  const { plain, bootable } = await hostTrees(session, hostInput(tree), profile, wanted);
  if (!wanted.bootable) return accepted(plain);
  if (bootable !== undefined) return accepted(bootable);
  throw new PlanishError('BAD_OPTION', `the profile ${profile.name} makes no bootable images`);
}

function accepted({ value, refused }: Attempt<Directory>): Directory {
  if (value !== undefined) return value;
  const { code, message, path, layer } = refused;
  throw new PlanishError(code, message, { path, layer });
}
