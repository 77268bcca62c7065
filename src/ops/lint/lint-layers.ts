/** Reads a source for `lint`: every layer as it is, and the trees that engines and hosts make of them. */
import type { HashAlgorithm } from '../../bytes/digest.ts';
import { PlanishError } from '../../errors.ts';
import type { OpenedSource } from '../../io/open-image.ts';
import { measureTree, scanRootfs } from '../../io/rootfs.ts';
import type { LintLayer, Reading } from '../../lint/rule.ts';
import type { ContentFile } from '../../parallel/content-file.ts';
import { type FlattenLayer, type FlattenResult, flatten } from '../../tree/flatten.ts';
import type { FlattenOptions } from '../../tree/flatten-state.ts';
import type { OnWarning, Warning } from '../../warnings.ts';
import { layerInputs } from '../load/layer-inputs.ts';
import { type LayerInput, loadLayers } from '../load/load-layers.ts';
import { measureFiles } from '../load/measure-files.ts';
import type { Session } from '../session.ts';

/** What was read. */
export interface LintedLayers {
  readonly layers: readonly LintLayer[];
  readonly oci: Reading;
  readonly host: Reading;
  readonly refusal: PlanishError | undefined;
  /** Rows that locations of contents name; empty when a layer could not be read. */
  readonly contents: readonly ContentFile[];
  readonly algorithm: HashAlgorithm;
}

/** Takes the warnings about layers out of a session's, where they are findings; all others go on. */
export class WarningTap {
  readonly #next: OnWarning | undefined;
  readonly #taken: Warning[] = [];

  constructor(next: OnWarning | undefined) {
    this.#next = next;
  }

  /** The `onWarning` of the session. */
  readonly receive: OnWarning = (warning) => {
    if (warning.layer === undefined) this.#next?.(warning);
    else this.#taken.push(warning);
  };

  /** What came since the last call. */
  take(): readonly Warning[] {
    return this.#taken.splice(0);
  }
}

/** Reads an opened source. Throws `IMAGE_UNSUPPORTED` for one that holds no content. */
export async function readForLint(
  session: Session,
  tap: WarningTap,
  opened: OpenedSource,
  algorithm: HashAlgorithm,
): Promise<LintedLayers> {
  if (opened.kind === 'rootfs') return await readRootfs(session, opened.path, algorithm);
  if (opened.kind !== 'image' && opened.kind !== 'tar') {
    throw new PlanishError('IMAGE_UNSUPPORTED', 'only images, tars and directories hold what rules look at', {
      actual: opened.kind,
    });
  }
  const inputs = opened.kind === 'image' ? layerInputs(opened) : [bareInput(opened.blob)];
  const descriptors = opened.kind === 'image' ? opened.layers : [];
  const { read, contents } = await readLayers(session, tap, inputs, algorithm);
  const layers = read.map((layer, ordinal): LintLayer => {
    const { descriptor, diffId } = descriptors[ordinal] ?? {};
    return { ordinal, descriptor, diffId, ...layer };
  });
  return { layers, contents, algorithm, ...makeReadings(session, layers) };
}

/** Global headers are ignored here as well, for the tar is judged as a layer. */
function bareInput(blob: LayerInput['blob']): LayerInput {
  const unknown = { digest: undefined, size: undefined, diffId: undefined, claimed: undefined };
  return { blob, ...unknown, globalHeaders: 'ignore' };
}

async function readRootfs(session: Session, path: string, algorithm: HashAlgorithm): Promise<LintedLayers> {
  const { onWarning } = session;
  const contents = { algorithm };
  const scan = await scanRootfs(path, { onWarning, xattrs: 'all', contents, width: session.pool.width });
  await measureTree(scan, (files) => measureFiles(session, files, algorithm));
  const reading: Reading = { root: scan.root, failure: undefined, warnings: [] };
  const files = scan.files.map((file): ContentFile => ({ kind: 'path', path: file, base: 0 }));
  return { layers: [], oci: reading, host: reading, refusal: undefined, contents: files, algorithm };
}

type ReadLayer = Pick<LintLayer, 'index' | 'failure' | 'warnings'>;

/** All at once where that goes well; else each by itself, to say which could not be read and why. */
async function readLayers(
  session: Session,
  tap: WarningTap,
  inputs: readonly LayerInput[],
  algorithm: HashAlgorithm,
): Promise<{ read: ReadLayer[]; contents: readonly ContentFile[] }> {
  const all = await attempt(() => loadLayers(session, inputs, { algorithm, contents: true, enforce: false }));
  const warnings = tap.take();
  if (!(all instanceof PlanishError)) {
    const { layers, contents } = all;
    const read = layers.map((index, ordinal): ReadLayer => {
      return { index, failure: undefined, warnings: warnings.filter(({ layer }) => layer === ordinal) };
    });
    return { read, contents };
  }
  const read: ReadLayer[] = [];
  for (const input of inputs) {
    const options = { algorithm, contents: false, enforce: false };
    const alone = await attempt(() => loadLayers(session, [input], options));
    const failure = alone instanceof PlanishError ? alone : undefined;
    const index = alone instanceof PlanishError ? undefined : alone.layers[0];
    read.push({ index, failure, warnings: tap.take() });
  }
  return { read, contents: [] };
}

async function attempt<T>(work: () => Promise<T>): Promise<T | PlanishError> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof PlanishError && (error.kind === 'input' || error.kind === 'integrity')) return error;
    throw error;
  }
}

/** Hosts make no parents; where a layer relies on that, the tree with them is still looked at. */
function makeReadings(
  session: Session,
  read: readonly LintLayer[],
): Pick<LintedLayers, 'oci' | 'host' | 'refusal'> {
  const none: Reading = { root: undefined, failure: undefined, warnings: [] };
  const layers = read.flatMap(({ ordinal, index }): FlattenLayer[] =>
    index === undefined ? [] : [{ ordinal, entries: index.entries }],
  );
  if (layers.length < read.length) return { oci: none, host: none, refusal: undefined };
  session.onProgress({ stage: 'flatten', done: 0, total: undefined, unit: 'files' });
  const oci = readAs(layers, { whiteouts: 'oci', missingParents: 'create' });
  const strict = readAs(layers, { whiteouts: 'host', missingParents: 'refuse' });
  if (strict.failure?.code !== 'PARENT_MISSING') return { oci, host: strict, refusal: undefined };
  const host = readAs(layers, { whiteouts: 'host', missingParents: 'create' });
  return { oci, host, refusal: strict.failure };
}

function readAs(layers: readonly FlattenLayer[], options: FlattenOptions): Reading {
  const warnings: Warning[] = [];
  const onWarning = (warning: Warning): void => void warnings.push(warning);
  try {
    const { root }: FlattenResult = flatten(layers, { ...options, onWarning });
    return { root, failure: undefined, warnings };
  } catch (error) {
    if (error instanceof PlanishError && error.kind === 'input') {
      return { root: undefined, failure: error, warnings };
    }
    throw error;
  }
}
