/** M12: what is rewritten when one component is added, removed, or has grown, and nothing else happened. */
import { byteString } from '../bytes/byte-string.ts';
import type { Planner } from './planner.ts';
import {
  bytesOf,
  changedBytes,
  type LaidLayer,
  layOut,
  newLayers,
  type SimulatedComponent,
  type SimulatedImage,
  spuriousLayers,
} from './series.ts';

/** Layers without any change that are rewritten all the same, and bytes beyond those that had to be. */
export interface Rewrite {
  readonly layers: number;
  readonly bytes: number;
}

/** The three. */
export interface Perturbations {
  readonly added: Rewrite;
  readonly removed: Rewrite;
  readonly grown: Rewrite;
}

const NOTHING: Rewrite = { layers: 0, bytes: 0 };
const GROWTH = 1.3;

/** Perturbs an image by the package whose size is the median. Databases change with anything. */
export function perturb(
  planner: Planner,
  image: SimulatedImage | undefined,
  laid: readonly LaidLayer[],
  maxLayers: number,
  memory: unknown,
): Perturbations {
  const packages = (image?.components ?? []).filter(({ kind }) => kind === 'package');
  const typical = packages.sort((a, b) => a.tarSize - b.tarSize)[packages.length >> 1];
  if (image === undefined || typical === undefined)
    return { added: NOTHING, removed: NOTHING, grown: NOTHING };
  const others = image.components.filter((component) => component !== typical);
  const rewrite = (components: readonly SimulatedComponent[]): Rewrite => {
    const changed = { ...image, components: components.map(withDatabase) };
    const to = layOut(changed, planner.plan(changed, maxLayers, memory).layout);
    return {
      layers: spuriousLayers(laid, to, changed).length,
      bytes: bytesOf(newLayers(laid, to)) - changedBytes(image, changed),
    };
  };
  return {
    added: rewrite([...image.components, newcomer(typical)]),
    removed: rewrite(others),
    grown: rewrite([...others, grown(typical)]),
  };
}

function withDatabase(component: SimulatedComponent): SimulatedComponent {
  if (component.kind !== 'database') return component;
  return { ...component, digest: `${component.digest} changed` };
}

function newcomer(model: SimulatedComponent): SimulatedComponent {
  const { files: _, directories: __, ...rest } = model;
  return { ...rest, key: byteString('package/that-was-added'), digest: 'added', changeDays: [] };
}

function grown(component: SimulatedComponent): SimulatedComponent {
  return {
    ...component,
    size: Math.round(component.size * GROWTH),
    tarSize: Math.round(component.tarSize * GROWTH),
    estimate: Math.round(component.estimate * GROWTH),
    digest: `${component.digest} grown`,
  };
}
