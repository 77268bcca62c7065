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
import { type ByteString, byteString } from '../../bytes/byte-string.ts';
import type { HashAlgorithm } from '../../bytes/digest.ts';
import type { Component } from '../../chunk/component.ts';
import { daysToRemember } from '../../chunk/observed-changes.ts';
import type { PlannedLayer } from '../../chunk/plan.ts';
import type { PlanFacts, PlanText } from '../../chunk/plan-annotation.ts';
import type { CompressionKind } from '../../compress/kind.ts';
import { digestMembers } from '../../layer/content-digest.ts';
import { selectMembers } from '../../layer/members.ts';
import { parentPath } from '../../tree/path.ts';
import type { Directory } from '../../tree/tree.ts';
import { type PlannedTree, pathsOfLayer } from './make-plan.ts';
import type { PreviousLayer, StandingLayer } from './previous-image.ts';
import type { Standing } from './standing-layers.ts';

/** One layer of the image to be. */
export interface ArrangedLayer {
  readonly planned: PlannedLayer;
  /** What is in it, ancestors aside: paths of its members, and directories that earlier layers have wrong. */
  readonly paths: readonly ByteString[];
  /** Entries of its tar, and its bytes: estimated, unless it was read. */
  readonly entries: number;
  readonly tarSize: number;
  /** What is written down of it; absent for a layer that others wrote. */
  readonly text: PlanText | undefined;
  /** The layer of the previous image that it is. */
  readonly carried: PreviousLayer | undefined;
  /** Paths below lower layers that this one hides. */
  readonly whiteouts: readonly ByteString[];
}

/** What layers are arranged by. */
export interface ArrangeOptions {
  readonly root: Directory;
  readonly planned: PlannedTree;
  readonly algorithm: HashAlgorithm;
  readonly compression: CompressionKind;
  /** Layers allowed. */
  readonly maxLayers: number;
  readonly standing: Standing;
}

/** A layer while it is arranged. */
interface Draft {
  readonly planned: PlannedLayer;
  readonly tarSize: number;
  readonly paths: readonly ByteString[];
  readonly directories: ReadonlySet<ByteString>;
  /** Those of the directories that the layer may have in an older state. */
  readonly wrong: ReadonlySet<ByteString>;
  readonly directoriesDigest: string;
  readonly carried: PreviousLayer | undefined;
  readonly standing?: StandingLayer;
}

/** A layer that holds no component of the plan. */
const NO_MEMBERS: PlannedLayer = { members: [], size: 0, rate: 0, stability: 1, cost: 0, share: 0 };

const NONE: ReadonlySet<ByteString> = new Set();
const ROOT = byteString('/');

/** Arranges the layers of a plan. Changing this changes what layers hold. */
export function arrangeLayers(options: ArrangeOptions): ArrangedLayer[] {
  const { planned, standing } = options;
  const components = new Map(planned.components.map((component) => [component.key, component]));
  const drafts = [
    ...standing.layers.map(draftStanding),
    ...planned.plan.layers.map((layer, ordinal) =>
      draftLayer(options, components, layer, planned.plan.origins[ordinal]),
    ),
  ];
  const wrong = wrongDirectories(drafts);
  const { surplus } = standing;
  const days = new Map(planned.components.map((component) => [component.key, daysToRemember(component)]));
  const facts = { verity: options.algorithm, regret: planned.plan.regret, today: planned.today };
  if (wrong.size === 0 && surplus.length === 0) {
    return drafts.map((draft) => finishLayer(options, draft, facts, days));
  }
  const carrier = drafts.length < options.maxLayers ? undefined : chooseCarrier(drafts);
  const before = drafts.filter((draft) => draft !== carrier);
  const layers = before.map((draft) => finishLayer(options, draft, facts, days));
  return [...layers, correctingLayer(options, wrongDirectories(before), carrier, facts)];
}

function draftLayer(
  { root, standing, compression }: ArrangeOptions,
  components: ReadonlyMap<ByteString, Component>,
  planned: PlannedLayer,
  place: number | undefined,
): Draft {
  const paths = pathsOfLayer(planned, components);
  const directories = ancestorsOf(paths);
  const directoriesDigest = digestPaths(root, directories);
  const found = place === undefined ? undefined : standing.previous?.layers[place];
  const carried = found?.compression === compression ? found : undefined;
  const stale = carried !== undefined && carried.text?.directories !== directoriesDigest;
  const wrong = stale ? directories : NONE;
  const tarSize = planned.members.reduce((sum, { key }) => sum + (components.get(key)?.tarSize ?? 0), 0);
  return { planned, tarSize, paths, directories, wrong, directoriesDigest, carried };
}

function draftStanding(standing: StandingLayer): Draft {
  const { layer, directories, wrong, tarSize } = standing;
  const known = { tarSize, carried: layer, standing, directories, wrong };
  return { planned: NO_MEMBERS, paths: [], directoriesDigest: '', ...known };
}

/** Directories of a layer that are there for what is below them only. */
function ancestorsOf(paths: readonly ByteString[]): Set<ByteString> {
  const ancestors = new Set([ROOT]);
  for (const path of paths) {
    for (let above = parentPath(path); !ancestors.has(above); above = parentPath(above)) ancestors.add(above);
  }
  for (const path of paths) ancestors.delete(path);
  return ancestors;
}

function digestPaths(root: Directory, paths: ReadonlySet<ByteString>): string {
  return digestMembers(selectMembers(root, paths).filter(({ path }) => paths.has(path)));
}

/** Directories of which the last layer that holds them may have an older state. */
function wrongDirectories(drafts: readonly Draft[]): Set<ByteString> {
  const all = new Set<ByteString>();
  for (const { directories, wrong, paths } of drafts) {
    for (const path of paths) all.delete(path);
    for (const path of directories) {
      if (wrong.has(path)) all.add(path);
      else all.delete(path);
    }
  }
  return all;
}

/** The layer that takes in directories: the last, if it is written anyway, else the smallest that may be written. */
function chooseCarrier(drafts: readonly Draft[]): Draft | undefined {
  const last = drafts.at(-1);
  if (last?.carried === undefined) return last;
  const free = drafts.filter(({ standing }) => standing === undefined);
  return free.length === 0 ? undefined : free.reduce((a, b) => (b.planned.size < a.planned.size ? b : a));
}

type SharedFacts = Pick<PlanFacts, 'verity' | 'regret' | 'today'>;
type RememberedDays = ReadonlyMap<ByteString, readonly number[] | undefined>;

function finishLayer(
  { planned }: ArrangeOptions,
  draft: Draft,
  facts: SharedFacts,
  days: RememberedDays,
): ArrangedLayer {
  const { planned: layer, tarSize, paths, directories, directoriesDigest, carried, standing } = draft;
  const { entries = paths.length + directories.size } = standing ?? {};
  const members = layer.members.map((member) => ({
    ...member,
    digest: planned.digests.get(member.key),
    changeDays: days.get(member.key),
  }));
  const described = {
    members,
    ...facts,
    directories: carried?.text?.directories ?? directoriesDigest,
    tarSize: carried?.text?.tarSize,
  };
  const text = standing === undefined ? described : carried?.text;
  return { planned: layer, paths, entries, tarSize, text, carried, whiteouts: [] };
}

/**
 * The last layer, which puts right what is wrong below: of its own, or a layer of the plan, which is then written down
 * without digests.
 */
function correctingLayer(
  { root, standing }: ArrangeOptions,
  wrong: ReadonlySet<ByteString>,
  carrier: Draft | undefined,
  facts: SharedFacts,
): ArrangedLayer {
  const paths = [...new Set([...(carrier?.paths ?? []), ...wrong])];
  const whiteouts = standing.surplus;
  const around = [...paths, ...whiteouts.map(parentPath)];
  const entries = selectMembers(root, around).length + whiteouts.length;
  const planned = carrier?.planned ?? NO_MEMBERS;
  const tarSize = (carrier?.tarSize ?? 0) + 512 * entries;
  const text = { members: planned.members, ...facts };
  return { planned, paths: [...new Set(around)], entries, tarSize, text, carried: undefined, whiteouts };
}
