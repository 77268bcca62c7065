/** Where the search of `explain` starts: what a host makes of a source, as far as hosts take it. */
import type { HashAlgorithm } from '../../bytes/digest.ts';
import { isPlanishError } from '../../errors.ts';
import { knownChanges } from '../../explain/known-hosts.ts';
import type { Remaker } from '../../explain/remaker.ts';
import { AS_IT_IS, profileSettings, type ViewForm, type ViewSettings } from '../../explain/settings.ts';
import type { Choice } from '../../explain/variables.ts';
import { DEFAULT_PROFILE, type HostProfile, hostProfile } from '../../host/profiles.ts';
import type { OnWarning } from '../../warnings.ts';
import type { LoadedTree } from '../load/load-tree.ts';
import { holdsContents } from '../load/tree-pair.ts';
import type { PreparedSource } from './view-source.ts';

/** The side that is viewed under many settings. */
export interface Subject {
  readonly reference: string;
  readonly side: 'a' | 'b';
  readonly tree: LoadedTree;
  readonly source: PreparedSource;
  readonly remaker: Remaker;
}

/** See the module. */
export interface Base {
  readonly settings: ViewSettings;
  /** Absent: the subject as it is. */
  readonly profile: string | undefined;
  readonly form: ViewForm;
}

/** What was asked for. */
export interface BaseOptions {
  readonly profile?: string | undefined;
  readonly bootable?: boolean | undefined;
}

/**
 * The base for a subject: what the host makes of it; the subject as it is where it is finished, or where no host takes
 * it. `also` are other sides that must take it, too; `usual` is the form when none was asked for, `format` that of a finished subject. Warns with `NO_HOST_DIGEST`
 * where less is done than was asked for. Throws `BAD_OPTION` for an unknown profile.
 */
export function chooseBase(
  { tree, remaker, source }: Subject,
  also: readonly Remaker[],
  { profile, bootable }: BaseOptions,
  usual: { readonly form: ViewForm; readonly format: 0 | 1 | 2 },
  onWarning: OnWarning,
): Base {
  const form = bootable === undefined ? usual.form : bootable ? 'bootable' : 'plain';
  const bare: Base = { settings: { ...AS_IT_IS, format: usual.format }, profile: undefined, form: 'plain' };
  if (!holdsContents(tree) && profile === undefined && bootable === undefined) return bare;
  const host = hostProfile(profile ?? DEFAULT_PROFILE);
  for (const possible of form === 'bootable' ? (['bootable', 'plain'] as const) : (['plain'] as const)) {
    const { settings, refused } = takeFar([remaker, ...also], host, possible);
    if (settings !== undefined) return { settings, profile: host.name, form: possible };
    if (refused !== source.refused?.message) warnRefused(refused, onWarning);
  }
  return bare;
}

/** Says that what is found is of use to no host. */
export function warnRefused(refusal: string, onWarning: OnWarning): void {
  const message = `hosts refuse this image and compute no digest: ${refusal}`;
  onWarning({ code: 'NO_HOST_DIGEST', message });
}

type Taken =
  | { readonly settings: ViewSettings; readonly refused: undefined }
  | { readonly settings: undefined; readonly refused: string };

/** Settings of a host, with the layers as OCI reads them where the host cannot read them. */
export function takeFar(remakers: readonly Remaker[], host: HostProfile, form: ViewForm): Taken {
  const settings = profileSettings(host, form);
  const refused = refusalOf(remakers, settings);
  if (refused === undefined) return { settings, refused: undefined };
  const tolerant: ViewSettings = { ...settings, whiteouts: 'oci' };
  if (refusalOf(remakers, tolerant) === undefined) return { settings: tolerant, refused: undefined };
  return { settings: undefined, refused };
}

function refusalOf(remakers: readonly Remaker[], settings: ViewSettings): string | undefined {
  try {
    for (const remaker of remakers) remaker.identify(settings);
    return undefined;
  } catch (error) {
    if (isPlanishError(error) && error.kind === 'input') return error.message;
    throw error;
  }
}

/** What hosts do; for layers that they refuse, what they would do had they the tree of OCI. */
export function knownSets(
  base: ViewSettings,
  { tree, source }: Subject,
  algorithm: HashAlgorithm,
): (readonly Choice[])[] {
  if (!holdsContents(tree)) return [];
  const known = knownChanges(base, algorithm);
  if (source.refused === undefined) return known;
  return known.map((changes) => changes.filter(({ variable }) => variable !== 'whiteouts'));
}
