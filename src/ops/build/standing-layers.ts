/**
 * Layers that stand as they are, whatever is planned above them: those of a base image, and those of a previous image
 * that does not say what is in them, once they were read and compared.
 */
import { type ByteString, display } from '../../bytes/byte-string.ts';
import type { HashAlgorithm } from '../../bytes/digest.ts';
import type { Component } from '../../chunk/component.ts';
import { rememberGroups } from '../../chunk/foreign-plan.ts';
import type { PlanText } from '../../chunk/plan-annotation.ts';
import { remainingComponents } from '../../chunk/remainder.ts';
import type { RememberedLayer } from '../../chunk/warm-plan.ts';
import { PlanishError } from '../../errors.ts';
import { checkHostLayer } from '../../host/accept-layer.ts';
import { attempt } from '../../host/host-digest.ts';
import { digestMembers } from '../../layer/content-digest.ts';
import { type Coverage, coverTree } from '../../layer/coverage.ts';
import { computeLayerKey } from '../../layer/key.ts';
import type { LayerIndex } from '../../layer/layer-index.ts';
import { selectMembers } from '../../layer/members.ts';
import { flatten } from '../../tree/flatten.ts';
import { MARKER_PREFIX } from '../../tree/path.ts';
import type { Directory } from '../../tree/tree.ts';
import { walk } from '../../tree/walk.ts';
import { hostLayer } from '../hosts/host-digests.ts';
import { type LayerInput, loadLayers } from '../load/load-layers.ts';
import type { Session } from '../session.ts';
import type { BaseLayers } from './base-layers.ts';
import {
  checkLayerCount,
  digestComponents,
  type FoundComponents,
  type MakePlanOptions,
  makePlan,
  type PlannedTree,
} from './make-plan.ts';
import { planFileNames, readPlanFile } from './plan-file.ts';
import { inputOf, type PreviousImage, type PreviousLayer, type StandingLayer } from './previous-image.ts';

/** What stands, and what is known of the previous image now that its layers were read. */
export interface Standing {
  readonly layers: readonly StandingLayer[];
  /** Paths that these layers hold. */
  readonly covered: ReadonlySet<ByteString>;
  /** Topmost paths that they hold and the tree does not. */
  readonly surplus: readonly ByteString[];
  readonly previous: PreviousImage | undefined;
}

/** What to look through. */
export interface StandingOptions {
  readonly shipped: Directory;
  readonly algorithm: HashAlgorithm;
  readonly found: FoundComponents;
  readonly previous: PreviousImage | undefined;
  readonly base?: BaseLayers | undefined;
  readonly maxLayers?: number | undefined;
  readonly replan?: boolean | undefined;
  /** Where the previous image may have its plan as a file. */
  readonly planFile?: ByteString | undefined;
}

/** What stands of the base image, and of the previous image where it does not say what is in its layers. */
export async function findStanding(session: Session, options: StandingOptions): Promise<Standing> {
  const { base, found, shipped } = options;
  if (base === undefined) return await findInPrevious(session, options);
  const components = remainingComponents(shipped, found.components, base.covered);
  const previous = options.previous === undefined ? undefined : withoutBase(options.previous, base);
  const above = { ...options, found: { ...found, components }, previous };
  const standing = await findInPrevious(session, above);
  return {
    layers: [...base.layers, ...standing.layers],
    covered: new Set([...base.covered, ...standing.covered]),
    surplus: base.surplus,
    previous: standing.previous,
  };
}

/** A previous image without the layers of the base: those are there whatever is planned. */
function withoutBase(previous: PreviousImage, base: BaseLayers): PreviousImage {
  const known = new Set(base.layers.map(({ layer }) => layer.descriptor.digest));
  const isBase = previous.layers.map(({ descriptor }) => known.has(descriptor.digest));
  const layers = previous.plan.layers.map((layer, place) =>
    isBase[place] === true ? { members: [] } : layer,
  );
  return {
    ...previous,
    layers: previous.layers.map((layer, place) =>
      isBase[place] === true ? { ...layer, isBase: true } : layer,
    ),
    plan: { ...previous.plan, layers },
  };
}

/**
 * Reads layers of the previous image of which it does not say what is in them. Those that hold whole components are
 * remembered like any other; those that hold parts of them stand.
 */
async function findInPrevious(session: Session, options: StandingOptions): Promise<Standing> {
  const { previous, algorithm, replan = false } = options;
  const none = { layers: [], covered: new Set<ByteString>(), surplus: [], previous };
  if (previous === undefined || replan) return none;
  const unknown = previous.layers.filter(
    ({ text, isBase }) => isBase !== true && (text === undefined || text.verity !== algorithm),
  );
  if (unknown.length === 0) return none;
  const inputs = unknown.map(inputOf);
  const { planFile } = options;
  const keep = planFile === undefined ? undefined : planFileNames(planFile);
  const { layers } = await loadLayers(session, inputs, { algorithm, contents: false, keep });
  session.checkInterrupted();
  const read = new Map(
    unknown.map((layer, at) => [
      layer,
      readLayer(options, layers[at] as LayerIndex, inputs[at] as LayerInput),
    ]),
  );
  const standing = judge(options, recallPlan(session, options, previous, layers), read);
  // Where they would take all layers there are, nothing could be planned around them.
  const room = checkLayerCount(options.maxLayers) - (options.base?.layers.length ?? 0);
  return standing.layers.length < room ? standing : none;
}

/** The previous image with what its plan file says, where all else about its plan is lost. */
function recallPlan(
  { onWarning }: Session,
  { planFile }: StandingOptions,
  previous: PreviousImage,
  layers: readonly LayerIndex[],
): PreviousImage {
  if (planFile === undefined || previous.layers.some(({ text }) => text !== undefined)) return previous;
  const filed = readPlanFile(layers, planFile);
  if (filed === undefined) {
    const message = 'the previous image has no plan file that can be read';
    onWarning({ code: 'PREVIOUS_IGNORED', message, path: display(planFile) });
    return previous;
  }
  const { groups, regret, today } = filed;
  return { ...previous, groups, plan: { ...previous.plan, regret, today } };
}

/** A layer that was read: what of the tree it holds, if it holds nothing else. */
interface ReadLayer {
  readonly index: LayerIndex;
  readonly root: Directory;
  readonly coverage: Coverage;
}

/** `undefined` for a layer that cannot be one of this tree: hosts refuse it, or it holds something else. */
function readLayer(
  { shipped }: StandingOptions,
  index: LayerIndex,
  input: LayerInput,
): ReadLayer | undefined {
  const refused = attempt(() => checkHostLayer(hostLayer(index, input), 0, false)).refused;
  if (refused !== undefined || index.entries.some(({ path }) => path.includes(MARKER_PREFIX)))
    return undefined;
  const flat = attempt(() => flatten([{ ordinal: 0, entries: index.entries }], { missingParents: 'refuse' }));
  if (flat.value === undefined) return undefined;
  const { root, implied } = flat.value;
  const nodes = [...walk(root)].length - implied.length;
  const coverage = coverTree(shipped, root);
  if (nodes !== index.entries.length || !coverage.exact) return undefined;
  // A root without an entry is as wrong as one with another state.
  const wrong = new Set([...coverage.wrong, ...implied]);
  return { index, root, coverage: { ...coverage, wrong } };
}

/** Takes layers in order; of two that hold the same path, the first has it. */
function judge(
  options: StandingOptions,
  previous: PreviousImage,
  read: ReadonlyMap<PreviousLayer, ReadLayer | undefined>,
): Standing {
  const owners = new Map<ByteString, Component>();
  for (const component of options.found.components) {
    for (const path of component.paths) owners.set(path, component);
  }
  const standing: StandingLayer[] = [];
  const covered = new Set<ByteString>();
  const layers: PreviousLayer[] = [];
  const remembered: RememberedLayer[] = [];
  for (const [place, layer] of previous.layers.entries()) {
    const found = read.get(layer);
    const paths = found === undefined ? [] : [...found.coverage.paths].filter((path) => owners.has(path));
    const members = new Set(paths.map((path) => owners.get(path) as Component));
    const whole = [...members].reduce((sum, { paths: all }) => sum + all.length, 0) === paths.length;
    if (found === undefined || paths.length === 0) {
      layers.push(layer);
      remembered.push(previous.plan.layers[place] as RememberedLayer);
    } else if (whole) {
      const text = describeRead(options, found, [...members]);
      layers.push({ ...layer, text, key: computeLayerKey(found.root, options.algorithm) });
      remembered.push(text);
    } else {
      const key = computeLayerKey(found.root, options.algorithm);
      standing.push(standingLayer({ ...layer, key }, found));
      for (const path of paths) covered.add(path);
    }
  }
  const named = rememberGroups(previous.groups, options.found.components);
  const plan = { ...previous.plan, layers: [...remembered, ...named] };
  return { layers: standing, covered, surplus: [], previous: { ...previous, layers, plan } };
}

function standingLayer(layer: PreviousLayer, { index, root, coverage }: ReadLayer): StandingLayer {
  const directories = directoriesOf(root);
  const { wrong } = coverage;
  return { layer, directories, wrong, entries: index.entries.length, tarSize: index.tarSize };
}

function directoriesOf(root: Directory): Set<ByteString> {
  return new Set([...walk(root)].flatMap(({ path, node }) => (node.type === 'directory' ? [path] : [])));
}

/** What planish would have written down of a layer of whole components. */
function describeRead(
  { algorithm, found }: StandingOptions,
  { index, root }: ReadLayer,
  components: readonly Component[],
): PlanText {
  const own = new Set(components.flatMap(({ paths }) => paths));
  const directories = new Set([...directoriesOf(root)].filter((path) => !own.has(path)));
  const members = selectMembers(root, directories).filter(({ path }) => directories.has(path));
  return {
    members: components.map(({ key, size, rate }) => ({ key, size, rate, digest: found.digests.get(key) })),
    verity: algorithm,
    directories: digestMembers(members),
    tarSize: index.tarSize,
  };
}

/** Plans what no standing layer holds. */
export function planAbove(
  shipped: Directory,
  found: FoundComponents,
  { layers, covered, previous }: Standing,
  options: Pick<MakePlanOptions, 'maxLayers' | 'replan' | 'partitions'>,
): PlannedTree {
  const { maxLayers, replan, partitions } = options;
  if (layers.length >= checkLayerCount(maxLayers)) {
    throw new PlanishError('BAD_OPTION', 'no layer is left above those that stay as they are', {
      expected: `max-layers above ${layers.length}`,
      actual: checkLayerCount(maxLayers),
    });
  }
  const plan = { maxLayers, replan, partitions, taken: layers.length, previous: previous?.plan };
  if (covered.size === 0) return makePlan(found, plan);
  const components = remainingComponents(shipped, found.components, covered);
  const digests = found.digests.size === 0 ? found.digests : digestComponents(shipped, components);
  return makePlan({ ...found, components, digests }, plan);
}
