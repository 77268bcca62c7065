/**
 * A file of an image, looked for from the uppermost layer down. Layers below those that tell what it is are not read, so
 * that what is wrong with them is not noticed.
 */
import type { ByteString } from '../../bytes/byte-string.ts';
import { PlanishError } from '../../errors.ts';
import { HOST_READ_PATHS } from '../../host/read-file.ts';
import type { OpenedImage } from '../../io/opened-image.ts';
import type { ContentFile } from '../../parallel/content-file.ts';
import type { LayerEntry } from '../../tree/entry.ts';
import { type FlattenLayer, type FlattenResult, flatten } from '../../tree/flatten.ts';
import type { Directory, Node } from '../../tree/tree.ts';
import type { Warning } from '../../warnings.ts';
import { layerInputs } from '../load/layer-inputs.ts';
import { LayerReader, listing } from '../load/layer-reader.ts';
import type { SourceOptions } from '../load/load-tree.ts';
import { measuringAlgorithm } from '../load/loaded-tree.ts';
import type { Session } from '../session.ts';
import { resolvePath } from './resolve-path.ts';

/** What stands at a path, and where its content is read. */
export interface FoundNode {
  readonly node: Node | undefined;
  readonly root: Directory;
  readonly contents: readonly ContentFile[];
}

/** Looks for what stands at a path, links followed; a regular file's content is made ready. */
export async function findInLayers(
  session: Session,
  image: OpenedImage,
  path: ByteString,
  options: SourceOptions,
): Promise<FoundNode> {
  const inputs = layerInputs(image);
  const needs = { contents: 'few', digests: false } as const;
  const algorithm = measuringAlgorithm(options, needs);
  const wanted = { algorithm, contents: needs.contents, keep: HOST_READ_PATHS };
  const also = sameName(path);
  const reader = new LayerReader(session, inputs, wanted, listing(session, inputs, { ...wanted, also }));
  const layers: FlattenLayer[] = [];
  // Each time as many layers more as there were, so that putting them together costs at most twice as much in all.
  for (let count = 1; ; count *= 2) {
    const first = Math.max(inputs.length - count, 0);
    const ordinals = Array.from({ length: inputs.length - layers.length - first }, (_, at) => first + at);
    const read = await reader.read(ordinals);
    session.checkInterrupted();
    layers.unshift(...read.map(({ entries }, at) => ({ ordinal: first + at, entries })));
    const found =
      first === 0 ? findInAll(session, layers, path, options) : findInUpper(session, layers, path);
    if (found === undefined) continue;
    const { node, root } = found;
    if (node?.type === 'regular') await reader.contents.makeReady([node.content]);
    return { node, root, contents: reader.contents.rows };
  }
}

/** Entries whose names end like the path: most links lead to a file of the same name. */
function sameName(path: ByteString): RegExp | undefined {
  const name = path.split('/').findLast((part) => !['', '.', '..'].includes(part));
  if (name === undefined) return undefined;
  return new RegExp(`(?:^|/)${name.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')}$`, 's');
}

type Found = Pick<FoundNode, 'node' | 'root'>;

function findInAll(
  { onWarning }: Session,
  layers: readonly FlattenLayer[],
  path: ByteString,
  { missingParents = 'create' }: SourceOptions,
): Found {
  const { root } = flatten(layers, { missingParents, whiteouts: 'oci', onWarning });
  return { node: resolvePath(root, path), root };
}

/**
 * A file that no lower layer can change: it is in these, and each directory on the way has an entry in them, so that it is
 * none of a symlink's doing. Nothing where they do not tell, or cannot be put together by themselves.
 */
function findInUpper(
  { onWarning }: Session,
  layers: readonly FlattenLayer[],
  path: ByteString,
): Found | undefined {
  const warnings: Warning[] = [];
  const flat = flattenUpper(layers, (warning) => warnings.push(warning));
  if (flat === undefined) return undefined;
  const { root } = flat;
  const implied = new Set(flat.implied);
  const node = resolvePath(root, path, (directory) => !implied.has(directory));
  if (node?.type !== 'regular') return undefined;
  for (const warning of warnings) if (isOfThese(warning)) onWarning(warning);
  return { node, root };
}

/** Whether a warning of upper layers is one of all: what they seem to lack may be below. */
function isOfThese({ code }: Warning): boolean {
  return code !== 'PARENT_CREATED' && code !== 'WHITEOUT_WITHOUT_TARGET';
}

function flattenUpper(
  layers: readonly FlattenLayer[],
  onWarning: (warning: Warning) => void,
): FlattenResult | undefined {
  try {
    return flatten(withoutFarLinks(layers), { missingParents: 'create', whiteouts: 'oci', onWarning });
  } catch (error) {
    if (error instanceof PlanishError && error.kind !== 'internal') return undefined;
    throw error;
  }
}

/** Hard links to files of lower layers become pipes: something stands there, and no file is found in it. */
function withoutFarLinks(layers: readonly FlattenLayer[]): FlattenLayer[] {
  const paths = new Set<string>();
  for (const { entries } of layers) for (const { path } of entries) paths.add(barePath(path));
  const isFar = ({ type, linkTarget }: LayerEntry): boolean =>
    type === 'hardlink' && !paths.has(barePath(linkTarget));
  return layers.map((layer) => ({
    ...layer,
    entries: layer.entries.map((entry) => (isFar(entry) ? { ...entry, type: 'fifo' } : entry)),
  }));
}

/** Equal for most names of one path; where it is not, less is known of lower layers, and nothing wrong. */
function barePath(path: ByteString): string {
  return path.replace(/^(?:\.?\/)+|\/+$/g, '');
}
