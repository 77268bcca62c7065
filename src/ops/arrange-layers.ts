/**
 * From a plan to layers: which paths each holds, what is written down of it, and which layers are carried over from
 * the previous image by their descriptors.
 *
 * A carried layer holds the ancestors of its files as they were when it was written. Where one of them has changed
 * since (package managers give a directory a new time whenever they put a file into it), the layer is as good as
 * before, as long as a later layer has the directory right: layers are applied in order. Such directories come in a
 * small layer of their own behind all others. Where no layer is free for it they join the last layer that is written;
 * that one is then written down without digests, so that it will not be taken for its members alone.
 */
import type { ByteString } from '../bytes/byte-string.ts';
import type { HashAlgorithm } from '../bytes/digest.ts';
import type { Component } from '../chunk/component.ts';
import type { PlannedLayer } from '../chunk/plan.ts';
import type { PlanFacts, PlanText } from '../chunk/plan-annotation.ts';
import type { CompressionKind } from '../compress/kind.ts';
import { digestMembers } from '../layer/content-digest.ts';
import { selectMembers } from '../layer/members.ts';
import type { Directory } from '../tree/tree.ts';
import { type PlannedTree, pathsOfLayer } from './make-plan.ts';
import type { PreviousImage, PreviousLayer } from './previous-image.ts';

/** One layer of the image to be. */
export interface ArrangedLayer {
  readonly planned: PlannedLayer;
  /** What is in it, ancestors aside: paths of its members, and directories that earlier layers have wrong. */
  readonly paths: readonly ByteString[];
  /** Entries of its tar. */
  readonly entries: number;
  readonly text: PlanText;
  /** The layer of the previous image that it is. */
  readonly carried: PreviousLayer | undefined;
}

/** What layers are arranged by. */
export interface ArrangeOptions {
  readonly root: Directory;
  readonly planned: PlannedTree;
  readonly algorithm: HashAlgorithm;
  readonly compression: CompressionKind;
  readonly previous: PreviousImage | undefined;
}

/** A layer while it is arranged. */
interface Draft {
  readonly planned: PlannedLayer;
  readonly paths: readonly ByteString[];
  readonly directories: ReadonlySet<ByteString>;
  readonly directoriesDigest: string;
  readonly carried: PreviousLayer | undefined;
}

/** Arranges the layers of a plan. Changing this changes what layers hold. */
export function arrangeLayers(options: ArrangeOptions): ArrangedLayer[] {
  const { root, planned } = options;
  const components = new Map(planned.components.map((component) => [component.key, component]));
  const drafts = planned.plan.layers.map((layer, ordinal) =>
    draftLayer(options, components, layer, planned.plan.origins[ordinal]),
  );
  const wrong = wrongDirectories(drafts);
  const facts = { verity: options.algorithm, regret: planned.plan.regret, today: planned.today };
  if (wrong.size === 0) return drafts.map((draft) => finishLayer(options, draft, facts));
  if (drafts.length < planned.plan.model.maxLayers) {
    const layers = drafts.map((draft) => finishLayer(options, draft, facts));
    return [...layers, directoriesLayer(root, wrong, facts)];
  }
  const { before, carrier } = chooseCarrier(drafts);
  const layers = before.map((draft) => finishLayer(options, draft, facts));
  return [...layers, carryDirectories(options, before, carrier, facts)];
}

function draftLayer(
  { root, previous, compression }: ArrangeOptions,
  components: ReadonlyMap<ByteString, Component>,
  planned: PlannedLayer,
  place: number | undefined,
): Draft {
  const paths = pathsOfLayer(planned, components);
  const directories = ancestorsOf(root, paths);
  const found = place === undefined ? undefined : previous?.layers[place];
  const carried = found?.compression === compression ? found : undefined;
  return { planned, paths, directories, directoriesDigest: digestPaths(root, directories), carried };
}

/** Directories of a layer that are there for what is below them only. */
function ancestorsOf(root: Directory, paths: readonly ByteString[]): Set<ByteString> {
  const own = new Set(paths);
  return new Set(selectMembers(root, paths).flatMap(({ path }) => (own.has(path) ? [] : [path])));
}

function digestPaths(root: Directory, paths: ReadonlySet<ByteString>): string {
  return digestMembers(selectMembers(root, paths).filter(({ path }) => paths.has(path)));
}

function isStale({ carried, directoriesDigest }: Draft): boolean {
  return carried !== undefined && carried.text?.directories !== directoriesDigest;
}

/** Directories of which the last layer that holds them may have an older state. */
function wrongDirectories(drafts: readonly Draft[]): Set<ByteString> {
  const wrong = new Set<ByteString>();
  for (const draft of drafts) {
    const stale = isStale(draft);
    for (const path of draft.directories) {
      if (stale) wrong.add(path);
      else wrong.delete(path);
    }
  }
  return wrong;
}

/** The layer that takes in directories: the last, if it is written anyway, else the smallest. */
function chooseCarrier(drafts: readonly Draft[]): { before: readonly Draft[]; carrier: Draft } {
  const last = drafts.at(-1) as Draft;
  const smallest = drafts.reduce((a, b) => (b.planned.size < a.planned.size ? b : a));
  const carrier = last.carried === undefined ? last : smallest;
  return { before: drafts.filter((draft) => draft !== carrier), carrier };
}

type SharedFacts = Pick<PlanFacts, 'verity' | 'regret' | 'today'>;

function finishLayer(
  { planned }: ArrangeOptions,
  { planned: layer, paths, directories, directoriesDigest, carried }: Draft,
  facts: SharedFacts,
): ArrangedLayer {
  const members = layer.members.map((member) => ({ ...member, digest: planned.digests.get(member.key) }));
  const text = {
    members,
    ...facts,
    directories: carried?.text?.directories ?? directoriesDigest,
    tarSize: carried?.text?.tarSize,
  };
  return { planned: layer, paths, entries: paths.length + directories.size, text, carried };
}

/** A layer of directories alone. */
function directoriesLayer(
  root: Directory,
  paths: ReadonlySet<ByteString>,
  facts: SharedFacts,
): ArrangedLayer {
  const entries = selectMembers(root, paths).length;
  const planned = { members: [], size: 512 * entries, rate: 0, stability: 1, cost: 0, share: 0 };
  return { planned, paths: [...paths], entries, text: { members: [], ...facts }, carried: undefined };
}

function carryDirectories(
  { root }: ArrangeOptions,
  before: readonly Draft[],
  carrier: Draft,
  facts: SharedFacts,
): ArrangedLayer {
  const paths = [...new Set([...carrier.paths, ...wrongDirectories(before)])];
  const entries = selectMembers(root, paths).length;
  const { planned } = carrier;
  return { planned, paths, entries, text: { members: planned.members, ...facts }, carried: undefined };
}
