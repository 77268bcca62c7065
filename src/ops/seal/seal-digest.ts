/** What hosts will compute of a tree that is to be sealed. */
import type { DigestArgument } from '../../boot/sealed-cmdline.ts';
import { formatDumpfile } from '../../dumpfile/format.ts';
import { type ErrorCode, PlanishError } from '../../errors.ts';
import { type Attempt, hostOutcome } from '../../host/host-digest.ts';
import type { BootChoices, HostProfile } from '../../host/profiles.ts';
import type { Directory } from '../../tree/tree.ts';
import { hostInput, hostTrees } from '../hosts/host-digests.ts';
import type { LoadedTree } from '../load/load-tree.ts';
import type { Session } from '../session.ts';

/** A profile of hosts that boot. */
export type BootProfile = HostProfile & { readonly boot: BootChoices };

/** The profile of a name. Throws `BAD_OPTION` for one without boot. */
export function bootProfile(profile: HostProfile): BootProfile {
  const { boot } = profile;
  if (boot !== undefined) return { ...profile, boot };
  throw new PlanishError('BAD_OPTION', `the profile ${profile.name} makes no bootable images`);
}

/** What goes on the command line, and the dumpfile of the tree that was digested, when it is wanted. */
export interface SealDigest {
  readonly argument: DigestArgument;
  readonly dump: Uint8Array | undefined;
}

/** Throws what the host refuses the tree for. */
export async function sealDigest(
  session: Session,
  tree: LoadedTree,
  root: Directory,
  profile: BootProfile,
  choices: { readonly optional: boolean; readonly dump: boolean },
): Promise<SealDigest> {
  const input = { ...hostInput(tree), source: { kind: 'tree', root } as const, facts: undefined };
  const { bootable } = await hostTrees(session, input, profile);
  const made = accepted(bootable);
  const { digest, format, refused } = hostOutcome({ value: made, refused: undefined }, profile, {
    algorithm: tree.algorithm,
  });
  if (digest === undefined || format === undefined) throw refusalError(refused);
  const key = profile.boot.argument;
  return {
    argument: { key, format, algorithm: tree.algorithm, digest, optional: choices.optional },
    dump: choices.dump ? Buffer.concat([...formatDumpfile(made)]) : undefined,
  };
}

function accepted(tree: Attempt<Directory> | undefined): Directory {
  if (tree?.value !== undefined) return tree.value;
  throw refusalError(tree?.refused);
}

function refusalError(
  refused: { code: ErrorCode; message: string; path: string | undefined } | undefined,
): PlanishError {
  if (refused === undefined) return new PlanishError('INVARIANT', 'a host refused a tree without a reason');
  const { code, message, path } = refused;
  return new PlanishError(code, message, { path });
}
