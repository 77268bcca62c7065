/** Two sources at once, their contents measured by one algorithm, so that they can be compared. */
import type { HashAlgorithm } from '../../bytes/digest.ts';
import type { Session } from '../session.ts';
import { type LoadedTree, type Needs, type SourceOptions, withTree } from './load-tree.ts';

const NEEDS: Needs = { contents: false, digests: true };

/** Whether a source holds files, of which any digest can be computed, rather than digests alone. */
export function holdsContents({ kind }: LoadedTree): boolean {
  return kind === 'image' || kind === 'tar' || kind === 'rootfs';
}

/**
 * Opens both. Where one holds digests alone, they decide the algorithm of the other. Throws what opening throws, and
 * `BAD_OPTION` for two sources with digests of different algorithms.
 */
export async function withTreePair<T>(
  session: Session,
  [a, b]: readonly [string, string],
  options: SourceOptions,
  use: (a: LoadedTree, b: LoadedTree) => Promise<T>,
): Promise<T> {
  return await withTree(session, b, options, NEEDS, async (treeB) => {
    const algorithm = holdsContents(treeB) ? options.algorithm : treeB.algorithm;
    return await withTree(session, a, { ...options, algorithm }, NEEDS, async (treeA) => {
      if (treeA.algorithm === treeB.algorithm) return await use(treeA, treeB);
      return await reopened(session, b, options, treeA.algorithm, (again) => use(treeA, again));
    });
  });
}

async function reopened<T>(
  session: Session,
  source: string,
  options: SourceOptions,
  algorithm: HashAlgorithm,
  use: (tree: LoadedTree) => Promise<T>,
): Promise<T> {
  return await withTree(session, source, { ...options, algorithm }, NEEDS, use);
}
