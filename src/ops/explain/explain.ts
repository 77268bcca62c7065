/** `explain`: why two views of an image disagree, found by trying what is known to differ between views. */
import { setImmediate } from 'node:timers/promises';
import { type VerityDigest, verityAlgorithm } from '../../bytes/digest.ts';
import { imageDigest } from '../../erofs/image-digest.ts';
import { isPlanishError, PlanishError } from '../../errors.ts';
import { DigestGoal, type Goal, type TargetTree, TreeGoal } from '../../explain/goals.ts';
import { Remaker } from '../../explain/remaker.ts';
import { type SearchResult, searchSteps } from '../../explain/search.ts';
import { AS_IT_IS, type ViewForm, type ViewSettings } from '../../explain/settings.ts';
import { alternatives } from '../../explain/variables.ts';
import type { HostProfile } from '../../host/profiles.ts';
import { readSmallBlob, wholeFile } from '../../io/blob-file.ts';
import { LIMITS } from '../../limits.ts';
import { type LoadedTree, type SourceOptions, withTree } from '../load/load-tree.ts';
import { holdsContents, withTreePair } from '../load/tree-pair.ts';
import { Session } from '../session.ts';
import { type Base, chooseBase, knownSets, type Subject, takeFar, warnRefused } from './explain-base.ts';
import {
  type ExplainResult,
  explainedDifferences,
  explainedHosts,
  explainedPaths,
  type Finished,
} from './explain-result.ts';
import { readUkiClaim, type UkiClaim } from './uki-claim.ts';
import { parseViewReference, type ViewReference } from './view-reference.ts';
import { prepareViews } from './view-source.ts';

/** Options of {@link explain}. */
export interface ExplainOptions extends SourceOptions {
  /** The host whose view of the sources is the start; default `bootc`, or nothing for dumpfiles and images. */
  readonly profile?: string | undefined;
  /** Whether to start from the tree that is booted; default: only where a UKI is looked at. */
  readonly bootable?: boolean | undefined;
  /** Most settings that are changed at once; default 2. Known hosts are tried however many that takes. */
  readonly maxChanges?: number | undefined;
  /** Most differing paths in the result; default 20. */
  readonly limit?: number | undefined;
}

/** Most changes of one set, unless told otherwise: three cost a minute on a large image. */
const DEFAULT_MAX_CHANGES = 2;
const DEFAULT_LIMIT = 20;

/** The side that it is held against. */
interface Target {
  readonly reference: string;
  readonly goal: Goal;
  readonly digest: VerityDigest | undefined;
  readonly subject: ExplainResult['subject'];
  readonly uki?: ExplainResult['uki'];
}

/**
 * Explains why `a` and `b` disagree. Each is a source, `digest:HEX`, `profile:NAME` (the other side under another
 * profile) or `uki:[IMAGE]` (what a UKI demands); one at least is a source. Without `b`, an image is held against the
 * UKI inside it. Throws what opening throws, and `BAD_OPTION`.
 */
export async function explain(
  a: string,
  b: string | undefined,
  options: ExplainOptions = {},
): Promise<ExplainResult> {
  const left = parseViewReference(a);
  const right = parseViewReference(b ?? 'uki:');
  return await Session.use(options, async (session) => {
    const run = new Run(session, options);
    if (left.kind === 'source') {
      if (right.kind === 'source') return await run.twoSources(left.text, right.text);
      return await run.against(left.text, 'a', right);
    }
    if (right.kind === 'source') return await run.against(right.text, 'b', left);
    throw new PlanishError('BAD_OPTION', 'one of the two sides must be a source that holds a tree', {
      hint: 'an image, a tar, rootfs:DIR, dump:FILE or an EROFS image',
    });
  });
}

class Run {
  readonly #session: Session;
  readonly #options: ExplainOptions;

  constructor(session: Session, options: ExplainOptions) {
    this.#session = session;
    this.#options = options;
  }

  async twoSources(a: string, b: string): Promise<ExplainResult> {
    return await withTreePair(this.#session, [a, b], this.#options, async (treeA, treeB) => {
      if (holdsContents(treeA) && holdsContents(treeB)) return await this.#bothRemade(a, treeA, b, treeB);
      // Of a source and something finished, the source is what can be made otherwise.
      const isB = !holdsContents(treeA) && holdsContents(treeB);
      const [side, subject, other] = isB ? (['b', b, a] as const) : (['a', a, b] as const);
      return await this.#againstFinished(side, subject, isB ? treeB : treeA, other, isB ? treeA : treeB);
    });
  }

  async against(
    source: string,
    side: 'a' | 'b',
    other: Exclude<ViewReference, { kind: 'source' }>,
  ): Promise<ExplainResult> {
    if (other.kind === 'digest') return await this.#againstDigest(source, side, other.text, other.digest);
    if (other.kind === 'profile') return await this.#againstProfile(source, side, other.text, other.profile);
    const claim = await this.#load(other.image ?? source, undefined, (tree) =>
      readUkiClaim(this.#session, tree),
    );
    return await this.#againstUki(source, side, other.text, claim);
  }

  async #bothRemade(a: string, treeA: LoadedTree, b: string, treeB: LoadedTree): Promise<ExplainResult> {
    const subject = await this.#subject(a, 'a', treeA);
    const second = await this.#subject(b, 'b', treeB);
    const base = this.#base(subject, 'plain', undefined, [second.remaker]);
    const target: TargetTree = { kind: 'remade', remaker: second.remaker };
    const goal = new TreeGoal(subject.remaker, target, subject.source.implied);
    const digest = digestOrNone(second.remaker, base.settings);
    return await this.#search(subject, base, { reference: b, goal, digest, subject: 'both' });
  }

  async #againstFinished(
    side: 'a' | 'b',
    reference: string,
    tree: LoadedTree,
    otherReference: string,
    other: LoadedTree,
  ): Promise<ExplainResult> {
    const subject = await this.#subject(reference, side, tree);
    const base = this.#base(subject, 'plain', other);
    const digest = other.kind === 'erofs' ? fileDigest(otherReference, other) : undefined;
    const target: TargetTree = { kind: 'fixed', root: other.root, format: other.version, digest };
    const goal = new TreeGoal(subject.remaker, target, subject.source.implied);
    return await this.#search(subject, base, { reference: otherReference, goal, digest, subject: side });
  }

  async #againstDigest(
    source: string,
    side: 'a' | 'b',
    reference: string,
    digest: VerityDigest,
  ): Promise<ExplainResult> {
    return await this.#load(source, digest, async (tree) => {
      const subject = await this.#subject(source, side, tree);
      const goal = new DigestGoal(subject.remaker, digest);
      return await this.#search(subject, this.#base(subject, 'plain'), {
        reference,
        goal,
        digest,
        subject: side,
      });
    });
  }

  async #againstProfile(
    source: string,
    side: 'a' | 'b',
    reference: string,
    profile: HostProfile,
  ): Promise<ExplainResult> {
    const options = { ...this.#options, algorithm: profile.algorithm };
    return await withTree(
      this.#session,
      source,
      options,
      { contents: false, digests: true },
      async (tree) => {
        const subject = await this.#subject(source, side, tree);
        const base = this.#base(subject, 'plain');
        const form = profile.boot === undefined ? 'plain' : base.form;
        const { remaker } = subject;
        const { settings, refused } = takeFar([remaker], profile, form);
        if (settings === undefined) throw new PlanishError('HOST_TREE_INVALID', refused);
        const digest = remaker.digest(settings);
        const root = remaker.tree(remaker.identify(settings));
        const target: TargetTree = { kind: 'fixed', root, format: remaker.format(settings), digest };
        const goal = new TreeGoal(remaker, target, subject.source.implied);
        return await this.#search(subject, base, { reference, goal, digest, subject: side });
      },
    );
  }

  async #againstUki(
    source: string,
    side: 'a' | 'b',
    reference: string,
    claim: UkiClaim,
  ): Promise<ExplainResult> {
    const { digest, path, argument } = claim;
    return await this.#load(source, digest, async (tree) => {
      const subject = await this.#subject(source, side, tree);
      const base = this.#base(subject, 'bootable');
      const dump = dumpOf(claim);
      const uki = { path, argument, dump: dump && { path: dump.path, agrees: dump.agrees } };
      const target = { reference, digest, subject: side, uki };
      const byDigest = await this.#search(subject, base, {
        ...target,
        goal: new DigestGoal(subject.remaker, digest),
      });
      if (byDigest.explanations.length > 0 || dump === undefined) return byDigest;
      const fixed: TargetTree = { kind: 'fixed', root: dump.root, format: undefined, digest: undefined };
      const goal = new TreeGoal(subject.remaker, fixed, subject.source.implied);
      return { ...(await this.#search(subject, base, { ...target, goal })), equal: false };
    });
  }

  /** Opens a source with contents measured by the algorithm of a digest. */
  async #load<T>(
    source: string,
    digest: VerityDigest | undefined,
    use: (tree: LoadedTree) => Promise<T>,
  ): Promise<T> {
    const algorithm = digest === undefined ? this.#options.algorithm : verityAlgorithm(digest);
    const needs = { contents: false, digests: true };
    return await withTree(this.#session, source, { ...this.#options, algorithm }, needs, use);
  }

  async #subject(reference: string, side: 'a' | 'b', tree: LoadedTree): Promise<Subject> {
    const source = await prepareViews(this.#session, tree);
    if (source.refused !== undefined) warnRefused(source.refused.message, this.#session.onWarning);
    return { reference, side, tree, source, remaker: new Remaker(source, tree.algorithm) };
  }

  #base(subject: Subject, form: ViewForm, other?: LoadedTree, others: readonly Remaker[] = []): Base {
    const format = subject.tree.version ?? other?.version ?? 1;
    return chooseBase(subject, others, this.#options, { form, format }, this.#session.onWarning);
  }

  /** Lets signals and progress in between trials, each of which takes a good part of a second on a large image. */
  async #drive(steps: ReturnType<typeof searchSteps>): Promise<SearchResult> {
    for (let step = steps.next(); ; step = steps.next()) {
      if (step.done === true) return step.value;
      this.#session.onProgress({ stage: 'digest', done: step.value, total: undefined, unit: 'steps' });
      await setImmediate();
      this.#session.checkInterrupted();
    }
  }

  async #search(subject: Subject, base: Base, target: Target): Promise<ExplainResult> {
    const { remaker, tree, side, source } = subject;
    const hasHosts = holdsContents(tree) && target.subject !== 'both' && source.refused === undefined;
    const candidates = alternatives(base.settings);
    const result = await this.#drive(
      searchSteps(base.settings, target.goal, {
        known: knownSets(base.settings, subject, remaker.algorithm),
        candidates: target.subject === 'both' ? candidates.filter(({ ofHosts }) => ofHosts) : candidates,
        maxChanges: this.#options.maxChanges ?? DEFAULT_MAX_CHANGES,
      }),
    );
    const { goal } = target;
    const swapped = side === 'b';
    const finished = {
      base: base.settings,
      remaker,
      goal,
      result,
      hasHosts,
      swapped,
      implied: source.implied,
    };
    return report(finished, subject, base, target, this.#options.limit ?? DEFAULT_LIMIT);
  }
}

function report(
  finished: Finished,
  { reference, remaker, tree, side }: Subject,
  { profile, form, settings }: Base,
  target: Target,
  limit: number,
): ExplainResult {
  const own = tree.kind === 'erofs' && profile === undefined ? fileDigest(reference, tree) : undefined;
  const subject = { reference, digest: own ?? digestOrNone(remaker, settings) };
  const other = { reference: target.reference, digest: target.digest };
  const [best] = finished.result.explanations;
  return {
    a: side === 'a' ? subject : other,
    b: side === 'a' ? other : subject,
    subject: target.subject,
    base: { profile, form, algorithm: remaker.algorithm },
    equal: best !== undefined && best.changes.length === 0 && best.remaining.length === 0,
    explanations: explainedDifferences(finished),
    hosts: explainedHosts(finished),
    trials: finished.result.trials,
    complete: finished.result.complete,
    differences: explainedPaths(finished, limit),
    ...(target.uki === undefined ? {} : { uki: target.uki }),
  };
}

/** The shipped dumpfile, and whether an image of it has the digest of the UKI, in a format that hosts use. */
function dumpOf({
  dump,
  digest,
}: UkiClaim): (NonNullable<UkiClaim['dump']> & { agrees: boolean }) | undefined {
  if (dump === undefined) return undefined;
  const source = { flattened: () => dump.root, relabel: () => dump.root };
  const remaker = new Remaker(source, verityAlgorithm(digest));
  const agrees = ([1, 2] as const).some(
    (format) => digestOrNone(remaker, { ...AS_IT_IS, format }) === digest,
  );
  return { ...dump, agrees };
}

function digestOrNone(remaker: Remaker, settings: ViewSettings): VerityDigest | undefined {
  try {
    return remaker.digest(settings);
  } catch (error) {
    if (isPlanishError(error) && error.kind === 'input') return undefined;
    throw error;
  }
}

function fileDigest(path: string, { algorithm }: LoadedTree): VerityDigest {
  return imageDigest(readSmallBlob(wholeFile(path), LIMITS.erofsBytes), algorithm);
}
