/** What `explain` reports, and how it is put together from a search. */
import { type ByteString, display } from '../../bytes/byte-string.ts';
import type { HashAlgorithm, VerityDigest } from '../../bytes/digest.ts';
import { CAUSES, type CauseId } from '../../explain/causes.ts';
import { type Goal, TreeGoal } from '../../explain/goals.ts';
import { hostsOf } from '../../explain/known-hosts.ts';
import type { Remaker } from '../../explain/remaker.ts';
import type { Explanation, SearchResult } from '../../explain/search.ts';
import type { ViewForm, ViewSettings } from '../../explain/settings.ts';
import { type Choice, currentChoice, VARIABLES, type VariableId } from '../../explain/variables.ts';
import type { TreeDifference } from '../../tree/diff.ts';

/** A value of a variable. */
export interface ExplainedValue {
  readonly value: string;
  /** For a person. */
  readonly means: string;
}

/** One setting that has to be otherwise. */
export interface ExplainedChange extends ExplainedValue {
  readonly variable: VariableId;
  readonly title: string;
  /** What it was; absent where the value of a variable of several parts was none of the table's. */
  readonly instead: ExplainedValue | undefined;
}

/** A kind of difference, and at how many paths it occurs. */
export interface CountedCause {
  readonly cause: CauseId;
  readonly title: string;
  readonly paths: number;
}

/** One way to account for what differs. */
export interface ExplainedDifference {
  readonly changes: readonly ExplainedChange[];
  /** What no setting accounts for. */
  readonly remaining: readonly CountedCause[];
}

/** A path at which the views differ, with both values. */
export interface ExplainedPath {
  /** Escaped for display. */
  readonly path: string;
  /** `added`: only B has it. `removed`: only A. */
  readonly kind: TreeDifference['kind'];
  readonly fields: TreeDifference['fields'];
  readonly causes: readonly CauseId[];
}

/** All paths that differ before any change of settings. */
export interface ExplainedPaths {
  readonly total: number;
  readonly causes: readonly CountedCause[];
  /** The first ones in byte order. */
  readonly paths: readonly ExplainedPath[];
}

/** One side. */
export interface ExplainedSide {
  readonly reference: string;
  /** Of the image of the view; absent where there is none, as for a dumpfile. */
  readonly digest: VerityDigest | undefined;
}

/** Result of `explain`; plain data. */
export interface ExplainResult {
  readonly a: ExplainedSide;
  readonly b: ExplainedSide;
  /** Whose settings the changes are changes of; `both` where both sides are sources. */
  readonly subject: 'a' | 'b' | 'both';
  /** Where the search started: what this host makes of the subject. Without a profile: the subject as it is. */
  readonly base: {
    readonly profile: string | undefined;
    readonly form: ViewForm;
    readonly algorithm: HashAlgorithm;
  };
  readonly equal: boolean;
  /** The smallest explanations, likeliest first; none where only a digest is known and nothing gave it. */
  readonly explanations: readonly ExplainedDifference[];
  /** Hosts that make exactly the other side of the subject; not looked for where both are sources. */
  readonly hosts: readonly { readonly profile: string; readonly form: ViewForm }[];
  /** Views that were compared. */
  readonly trials: number;
  /** Whether all were tried that could have given a smaller explanation. */
  readonly complete: boolean;
  /** Absent where one side is a digest that nothing gave. */
  readonly differences: ExplainedPaths | undefined;
  /** What the UKI in question says. */
  readonly uki?: {
    readonly path: string;
    readonly argument: string;
    /** The dumpfile beside it, and whether it is of the tree that the UKI names. */
    readonly dump: { readonly path: string; readonly agrees: boolean } | undefined;
  };
}

/** A search that is done. */
export interface Finished {
  readonly base: ViewSettings;
  readonly remaker: Remaker;
  readonly goal: Goal;
  readonly result: SearchResult;
  /** Whether hosts make views of the subject. */
  readonly hasHosts: boolean;
  /** Whether the subject is side b. */
  readonly swapped: boolean;
  readonly implied: ReadonlySet<ByteString>;
}

/** The explanations as plain data. */
export function explainedDifferences(finished: Finished): ExplainedDifference[] {
  return finished.result.explanations.map((explanation) => ({
    changes: explanation.changes.map((choice) => explainedChange(choice, finished.base)),
    remaining: remainingOf(explanation, finished),
  }));
}

function explainedChange({ variable, value, means }: Choice, base: ViewSettings): ExplainedChange {
  const current = currentChoice(base, variable);
  const instead = current === undefined ? undefined : { value: current.value, means: current.means };
  return { variable, title: VARIABLES[variable], value, means, instead };
}

function remainingOf({ remaining, settings }: Explanation, finished: Finished): CountedCause[] {
  if (remaining.length === 0) return [];
  const counts = countCauses(finished.goal instanceof TreeGoal ? finished.goal.differences(settings) : []);
  return remaining.map((cause) => counted(cause, counts.get(cause) ?? 0, finished.swapped));
}

/** Hosts whose view accounts for the other side without a rest. */
export function explainedHosts({ goal, remaker, result, hasHosts }: Finished): ExplainResult['hosts'] {
  const [best] = result.explanations;
  if (!hasHosts || best === undefined || best.remaining.length > 0) return [];
  return hostsOf(goal, remaker.algorithm).map(({ profile, form }) => ({ profile, form }));
}

type Differences = Iterable<readonly [TreeDifference, ReadonlySet<CauseId>]>;

function countCauses(differences: Differences): Map<CauseId, number> {
  const counts = new Map<CauseId, number>();
  for (const [, causes] of differences) {
    for (const cause of causes) counts.set(cause, (counts.get(cause) ?? 0) + 1);
  }
  return counts;
}

function counted(cause: CauseId, paths: number, swapped: boolean): CountedCause {
  const named = swapped ? swapCause(cause) : cause;
  return { cause: named, title: CAUSES[named], paths };
}

/** The differing paths before any change: all counted, the first `limit` listed. */
export function explainedPaths(finished: Finished, limit: number): ExplainedPaths | undefined {
  const goal = pathGoal(finished);
  if (goal === undefined) return undefined;
  const { swapped, base } = finished;
  const counts = new Map<CauseId, number>();
  const paths: ExplainedPath[] = [];
  let total = 0;
  for (const [difference, causes] of goal.differences(base)) {
    total++;
    for (const cause of causes) counts.set(cause, (counts.get(cause) ?? 0) + 1);
    if (paths.length < limit) paths.push(explainedPath(difference, [...causes], swapped));
  }
  const causes = [...counts].map(([cause, count]) => counted(cause, count, swapped));
  return { total, causes: causes.sort((a, b) => b.paths - a.paths || (a.cause < b.cause ? -1 : 1)), paths };
}

/** Where a digest was met, the tree that met it stands for the other side. */
function pathGoal({ goal, remaker, result, implied }: Finished): TreeGoal | undefined {
  if (goal instanceof TreeGoal) return goal;
  const [met] = result.explanations;
  if (met === undefined) return undefined;
  const root = remaker.tree(remaker.identify(met.settings));
  return new TreeGoal(remaker, { kind: 'fixed', root, format: undefined, digest: undefined }, implied);
}

function explainedPath(difference: TreeDifference, causes: CauseId[], swapped: boolean): ExplainedPath {
  const path = display(difference.path);
  const { kind, fields } = difference;
  if (!swapped) return { path, kind, fields, causes };
  return {
    path,
    kind: kind === 'added' ? 'removed' : kind === 'removed' ? 'added' : kind,
    fields: fields.map((field) => ({ ...field, a: field.b, b: field.a })),
    causes: causes.map(swapCause),
  };
}

function swapCause(cause: CauseId): CauseId {
  if (cause === 'only-in-a') return 'only-in-b';
  return cause === 'only-in-b' ? 'only-in-a' : cause;
}
