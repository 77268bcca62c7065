/** An image as the simulation sees it: every component measured as a layer of its own. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type ByteString, byteString, compareBytes, fromBytes } from '../../bytes/byte-string.ts';
import type { ComponentMapEntry } from '../../chunk/choices/component-map.ts';
import type { Component } from '../../chunk/component.ts';
import { fromSystemError } from '../../errors.ts';
import type { LaidLayer, SimulatedComponent, SimulatedFile, SimulatedImage } from '../../simulate/series.ts';
import { canonicalize } from '../../tree/canonical.ts';
import type { Directory, RegularFile } from '../../tree/tree.ts';
import { lookup } from '../../tree/walk.ts';
import { type FoundComponents, findComponents } from '../build/make-plan.ts';
import { writeLayers } from '../build/write-layers.ts';
import { type LoadedTree, type SourceOptions, withTree } from '../load/load-tree.ts';
import type { Session } from '../session.ts';

/** How sizes are found out. */
export type SizeKind = 'compressed' | 'tar';

/** What measuring needs besides the source. */
export interface MeasureOptions {
  readonly source: SourceOptions;
  readonly sizes: SizeKind;
  readonly componentMap: readonly ComponentMapEntry[];
  /** Numbers contents over the whole series; shared by its images. */
  readonly contents: Map<string, number>;
}

/** An image of a series, and its layers as they were published; none for sources without layers. */
export interface MeasuredImage {
  readonly image: SimulatedImage;
  readonly published: readonly LaidLayer[] | undefined;
}

/** Compression of layers by default, by which components are weighed. */
const COMPRESSION = { kind: 'zstd', level: 3 } as const;

/** Reads a source and measures its components. */
export async function measureImage(
  session: Session,
  text: string,
  options: MeasureOptions,
): Promise<MeasuredImage> {
  const needs = { contents: true, digests: true };
  return await withTree(session, text, options.source, needs, async (tree) => {
    const root = canonicalize(tree.root, { onWarning: session.onWarning });
    const { componentMap } = options;
    const found = await findComponents(session, root, tree.contents, { componentMap, measured: true });
    const measured = await measureComponents(session, root, tree, found, options);
    const { today } = found;
    return { image: { name: text, today, components: measured }, published: publishedLayers(tree) };
  });
}

function publishedLayers({ image }: LoadedTree): LaidLayer[] | undefined {
  return image?.layers.map(({ descriptor, diffId }) => ({ id: diffId, members: [], size: descriptor.size }));
}

async function measureComponents(
  session: Session,
  root: Directory,
  tree: LoadedTree,
  { components, digests }: FoundComponents,
  { sizes, contents }: MeasureOptions,
): Promise<SimulatedComponent[]> {
  const compressed = sizes === 'compressed' ? await compress(session, root, tree, components) : [];
  return components.map(({ key, kind, rate, size, tarSize, changeDays, history, paths }, at) => ({
    key,
    kind,
    digest: digests.get(key) ?? '',
    size: compressed[at] ?? tarSize,
    tarSize,
    estimate: size,
    rate,
    changeDays,
    history,
    directories: ancestors(paths),
    files: filesOf(root, paths, contents),
  }));
}

/** Bytes of each component as a compressed layer by itself. */
async function compress(
  session: Session,
  root: Directory,
  { contents, algorithm }: LoadedTree,
  components: readonly Component[],
): Promise<number[]> {
  const directory = makeDirectory(session);
  try {
    const blobFile = (ordinal: number): string => join(directory, String(ordinal));
    const options = { root, contents, algorithm, compression: COMPRESSION, blobFile };
    const orders = components.map(({ paths, tarSize }) => ({ paths, size: tarSize }));
    const written = await writeLayers(session, orders, options);
    return written.map(({ size }) => size);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

function makeDirectory({ temporaryDirectory }: Session): string {
  try {
    return mkdtempSync(join(temporaryDirectory, '.planish-simulate-'));
  } catch (error) {
    throw fromSystemError(error, 'creating a temporary directory', { file: temporaryDirectory });
  }
}

/** All directories that the paths lie in, but for the root. */
function ancestors(paths: readonly ByteString[]): ByteString[] {
  const found = new Set<ByteString>();
  for (const path of paths) {
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      const directory = byteString(path.slice(0, slash));
      if (found.has(directory)) break;
      found.add(directory);
    }
  }
  return [...found].sort(compareBytes);
}

function filesOf(
  root: Directory,
  paths: readonly ByteString[],
  contents: Map<string, number>,
): SimulatedFile[] {
  const files: SimulatedFile[] = [];
  for (const path of paths) {
    const node = lookup(root, path);
    if (node?.type === 'regular') files.push({ path, content: numberOf(contentName(node), contents) });
  }
  return files;
}

/** Small contents stand for themselves, others are named by their digests. */
function contentName({ content }: RegularFile): string {
  return content.kind === 'inline'
    ? `=${fromBytes(content.bytes)}`
    : `${content.size} ${content.verity ?? ''}`;
}

function numberOf(name: string, contents: Map<string, number>): number {
  const number = contents.get(name) ?? contents.size;
  contents.set(name, number);
  return number;
}
