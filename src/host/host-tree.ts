/**
 * The tree of which a host computes the digest of a container, by its profile: from layers or a directory, step by step.
 * What it boots is made of that by `bootable-tree.ts`.
 */
import { copyTree } from '../tree/copy.ts';
import { type FlattenLayer, flatten } from '../tree/flatten.ts';
import { dropFractions, separateLinks } from '../tree/reductions.ts';
import { type TransformReport, transformForContainer, transformInPlace } from '../tree/transform.ts';
import type { Directory } from '../tree/tree.ts';
import type { OnWarning } from '../warnings.ts';
import { asHostsRead, checkHostLayer, type HostLayer } from './accept-layer.ts';
import type { HostProfile } from './profiles.ts';

/** What a host starts from. */
export type HostSource =
  | { readonly kind: 'layers'; readonly layers: readonly HostLayer[] }
  | { readonly kind: 'tree'; readonly root: Directory };

/** What became of a tree before any transform. */
export interface ReductionReport {
  /** Names that became inodes of their own. */
  readonly linksSeparated: number;
  /** Inodes that lost a fraction of a second. */
  readonly fractionsDropped: number;
}

/** The tree whose digest names the image of a container, and what made it differ from the source. */
export interface PlainTree {
  readonly root: Directory;
  readonly reductions: ReductionReport;
  /** Absent where the host has no transform for containers. */
  readonly container: TransformReport | undefined;
}

/**
 * The plain tree of a source; the source is left alone. Throws the codes of `flatten` and of `accept-layer.ts` where
 * the host refuses the layers, `HOST_TREE_INVALID` where it refuses the tree.
 */
export function makePlainTree(source: HostSource, profile: HostProfile, onWarning?: OnWarning): PlainTree {
  const base = sourceTree(source, profile, onWarning);
  const separated = profile.hardLinks === 'separated' ? separateLinks(base) : 0;
  const fractionsDropped = profile.fractions === 'dropped' ? dropFractions(base) : 0;
  const reductions = { linksSeparated: separated, fractionsDropped };
  if (profile.container === undefined) return { root: base, reductions, container: undefined };
  if (base !== sourceRoot(source)) {
    return { root: base, reductions, container: transformInPlace(base, profile.container) };
  }
  const { root, report } = transformForContainer(base, profile.container);
  return { root, reductions, container: report };
}

/** The tree that is not ours to change. */
function sourceRoot(source: HostSource): Directory | undefined {
  return source.kind === 'tree' ? source.root : undefined;
}

/** A tree of the source; that of the source itself only where nothing will change it. */
function sourceTree(source: HostSource, profile: HostProfile, onWarning?: OnWarning): Directory {
  if (source.kind === 'tree') return isReduced(profile) ? copyTree(source.root) : source.root;
  const isHost = profile.layers === 'host';
  if (isHost) {
    for (const [ordinal, layer] of source.layers.entries())
      checkHostLayer(layer, ordinal, profile.severalMembers);
  }
  const numbered = source.layers.map(
    ({ entries }, ordinal): FlattenLayer => ({ ordinal, entries: isHost ? asHostsRead(entries) : entries }),
  );
  const options = isHost
    ? ({ whiteouts: 'host', missingParents: 'refuse' } as const)
    : ({ whiteouts: 'oci', missingParents: 'create' } as const);
  return flatten(numbered, { ...options, onWarning }).root;
}

function isReduced({ hardLinks, fractions }: HostProfile): boolean {
  return hardLinks === 'separated' || fractions === 'dropped';
}
