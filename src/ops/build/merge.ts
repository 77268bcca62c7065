/** `merge`: several sources as one image, later ones over earlier ones. */
import { PlanishError } from '../../errors.ts';
import { buildWith } from './build.ts';
import type { BuildOptions } from './build-options.ts';
import type { BuildResult } from './build-result.ts';
import { type MergeConflictEntry, mergedSource } from './merged-source.ts';

/** Options of {@link merge}. */
export interface MergeOptions extends BuildOptions {
  /** Whether files of artifacts are split like all others, by package and place, and not one component each. */
  readonly split?: boolean | undefined;
}

/** Result of {@link merge}. */
export interface MergeBuildResult extends BuildResult {
  readonly sources: readonly string[];
  readonly conflicts: readonly MergeConflictEntry[];
}

/**
 * Builds an image of several sources. The first is the base: its config counts, and labels of the others are added.
 * Each other is a component of its own, named by its place and reference. Conflicts are reported, not refused. Throws
 * what {@link build} throws.
 */
export async function merge(sources: readonly string[], options: MergeOptions): Promise<MergeBuildResult> {
  const [first, ...others] = sources;
  if (first === undefined || others.length === 0) {
    throw new PlanishError('BAD_OPTION', 'merge takes two sources at least');
  }
  const { extras, conflicts } = mergedSource(others, options.split ?? false);
  const result = await buildWith(first, options, extras);
  return { ...result, sources, conflicts };
}
