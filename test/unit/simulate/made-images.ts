/** Images of few components for the simulation. */
import { byteString } from '../../../src/bytes/byte-string.ts';
import type { ComponentKind } from '../../../src/chunk/component.ts';
import type { SimulatedComponent, SimulatedImage } from '../../../src/simulate/series.ts';

/** Key, size, digest; rates and days may follow. */
export type Row = readonly [key: string, size: number, digest: string, facts?: Partial<SimulatedComponent>];

const KINDS: readonly [RegExp, ComponentKind][] = [
  [/^@/, 'database'],
  [/^initramfs$/, 'initramfs'],
  [/^rest/, 'rest'],
];

export function madeImage(name: string, rows: readonly Row[]): SimulatedImage {
  const components = rows.map(([key, size, digest, facts]) => ({
    key: byteString(key),
    kind: KINDS.find(([pattern]) => pattern.test(key))?.[1] ?? 'package',
    size,
    tarSize: size,
    estimate: size,
    rate: 10_000,
    changeDays: [],
    digest,
    ...facts,
  }));
  return { name, today: 20_000, components };
}

/** Names of the members of each layer. */
export const names = (layout: readonly (readonly string[])[]): string[] =>
  layout.map((layer) => [...layer].sort().join(' '));
