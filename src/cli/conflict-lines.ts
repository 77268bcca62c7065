/** What several sources do not agree on, for people. */
import type { MergeConflictEntry } from '../ops/build/merged-source.ts';

/** Conflicts that are printed; all are in the JSON. */
const SHOWN = 20;

/** A line each, and one that is empty where there are any. */
export function conflictLines(conflicts: readonly MergeConflictEntry[]): string[] {
  const lines = conflicts
    .slice(0, SHOWN)
    .map(({ subject, kind, source }) => `conflict   ${kind} ${subject} (${source})`);
  const more = conflicts.length > SHOWN ? [`           and ${conflicts.length - SHOWN} more`] : [];
  return lines.length === 0 ? [] : [...lines, ...more, ''];
}
