/** `diff`: what differs between the trees of two sources, as they are, and what is downloaded for it. */
import { display } from '../../bytes/byte-string.ts';
import { diffTrees, type TreeDifference } from '../../tree/diff.ts';
import { type ObjectNeeds, objectNeeds } from '../../tree/object-needs.ts';
import type { SourceOptions } from '../load/load-tree.ts';
import { withTreePair } from '../load/tree-pair.ts';
import { Session } from '../session.ts';
import { compareImages, type DownloadResult } from './download.ts';

/** Options of {@link diff}. */
export interface DiffOptions extends SourceOptions {
  /** Whether fractions of seconds count; default true. */
  readonly nanoseconds?: boolean | undefined;
}

/** One path at which the trees differ. */
export interface DiffEntry {
  /** Absolute, escaped for display. */
  readonly path: string;
  /** `added`: only B has it. `removed`: only A; both without fields. */
  readonly kind: TreeDifference['kind'];
  readonly fields: TreeDifference['fields'];
}

/** Result of {@link diff}; plain data. */
export interface DiffResult {
  readonly a: string;
  readonly b: string;
  /** In byte order of paths. */
  readonly differences: readonly DiffEntry[];
  /** What a client of A downloads for B; absent unless both are images. */
  readonly download: Omit<DownloadResult, 'a' | 'b'> | undefined;
  /** Contents that a composefs host of A lacks for B, as objects; absent where a content has no digest. */
  readonly objects: ObjectNeeds | undefined;
}

/** Compares two trees; contents by size and fs-verity digest. Throws what opening throws. */
export async function diff(a: string, b: string, options: DiffOptions = {}): Promise<DiffResult> {
  return await Session.use(options, (session) =>
    withTreePair(session, [a, b], options, async (treeA, treeB) => {
      const nanoseconds = options.nanoseconds ?? true;
      const differences: DiffEntry[] = [];
      for (const { path, kind, fields } of diffTrees(treeA.root, treeB.root, { nanoseconds })) {
        differences.push({ path: display(path), kind, fields });
      }
      const images = treeA.image !== undefined && treeB.image !== undefined;
      const download = images ? compareImages(treeA.image, treeB.image) : undefined;
      const objects = objectNeeds(treeA.root, treeB.root);
      return { a, b, differences, download, objects };
    }),
  );
}
