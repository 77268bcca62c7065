/** Several sources as one, later ones over earlier ones: how they are loaded, and what is found out by it. */
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
import type { BuildExtras } from './extended-tree.ts';
import type { KeyEdit } from './image-config.ts';

/** One thing on which sources do not agree; the later one has won, but for directories. */
export interface MergeConflictEntry {
  /** A path, or the name of a label. */
  readonly subject: string;
  readonly kind: MergeConflict['kind'] | 'label';
  /** The source that came later. */
  readonly source: string;
}

/** See the module. */
export interface MergedSource {
  /** What makes one tree of all when the first is loaded. */
  readonly extras: Pick<BuildExtras, 'load' | 'sources' | 'labels'>;
  /** Complete once the sources are loaded. */
  readonly conflicts: readonly MergeConflictEntry[];
}

/** The sources that are laid over a first one; each is a component of its own, unless `split`. */
export function mergedSource(others: readonly string[], split: boolean): MergedSource {
  const merging = new Merging(others);
  return {
    conflicts: merging.conflicts,
    extras: {
      load: async (session, source, settings, needs, use) =>
        await withTree(session, source, settings, needs, (tree) =>
          withOthers(session, others, { settings, needs }, [tree], (trees) => use(merging.merge(trees))),
        ),
      sources: () => (split ? [] : [artifactSource(merging.artifacts)]),
      labels: () => merging.labels,
    },
  };
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
  const parsed = parseSource(source);
  const path = parsed.kind === 'docker' ? parsed.repository : parsed.path;
  const word = path.split('/').findLast((part) => part !== '') ?? 'root';
  const bare = word
    .replace(/(?:\.oci|\.docker)?(?:\.tar)?(?:\.gz|\.zst)?$/, '')
    .replace(/[-_]v?\d[\w.+~-]*$/, '');
  return byteString(`artifact/${Buffer.from(bare === '' ? word : bare).toString('latin1')}`);
}
