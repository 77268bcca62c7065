/** Trees that a verb adds to before `build` writes them: `seal` puts UKIs into a layer of their own. */
import type { ByteString } from '../../bytes/byte-string.ts';
import type { ComponentSource } from '../../chunk/component.ts';
import { PlanishError } from '../../errors.ts';
import { selectMembers } from '../../layer/members.ts';
import type { ContentFile } from '../../parallel/content-file.ts';
import type { Directory } from '../../tree/tree.ts';
import type { TreeDigests } from '../hosts/tree-digests.ts';
import type { LoadedTree, Needs, SourceOptions } from '../load/load-tree.ts';
import type { Session } from '../session.ts';
import type { ArrangedLayer } from './arrange-layers.ts';
import type { KeyEdit } from './image-config.ts';
import { DEFAULT_MAX_LAYERS } from './make-plan.ts';

/** Opens a source, makes a tree of it, and closes it after `use`. */
export type LoadTree = <T>(
  session: Session,
  source: string,
  options: SourceOptions,
  needs: Needs,
  use: (tree: LoadedTree) => Promise<T>,
) => Promise<T>;

/** What a tree becomes before it is written, and what hosts its digests are for. */
export interface BuildExtras {
  /** Loads the source, in place of `withTree`. */
  readonly load?: LoadTree | undefined;
  /** Sources of components besides those that every build has; asked once the source is loaded. */
  readonly sources?: (() => readonly ComponentSource[]) | undefined;
  /** Labels besides those of the source, before what the user edits. */
  readonly labels?: (() => readonly KeyEdit[]) | undefined;
  /** Gives the tree that is split into layers, and files that make up one more layer behind them. */
  readonly extend?:
    | ((session: Session, tree: LoadedTree, shipped: Directory) => Promise<ExtendedTree>)
    | undefined;
  /** Looks at the digests before layers are written; what it throws ends the build. */
  readonly check?: ((digests: TreeDigests) => void) | undefined;
  /** Host profile of the digests; default: that of bootc. */
  readonly profile?: string | undefined;
}

/** See {@link BuildExtras.extend}. */
export interface ExtendedTree {
  /** What is planned. */
  readonly base: Directory;
  /** The same and the files of the last layer. */
  readonly full: Directory;
  /** Paths of the files of the last layer, and their bytes. */
  readonly paths: readonly ByteString[];
  readonly size: number;
  /** Rows that locations in the tree name: those of the source, and others behind them. */
  readonly contents: readonly ContentFile[];
}

/** A tree to which nothing is added. */
export function unextended(
  { contents }: LoadedTree,
  root: Directory,
): Pick<ExtendedTree, 'base' | 'full' | 'contents'> {
  return { base: root, full: root, contents };
}

/** The files that were added, which no plan knows of. It says what the layer before it says of the plan. */
export function lastLayer(
  { full, paths, size }: ExtendedTree,
  before: ArrangedLayer | undefined,
): ArrangedLayer {
  const planned = { members: [], size: 0, rate: 0, stability: 0, cost: 0, share: 0 };
  const { verity, regret, today } = before?.text ?? {};
  const entries = selectMembers(full, paths).length;
  const text = { members: [], verity, regret, today };
  return { planned, paths, whiteouts: [], entries, tarSize: size, text, carried: undefined };
}

/** The layer budget less that of what was added. Throws `BAD_OPTION`. */
export function layersForTree(maxLayers: number = DEFAULT_MAX_LAYERS): number {
  if (maxLayers !== 1) return maxLayers - 1;
  throw new PlanishError('BAD_OPTION', 'a sealed image has at least two layers');
}
