/** What a view is held against: a digest, a finished tree, or another source under the same settings. */
import type { ByteString } from '../bytes/byte-string.ts';
import type { VerityDigest } from '../bytes/digest.ts';
import type { FormatVersion } from '../erofs/writer.ts';
import { isPlanishError } from '../errors.ts';
import { diffTrees, type TreeDifference } from '../tree/diff.ts';
import type { Directory } from '../tree/tree.ts';
import { type CauseId, causesOf } from './causes.ts';
import type { Remaker } from './remaker.ts';
import type { ViewSettings } from './settings.ts';

/** See the module. `undefined` from both stands for settings that no host could follow on this source. */
export interface Goal {
  /** Settings of one identity give one verdict. */
  identify(settings: ViewSettings): string | undefined;
  /** What still differs; `undefined` when those are more than `atMost` causes, or cannot be told. */
  judge(settings: ViewSettings, atMost: number): readonly CauseId[] | undefined;
}

/** The other side, where it is a tree. */
export type TargetTree =
  /** A tree that is what it is; format and digest where it comes from an image. */
  | {
      readonly kind: 'fixed';
      readonly root: Directory;
      readonly format: FormatVersion | undefined;
      readonly digest: VerityDigest | undefined;
    }
  /** Another source, which hosts would treat as they treat the first. */
  | { readonly kind: 'remade'; readonly remaker: Remaker };

/** A digest and nothing else: either it is met, or not. */
export class DigestGoal implements Goal {
  readonly #remaker: Remaker;
  readonly #digest: VerityDigest;
  #met: ViewSettings | undefined;

  constructor(remaker: Remaker, digest: VerityDigest) {
    this.#remaker = remaker;
    this.#digest = digest;
  }

  identify(settings: ViewSettings): string | undefined {
    return orRefused(() => imageIdentity(this.#remaker, settings));
  }

  judge(settings: ViewSettings): readonly CauseId[] | undefined {
    return orRefused(() => {
      if (this.#isOther(settings) || this.#remaker.digest(settings) !== this.#digest) return undefined;
      this.#met ??= settings;
      return [];
    });
  }

  /** Once a view met the digest, a comparison of trees spares most others the encoding and hashing. */
  #isOther(settings: ViewSettings): boolean {
    const met = this.#met;
    if (met === undefined) return false;
    const format = this.#remaker.format(settings);
    if (format !== this.#remaker.format(met)) return true;
    if (settings.dialect !== met.dialect) return false;
    const [a, b] = [met, settings].map((s) => this.#remaker.tree(this.#remaker.identify(s)));
    if (a === undefined || b === undefined) return false;
    return diffTrees(a, b, { nanoseconds: format !== 2 }).next().done !== true;
  }
}

/** A tree, and where it comes from an image also that image's format and digest. */
export class TreeGoal implements Goal {
  readonly #remaker: Remaker;
  readonly #target: TargetTree;
  readonly #implied: ReadonlySet<ByteString>;

  constructor(remaker: Remaker, target: TargetTree, implied: ReadonlySet<ByteString> = new Set()) {
    this.#remaker = remaker;
    this.#target = target;
    this.#implied = implied;
  }

  identify(settings: ViewSettings): string | undefined {
    const target = this.#target;
    return orRefused(() => {
      if (target.kind === 'remade') {
        return `${this.#remaker.identify(settings)} | ${target.remaker.identify(settings)}`;
      }
      if (target.format === undefined) return this.#remaker.identify(settings);
      return imageIdentity(this.#remaker, settings);
    });
  }

  judge(settings: ViewSettings, atMost: number): readonly CauseId[] | undefined {
    return orRefused(() => this.#judge(settings, atMost));
  }

  /** All that differs, one path at a time. */
  *differences(settings: ViewSettings): Generator<[TreeDifference, ReadonlySet<CauseId>]> {
    const { a, b, nanoseconds } = this.#sides(settings);
    for (const difference of diffTrees(a, b, { nanoseconds })) {
      yield [difference, causesOf(difference, a, this.#implied)];
    }
  }

  #judge(settings: ViewSettings, atMost: number): CauseId[] | undefined {
    const found = new Set(this.#formatCause(settings));
    if (found.size > atMost) return undefined;
    for (const [, causes] of this.differences(settings)) {
      for (const cause of causes) found.add(cause);
      if (found.size > atMost) return undefined;
    }
    if (found.size === 0 && !this.#hasDigest(settings)) found.add('bytes');
    return found.size > atMost ? undefined : [...found];
  }

  #formatCause(settings: ViewSettings): CauseId[] {
    const target = this.#target;
    if (target.kind === 'remade' || target.format === undefined) return [];
    return this.#remaker.format(settings) === target.format ? [] : ['format'];
  }

  #hasDigest(settings: ViewSettings): boolean {
    const target = this.#target;
    if (target.kind === 'remade' || target.digest === undefined) return true;
    return this.#remaker.digest(settings) === target.digest;
  }

  #sides(settings: ViewSettings): { a: Directory; b: Directory; nanoseconds: boolean } {
    const target = this.#target;
    const a = this.#remaker.tree(this.#remaker.identify(settings));
    if (target.kind === 'fixed') {
      // Version 2 stores no fractions, so an image of that version says nothing of them.
      const nanoseconds = !(target.format === 2 && settings.format === 2);
      return { a, b: target.root, nanoseconds };
    }
    return { a, b: target.remaker.tree(target.remaker.identify(settings)), nanoseconds: true };
  }
}

/** Version 2 stores no fractions, so it is the same image whether they were dropped before or not. */
function imageIdentity(remaker: Remaker, settings: ViewSettings): string {
  const { dialect } = settings;
  const format = remaker.format(settings);
  const stored: ViewSettings =
    format === 2 && settings.times === 'kept' ? { ...settings, times: 'whole-seconds' } : settings;
  return `${remaker.identify(stored)} ${format} ${format === 2 ? '' : dialect}`;
}

/** `undefined` where hosts refuse the tree, or the format cannot hold it: then it is no candidate. */
function orRefused<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (isRefusal(error)) return undefined;
    throw error;
  }
}

function isRefusal(error: unknown): boolean {
  return isPlanishError(error) && error.kind === 'input';
}
