/** What decides a layout: ours, and the ways of other tools, written anew from what is known of them. */
import type { ByteString } from '../bytes/byte-string.ts';
import type { Layout, SimulatedComponent, SimulatedImage } from './series.ts';

/** A layout, and what the planner remembers for the next image. */
export interface Planned {
  readonly layout: Layout;
  readonly memory: unknown;
}

/**
 * A planner. `memory` is what it gave for the previous image, `undefined` for the first; it is never changed, so that
 * two futures can be tried from one past.
 */
export interface Planner {
  readonly name: string;
  plan(image: SimulatedImage, maxLayers: number, memory: unknown): Planned;
}

/** A planner that begins anew with every image. */
export function stateless(
  name: string,
  layOut: (image: SimulatedImage, maxLayers: number) => Layout,
): Planner {
  return { name, plan: (image, maxLayers) => ({ layout: layOut(image, maxLayers), memory: undefined }) };
}

/** A planner that keeps its first layout for ever; what is new goes to the last layer. */
export function frozen(name: string, layOut: (image: SimulatedImage, maxLayers: number) => Layout): Planner {
  return {
    name,
    plan(image, maxLayers, memory) {
      const first = (memory as Layout | undefined) ?? layOut(image, maxLayers);
      const layout = addToLast(first, image);
      return { layout, memory: layout };
    },
  };
}

/** The layout with components that it does not name in its last layer. Layers that are left empty stay, as places. */
function addToLast(layout: Layout, image: SimulatedImage): Layout {
  const known = new Set(layout.flat());
  const added = image.components.map(({ key }) => key).filter((key) => !known.has(key));
  return added.length === 0 ? layout : [...layout.slice(0, -1), [...(layout.at(-1) ?? []), ...added]];
}

/** At most so many layers: what is too many goes to the last one. Budgets this low are no use to anyone. */
export function limitLayers(layout: Layout, maxLayers: number): Layout {
  if (layout.length <= maxLayers) return layout;
  return [...layout.slice(0, maxLayers - 1), layout.slice(maxLayers - 1).flat()];
}

/** Keys of components. */
export function keysOf(components: readonly SimulatedComponent[]): ByteString[] {
  return components.map(({ key }) => key);
}

/** Whether a component comes from a package: what tools that read only a package database know. */
export function isPackage({ kind, key }: SimulatedComponent): boolean {
  return kind === 'package' && !key.startsWith('user/');
}

const KERNEL_PACKAGE = /\/(?:kernel|linux)(?:-(?:signed|core|lts|zen|hardened|image)[^/]*)?$/;

/** Whether a component is a kernel, packaged or not. */
export function isKernel({ kind, key }: SimulatedComponent): boolean {
  return kind === 'kernel' || KERNEL_PACKAGE.test(key);
}
