/**
 * Finds the fewest changes of settings after which a view equals its goal. Sets of changes are tried in order of
 * their number, and among sets of one size the likelier first, so what is found is smallest; what settings cannot
 * account for is named as remaining causes, each of which counts as much as a change. Bounded in trials.
 */
import type { CauseId } from './causes.ts';
import type { Goal } from './goals.ts';
import type { ViewSettings } from './settings.ts';
import { alternatives, applyChoices, type Choice } from './variables.ts';

/** Changes, and what they leave unexplained. */
export interface Explanation {
  /** From the base settings, in the order of trial. */
  readonly changes: readonly Choice[];
  readonly settings: ViewSettings;
  /** Causes that remain after the changes; none when the views are equal then. */
  readonly remaining: readonly CauseId[];
  /** What the goal calls the view. */
  readonly identity: string;
}

/** How to search. */
export interface SearchOptions {
  /** Sets of changes to look at besides, as of known hosts: they bound the search from above. */
  readonly known?: readonly (readonly Choice[])[];
  /** What may change; default: everything. */
  readonly candidates?: readonly Choice[];
  /** Most changes of one set; default 3. */
  readonly maxChanges?: number;
  /** Most sets that are tried; default 600. */
  readonly maxTrials?: number;
}

/** What was found. */
export interface SearchResult {
  /** The smallest explanations, likeliest first; all cost the same. Empty when none was found. */
  readonly explanations: readonly Explanation[];
  readonly trials: number;
  /** Whether every set of up to `maxChanges` that could have been better was tried. */
  readonly complete: boolean;
}

const DEFAULT_MAX_CHANGES = 3;
const DEFAULT_MAX_TRIALS = 600;

/** See the module. */
export function searchExplanation(base: ViewSettings, goal: Goal, options: SearchOptions = {}): SearchResult {
  const steps = searchSteps(base, goal, options);
  for (let step = steps.next(); ; step = steps.next()) if (step.done === true) return step.value;
}

/** The same in steps: yields before each trial how many there were, so that the caller can do something else. */
export function* searchSteps(
  base: ViewSettings,
  goal: Goal,
  options: SearchOptions = {},
): Steps<SearchResult> {
  const search = new Search(base, goal, options);
  yield* search.run();
  return search.result();
}

type Steps<T> = Generator<number, T, undefined>;

class Search {
  readonly #base: ViewSettings;
  readonly #goal: Goal;
  readonly #options: SearchOptions;
  readonly #maxTrials: number;
  readonly #candidates: readonly Choice[];
  readonly #seen = new Set<string>();
  #best: Explanation[] = [];
  #trials = 0;
  #complete = true;

  constructor(base: ViewSettings, goal: Goal, options: SearchOptions) {
    this.#base = base;
    this.#goal = goal;
    this.#options = options;
    this.#maxTrials = options.maxTrials ?? DEFAULT_MAX_TRIALS;
    this.#candidates = options.candidates ?? alternatives(base);
  }

  *run(): Steps<void> {
    yield* this.#try([], Number.POSITIVE_INFINITY);
    if (this.#cost === 0) return;
    for (const changes of this.#options.known ?? []) yield* this.#tryKnown(changes);
    const maxChanges = this.#options.maxChanges ?? DEFAULT_MAX_CHANGES;
    for (let size = 1; this.#isWorthwhile(size); size++) {
      if (size > maxChanges) return;
      this.#complete = yield* this.#trySize(size);
      if (!this.#complete) return;
    }
  }

  result(): SearchResult {
    return { explanations: this.#best, trials: this.#trials, complete: this.#complete };
  }

  /** Changes and remaining causes of the best so far. */
  get #cost(): number {
    const [best] = this.#best;
    return best === undefined ? Number.POSITIVE_INFINITY : best.changes.length + best.remaining.length;
  }

  /** Whether sets of a size can be better than what there is: fewer in all, or as few and nothing left. */
  #isWorthwhile(size: number): boolean {
    if (size > this.#candidates.length) return false;
    return size < this.#cost || (size === this.#cost && !this.#isExact);
  }

  /** All sets of one size, the likelier first; false when the trials ran out. */
  *#trySize(size: number): Steps<boolean> {
    for (const changes of setsOf(this.#candidates, size)) {
      // Once there is a full match of this size, others of it are looked for in its neighbourhood alone.
      if (this.#isSettled(size) && !this.#isNeighbour(changes)) continue;
      if (!(yield* this.#try(changes, this.#allowed(size)))) return false;
    }
    return true;
  }

  #isSettled(size: number): boolean {
    const [best] = this.#best;
    return best !== undefined && best.changes.length === size && best.remaining.length === 0;
  }

  #isNeighbour(changes: readonly Choice[]): boolean {
    const [best] = this.#best;
    const shared = changes.filter((change) => best?.changes.includes(change) === true);
    return shared.length >= changes.length - 1;
  }

  /** Causes that may remain after a set of a size for it to be as good as the best so far. */
  #allowed(size: number): number {
    return this.#isExact ? 0 : this.#cost - size;
  }

  get #isExact(): boolean {
    return this.#best[0]?.remaining.length === 0;
  }

  /** A set from outside; where it accounts for everything, without the changes in it that are not needed. */
  *#tryKnown(known: readonly Choice[]): Steps<void> {
    const remaining = yield* this.#judge(known, Math.max(0, this.#allowed(known.length)));
    if (remaining === undefined) return;
    let changes = known;
    for (const change of remaining.length > 0 ? [] : known) {
      const without = changes.filter((other) => other !== change);
      if ((yield* this.#judge(without, 0)) !== undefined) changes = without;
    }
    const identity = this.#identify(changes);
    if (identity !== undefined)
      this.#accept({ changes, settings: this.#settings(changes), remaining, identity });
  }

  #settings(changes: readonly Choice[]): ViewSettings {
    return applyChoices(this.#base, changes);
  }

  #identify(changes: readonly Choice[]): string | undefined {
    return this.#goal.identify(this.#settings(changes));
  }

  /** Tries a set unless that cannot help; false when the trials ran out. */
  *#try(changes: readonly Choice[], atMost: number): Steps<boolean> {
    const identity = atMost < 0 ? undefined : this.#identify(changes);
    if (identity === undefined || this.#seen.has(identity)) return true;
    if (this.#trials >= this.#maxTrials) return false;
    this.#seen.add(identity);
    const remaining = yield* this.#judge(changes, atMost);
    if (remaining === undefined) return true;
    this.#accept({ changes, settings: this.#settings(changes), remaining, identity });
    return true;
  }

  *#judge(changes: readonly Choice[], atMost: number): Steps<readonly CauseId[] | undefined> {
    yield this.#trials++;
    return this.#goal.judge(this.#settings(changes), atMost);
  }

  /** What accounts for everything is better than what does not; then the fewest changes and causes are best. */
  #accept(found: Explanation): void {
    const { identity, changes } = found;
    if (this.#best.some((best) => best.identity === identity && best.changes.length <= changes.length))
      return;
    const order = compare(found, this.#best[0]);
    if (order < 0) this.#best = [found];
    else if (order === 0) this.#best.push(found);
  }
}

function compare(found: Explanation, best: Explanation | undefined): number {
  if (best === undefined) return -1;
  const [left, right] = [found.remaining.length, best.remaining.length];
  if ((left === 0) !== (right === 0)) return left === 0 ? -1 : 1;
  return found.changes.length + left - (best.changes.length + right) || left - right;
}

/** Subsets of a size without two values of one variable, by the sum of their places, then by their places. */
function setsOf(candidates: readonly Choice[], size: number): Choice[][] {
  const sets: { places: number[]; sum: number }[] = [];
  const extend = (places: number[], sum: number): void => {
    if (places.length === size) {
      sets.push({ places, sum });
      return;
    }
    for (let place = (places.at(-1) ?? -1) + 1; place < candidates.length; place++) {
      const variable = candidates[place]?.variable;
      if (places.some((other) => candidates[other]?.variable === variable)) continue;
      extend([...places, place], sum + place);
    }
  };
  extend([], 0);
  return sets
    .sort((a, b) => a.sum - b.sum)
    .map(({ places }) => places.map((place) => candidates[place] as Choice));
}
