/** `merge`: several sources as one image, later ones over earlier ones. */
import { type ByteString, byteString, compareBytes, display } from '../../bytes/byte-string.ts';
import { type Artifact, artifactSource } from '../../chunk/sources/artifact.ts';
import { PlanishError } from '../../errors.ts';
import { configLabels } from '../../oci/config.ts';
import { parseSource } from '../../oci/reference.ts';
import { copyTree } from '../../tree/copy.ts';
import { type MergeConflict, mergeTree } from '../../tree/merge.ts';
import { type LoadedTree, type Needs, type SourceOptions, withTree } from '../load/load-tree.ts';
import { holdsContents } from '../load/tree-pair.ts';
import type { Session } from '../session.ts';
import { buildWith } from './build.ts';
import type { BuildOptions } from './build-options.ts';
import type { BuildResult } from './build-result.ts';
import type { KeyEdit } from './image-config.ts';

/** Options of {@link merge}. */
export interface MergeOptions extends BuildOptions {
  /** Whether files of artifacts are split like all others, by package and place, and not one component each. */
  readonly split?: boolean | undefined;
}

/** One thing on which sources do not agree; the later one has won, but for directories. */
export interface MergeConflictEntry {
  /** A path, or the name of a label. */
  readonly subject: string;
  readonly kind: MergeConflict['kind'] | 'label';
  /** The source that came later. */
  readonly source: string;
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
  const merging = new Merging(others);
  const result = await buildWith(first, options, {
    load: async (session, source, settings, needs, use) =>
      await withTree(session, source, settings, needs, (tree) =>
        withOthers(session, others, { settings, needs }, [tree], (trees) => use(merging.merge(trees))),
      ),
    sources: () => (options.split === true ? [] : [artifactSource(merging.artifacts)]),
    labels: () => merging.labels,
  });
  return { ...result, sources, conflicts: merging.conflicts };
}

interface Opening {
  readonly settings: SourceOptions;
  readonly needs: Needs;
}

async function withOthers<T>(
  session: Session,
  [next, ...rest]: readonly string[],
  opening: Opening,
  trees: readonly LoadedTree[],
  use: (trees: readonly LoadedTree[]) => Promise<T>,
): Promise<T> {
  if (next === undefined) return await use(trees);
  return await withTree(session, next, opening.settings, opening.needs, async (tree) => {
    if (holdsContents(tree)) return await withOthers(session, rest, opening, [...trees, tree], use);
    throw new PlanishError('BAD_OPTION', `a ${tree.kind} source has no contents to merge`, { file: next });
  });
}

/** What is found out while sources are merged. */
class Merging {
  readonly artifacts: Artifact[] = [];
  readonly conflicts: MergeConflictEntry[] = [];
  labels: readonly KeyEdit[] = [];
  readonly #others: readonly string[];

  constructor(others: readonly string[]) {
    this.#others = others;
  }

  merge(trees: readonly LoadedTree[]): LoadedTree {
    const [base, ...rest] = trees as [LoadedTree, ...LoadedTree[]];
    const root = copyTree(base.root);
    let offset = base.contents.length;
    for (const [at, tree] of rest.entries()) {
      const source = this.#others[at] as string;
      const { added, conflicts } = mergeTree(root, tree.root, offset);
      offset += tree.contents.length;
      this.artifacts.push({ key: artifactKey(source), paths: added });
      const sorted = [...conflicts].sort((a, b) => compareBytes(a.path, b.path));
      for (const { path, kind } of sorted) this.conflicts.push({ subject: display(path), kind, source });
    }
    this.#mergeLabels(base, rest);
    return {
      ...base,
      kind: 'rootfs',
      root,
      contents: trees.flatMap(({ contents }) => contents),
      layers: trees.flatMap(({ layers }) => layers),
      inputs: trees.flatMap(({ inputs }) => inputs),
      // All contents were asked for when the sources were loaded.
      makeReady: async () => undefined,
      makeReadyAndKeep: async () => undefined,
      verifyUnchanged: () => {
        for (const tree of trees) tree.verifyUnchanged();
      },
    };
  }

  #mergeLabels(base: LoadedTree, rest: readonly LoadedTree[]): void {
    const labels = new Map(Object.entries(labelsOf(base)));
    for (const [at, tree] of rest.entries()) {
      for (const [key, value] of Object.entries(labelsOf(tree))) {
        const former = labels.get(key);
        labels.set(key, value);
        if (former === undefined || former === value) continue;
        this.conflicts.push({ subject: key, kind: 'label', source: this.#others[at] as string });
      }
    }
    this.labels = [...labels].map(([key, value]) => ({ key, value }));
  }
}

function labelsOf({ image }: LoadedTree): Readonly<Record<string, string>> {
  return image === undefined ? {} : configLabels(image.config.document);
}

/** `artifact/NAME`: the last word of the path, without tag, digest or extension, so that it names no version. */
function artifactKey(source: string): ByteString {
  const { path } = parseSource(source);
  const word = path.split('/').findLast((part) => part !== '') ?? 'root';
  const bare = word
    .replace(/(?:\.oci|\.docker)?(?:\.tar)?(?:\.gz|\.zst)?$/, '')
    .replace(/[-_]v?\d[\w.+~-]*$/, '');
  return byteString(`artifact/${Buffer.from(bare === '' ? word : bare).toString('latin1')}`);
}
