/**
 * Plans that other tools wrote into images, as a start: which components shared a layer. Pure.
 *
 * chunkah names components with their source (`rpm/glibc`), separated by spaces, in the layer annotation
 * `org.chunkah.component` and in the history's comment; rpm-ostree and ostree-rs-ext name binary packages, separated
 * by commas, in `ostree.components`; rechunk keeps lists of binary packages in the image label `dev.hhd.rechunk.info`.
 */
import type { ByteString } from '../bytes/byte-string.ts';
import type { Component } from './component.ts';
import type { RememberedLayer } from './warm-plan.ts';

const CHUNKAH_ANNOTATION = 'org.chunkah.component';
const OSTREE_ANNOTATION = 'ostree.components';
const RECHUNK_LABEL = 'dev.hhd.rechunk.info';

/** Names that share a layer. */
export type NameGroup = readonly string[];

/** What an image of another tool says: annotations and history comment of each layer, and labels. */
export interface ForeignWords {
  readonly layers: readonly {
    readonly annotations: Readonly<Record<string, string>>;
    readonly comment: string | undefined;
  }[];
  readonly labels: Readonly<Record<string, string>>;
}

/** The groups of names that an image of another tool tells of; none for anything else. */
export function foreignGroups({ layers, labels }: ForeignWords): NameGroup[] {
  const label = labels[RECHUNK_LABEL];
  const labelled = label === undefined ? [] : rechunkGroups(label);
  if (labelled.length > 0) return labelled;
  return layers.map(({ annotations, comment }) => {
    const ostree = annotations[OSTREE_ANNOTATION];
    if (ostree !== undefined) return words(ostree, /\s*,\s*/);
    return words(annotations[CHUNKAH_ANNOTATION] ?? chunkahComment(comment), /\s+/);
  });
}

function words(text: string, separator: RegExp): string[] {
  return text.split(separator).filter((word) => word !== '');
}

/** A comment of names, each with its source; other comments are sentences. */
function chunkahComment(comment = ''): string {
  return words(comment, /\s+/).every((word) => /^[a-z]+\/\S+$/.test(word)) ? comment : '';
}

function rechunkGroups(label: string): NameGroup[] {
  const info = parseJson(label);
  const layers: unknown =
    typeof info === 'object' && info !== null && 'layers' in info ? info.layers : undefined;
  if (!Array.isArray(layers)) return [];
  return layers.map((group: unknown) =>
    Array.isArray(group) ? group.filter((name): name is string => typeof name === 'string') : [],
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The components of this image as the groups have them: by key, or by the name of a package. A component goes to the
 * first group that names it. Nothing is known of their state then, so all of it counts as changed.
 */
export function rememberGroups(
  groups: readonly NameGroup[],
  components: readonly Component[],
): RememberedLayer[] {
  const byName = new Map<string, Component>();
  for (const component of components) {
    const { key, kind } = component;
    if (kind === 'package') byName.set(key.slice(key.indexOf('/') + 1), component);
    byName.set(key, component);
  }
  const seen = new Set<ByteString>();
  return groups.map((names) => ({
    members: names.flatMap((name) => {
      const component = byName.get(name);
      if (component === undefined || seen.has(component.key)) return [];
      seen.add(component.key);
      const { key, size, rate } = component;
      return { key, size, rate };
    }),
  }));
}
