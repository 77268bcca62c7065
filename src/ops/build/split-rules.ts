/** Rules of the user for the split as a whole: a contentmeta file, optional groups, and groups to be left out. */
import type { ByteString } from '../../bytes/byte-string.ts';
import type { HashAlgorithm } from '../../bytes/digest.ts';
import {
  type Contentmeta,
  type ContentmetaLayer,
  parseContentmeta,
} from '../../chunk/choices/contentmeta.ts';
import { type GroupMembers, groupMembers, type OptionalGroup } from '../../chunk/choices/groups.ts';
import type { Component } from '../../chunk/component.ts';
import type { Partition } from '../../chunk/partition.ts';
import { PlanishError, withDetail } from '../../errors.ts';
import { memberTree, selectMembers } from '../../layer/members.ts';
import type { Annotations } from '../../oci/descriptor.ts';
import type { ContentFile } from '../../parallel/content-file.ts';
import type { Directory } from '../../tree/tree.ts';
import type { OnWarning } from '../../warnings.ts';
import { readUserFile } from './component-map-file.ts';
import { applyContentmeta } from './contentmeta-layers.ts';
import type { KeyEdit } from './image-config.ts';
import { checkLayerCount, DEFAULT_MAX_LAYERS, type FoundComponents } from './make-plan.ts';

/** Options that rule the split, the same of all that plan. */
export interface SplitOptions {
  /** File that assigns paths to components (docs/component-sources.md). */
  readonly componentMap?: string | undefined;
  /** Layer budget, 1 to 500; default 64, or as many as a contentmeta file has. */
  readonly maxLayers?: number | undefined;
  /** File that says which file goes into which layer (docs/formats/contentmeta.md). */
  readonly contentmeta?: string | undefined;
  /** File that names optional groups of components (docs/component-sources.md). */
  readonly groups?: string | undefined;
  /** Groups that are left out of the image. */
  readonly without?: readonly string[] | undefined;
  /** The image before this one: what has not changed since is carried over from it. */
  readonly previous?: string | undefined;
  /** Plan afresh, whatever clients of the previous image have. */
  readonly replan?: boolean | undefined;
}

/** The files, read. */
export interface SplitRules {
  readonly contentmeta: Contentmeta | undefined;
  readonly groups: readonly OptionalGroup[] | undefined;
  readonly without: readonly string[];
  readonly maxLayers: number;
}

/** Annotation of a layer that belongs to an optional group, and of a manifest that has such layers. */
const GROUP_ANNOTATION = 'org.planish.group';
const GROUPS_ANNOTATION = 'org.planish.groups';
/** Annotation in which ostree's tools look for what is in a layer. */
const OSTREE_ANNOTATION = 'ostree.components';

/** Layers from which on Docker's overlay driver refuses an image. */
const DOCKER_LAYERS = 125;
/** Layers besides those of a contentmeta file: for what it leaves out. */
const SPARE_LAYERS = 1;

/** Reads the files. Throws `CONTENTMETA_BAD`, `GROUPS_BAD`, `BAD_OPTION` and what reading throws. */
export async function readSplitRules(options: SplitOptions, onWarning?: OnWarning): Promise<SplitRules> {
  const { contentmeta: file, groups: groupsFile, without = [] } = options;
  if (file !== undefined && groupsFile !== undefined)
    throw new PlanishError('BAD_OPTION', 'a contentmeta file leaves nothing for groups to decide');
  const contentmeta = readFile(file, 'contentmetaBytes', 'the contentmeta file', parseContentmeta);
  const groups = await readGroups(groupsFile);
  const unknown = without.find((name) => groups?.some((group) => group.name === name) !== true);
  if (unknown !== undefined)
    throw new PlanishError('BAD_OPTION', 'there is no such group to leave out', { actual: unknown });
  const needed = (contentmeta?.layers.length ?? 0) + SPARE_LAYERS;
  const maxLayers = checkLayerCount(options.maxLayers ?? Math.max(DEFAULT_MAX_LAYERS, needed));
  if (maxLayers > DOCKER_LAYERS) {
    const message = `up to ${maxLayers} layers are allowed; Docker takes no more than ${DOCKER_LAYERS}`;
    onWarning?.({ code: 'LAYER_BUDGET', message });
  }
  return { contentmeta, groups, without, maxLayers };
}

async function readGroups(file: string | undefined): Promise<readonly OptionalGroup[] | undefined> {
  if (file === undefined) return undefined;
  const { parseGroups } = await import('../../chunk/choices/groups-file.ts');
  return readFile(file, 'groupsBytes', 'the file of groups', parseGroups);
}

function readFile<T>(
  file: string | undefined,
  limit: 'contentmetaBytes' | 'groupsBytes',
  what: string,
  parse: (bytes: Uint8Array) => T,
): T | undefined {
  if (file === undefined) return undefined;
  try {
    return parse(readUserFile(file, limit, what));
  } catch (error) {
    throw withDetail(error, { file });
  }
}

/** What the rules make of a tree and its components. */
export interface SplitTree {
  /** The tree without the groups that are left out. */
  readonly root: Directory;
  readonly found: FoundComponents;
  readonly partitions: readonly Partition[];
  /** Paths in the order of the tars, where a file gives it. */
  readonly order: readonly ByteString[] | undefined;
  /** Annotations of the layer that a component is in. */
  readonly annotations: ReadonlyMap<ByteString, Annotations>;
  /** Layers of a contentmeta file, by the components that they became. */
  readonly named: ReadonlyMap<ByteString, ContentmetaLayer>;
}

/** What the rules are applied to. */
export interface SplitInput {
  readonly root: Directory;
  readonly contents: readonly ContentFile[];
  readonly algorithm: HashAlgorithm;
  readonly found: FoundComponents;
  readonly onWarning: OnWarning;
}

/** Applies the rules. Throws `CONTENTMETA_BAD` and `GROUPS_BAD` where they contradict the tree. */
export function applySplitRules(rules: SplitRules, input: SplitInput): SplitTree {
  const { contentmeta, groups } = rules;
  if (contentmeta !== undefined) {
    const { found, layers, order } = applyContentmeta(contentmeta, input);
    const partitions = layers.map(({ key }) => ({ keys: new Set([key]), layers: 1 }));
    const annotations = new Map(layers.map(({ key, name }) => [key, { [OSTREE_ANNOTATION]: name }]));
    const named = new Map(layers.map(({ key, id, name }) => [key, { id, name }]));
    return { root: input.root, found, partitions, order, annotations, named };
  }
  const members = groupMembers(groups ?? [], input.found.components, input.onWarning);
  const annotations = new Map<ByteString, Annotations>();
  for (const { name, keys } of members)
    for (const key of keys) annotations.set(key, { [GROUP_ANNOTATION]: name });
  const kept = leaveOut(input, members, rules.without);
  const partitions = members.map((group) => (rules.without.includes(group.name) ? emptied(group) : group));
  return { ...kept, partitions, order: undefined, annotations, named: new Map() };
}

/** A group that is left out keeps its layers, so that the others are planned as if it were there. */
function emptied({ layers }: GroupMembers): Partition {
  return { keys: new Set(), layers };
}

/** The tree and the components without some groups: what the layers of the others hold. */
function leaveOut(
  { root, found }: SplitInput,
  members: readonly GroupMembers[],
  without: readonly string[],
): Pick<SplitTree, 'root' | 'found'> {
  const gone = new Set(members.flatMap(({ name, keys }) => (without.includes(name) ? [...keys] : [])));
  if (gone.size === 0) return { root, found };
  const components = found.components.filter(({ key }) => !gone.has(key));
  return { root: treeOf(root, components), found: { ...found, components } };
}

function treeOf(root: Directory, components: readonly Component[]): Directory {
  return memberTree(
    selectMembers(
      root,
      components.flatMap(({ paths }) => paths),
    ),
  );
}

/** Annotations of a layer that a plan put these components into. */
export function layerAnnotations(split: SplitTree, keys: readonly ByteString[]): Annotations {
  const [first] = keys;
  return (first === undefined ? undefined : split.annotations.get(first)) ?? {};
}

/** Edits of the manifest's annotations: which layers belong to which optional group. */
export function groupsAnnotation(layers: readonly { digest: string; annotations: Annotations }[]): KeyEdit[] {
  const groups = new Map<string, string[]>();
  for (const { digest, annotations } of layers) {
    const name = annotations[GROUP_ANNOTATION];
    if (name !== undefined) groups.set(name, [...(groups.get(name) ?? []), digest]);
  }
  if (groups.size === 0) return [];
  return [{ key: GROUPS_ANNOTATION, value: JSON.stringify(Object.fromEntries(groups)) }];
}

/** Labels of a contentmeta file, for the config and the manifest alike. */
export function contentmetaLabels({ contentmeta }: SplitRules): KeyEdit[] {
  return (contentmeta?.labels ?? []).map(([key, value]) => ({ key, value }));
}
