/** Opens any source and makes one tree of it. */
import { arch } from 'node:os';
import { addAbortSignal } from 'node:stream';
import type { HashAlgorithm } from '../bytes/digest.ts';
import { DumpfileParser, type ParsedDump } from '../dumpfile/parse.ts';
import { decodeImage } from '../erofs/reader.ts';
import { fromSystemError, PlanishError, withDetail } from '../errors.ts';
import { HOST_READ_PATHS } from '../host/read-file.ts';
import { type BlobFile, readBlob, readSmallBlob, wholeFile } from '../io/blob-file.ts';
import { takeFileStamps, verifyFileStamps } from '../io/file-stamps.ts';
import { type OpenedSource, openSource } from '../io/open-image.ts';
import type { OpenedImage } from '../io/opened-image.ts';
import { measureTree, scanRootfs } from '../io/rootfs.ts';
import type { LayerIndex } from '../layer/layer-index.ts';
import { LIMITS } from '../limits.ts';
import { layerMediaType } from '../oci/media-types.ts';
import { parsePlatform } from '../oci/platform.ts';
import { parseSource } from '../oci/reference.ts';
import type { ContentFile } from '../parallel/content-file.ts';
import type { DumpFacts } from '../tree/dump-facts.ts';
import { flatten } from '../tree/flatten.ts';
import type { Directory } from '../tree/tree.ts';
import { type LayerInput, type LoadedLayers, loadLayers } from './load-layers.ts';
import { measureFiles } from './measure-files.ts';
import type { CommonOptions, Session } from './session.ts';

/** Options of every verb that makes a tree of its source. */
export interface SourceOptions extends CommonOptions {
  /** `os/arch[/variant]` to choose from an index; default: Linux on the architecture of this machine. */
  readonly platform?: string | undefined;
  /** fs-verity algorithm of contents and images; default `sha512`. Changes digests. */
  readonly algorithm?: HashAlgorithm | undefined;
  /** What to do about an entry whose parent directory no layer holds; default `create`, with a warning. */
  readonly missingParents?: 'refuse' | 'create' | undefined;
  /** Whether to read extended attributes of a `rootfs:` source; default `all`. */
  readonly xattrs?: 'all' | 'skip' | undefined;
  /** Whether a dumpfile must be exactly as composefs-rs writes it; default: as lenient as the C tools. */
  readonly strict?: boolean | undefined;
}

/** What the verb will do with the tree. */
export interface Needs {
  /** Contents will be read again; `lazily`: after {@link LoadedTree.makeReady}. */
  readonly contents: boolean | 'lazily';
  /** fs-verity digests of contents are needed. */
  readonly digests: boolean;
  /** Algorithm of sources without digests of their own when none was asked for; default `sha512`. */
  readonly algorithm?: HashAlgorithm | undefined;
}

/** A source as one tree. */
export interface LoadedTree {
  readonly kind: 'image' | 'tar' | 'rootfs' | 'dump' | 'erofs';
  readonly root: Directory;
  readonly algorithm: HashAlgorithm;
  /** Rows that locations of contents name. */
  readonly contents: readonly ContentFile[];
  /** The layers, for sources that have any, and where each can be read again. */
  readonly layers: readonly LayerIndex[];
  readonly inputs: readonly LayerInput[];
  /** Documents of the image, for sources that are one. */
  readonly image: OpenedImage | undefined;
  /** What a dumpfile said beyond the tree. */
  readonly facts: DumpFacts | undefined;
  /** To be awaited before contents that were asked for lazily are read. */
  readonly makeReady: LoadedLayers['makeReady'];
  /** The same for contents that runs to come will read as well: the layer cache keeps them. */
  readonly makeReadyAndKeep: LoadedLayers['makeReadyAndKeep'];
  /** Throws `CONTENT_CHANGED` when contents on disk are not what was measured; to be called once all is written. */
  readonly verifyUnchanged: () => void;
  /** Format version of an EROFS source. */
  readonly version: 0 | 1 | 2 | undefined;
}

/** Algorithm of bootc and of new composefs repositories. Changing this changes digests. */
const DEFAULT_ALGORITHM: HashAlgorithm = 'sha512';

/** Opens a source given as text, makes a tree of it, and closes it after `use`. */
export async function withTree<T>(
  session: Session,
  text: string,
  options: SourceOptions,
  needs: Needs,
  use: (tree: LoadedTree) => Promise<T>,
): Promise<T> {
  const opened = await openSource(parseSource(text), {
    platform: options.platform === undefined ? undefined : parsePlatform(options.platform),
    architecture: arch(),
    temporaryDirectory: options.temporaryDirectory,
    signal: options.signal,
    onWarning: session.onWarning,
  });
  try {
    return await use(await load(session, opened, options, needs));
  } finally {
    if (opened.kind === 'image') opened.close();
  }
}

async function load(
  session: Session,
  opened: OpenedSource,
  options: SourceOptions,
  needs: Needs,
): Promise<LoadedTree> {
  switch (opened.kind) {
    case 'image':
      return await loadImageTree(session, opened, options, needs);
    case 'tar':
      return await ofFile(opened.blob.file, loadTarTree(session, opened.blob, options, needs));
    case 'rootfs':
      return await loadRootfsTree(session, opened.path, options, needs);
    case 'dump':
      return await ofFile(opened.file, loadDumpTree(session, opened.file, options, needs));
    case 'erofs':
      return await ofFile(opened.file, loadErofsTree(opened.file, options, needs));
  }
}

const BARE = {
  makeReady: async () => undefined,
  makeReadyAndKeep: async () => undefined,
  verifyUnchanged: () => undefined,
  image: undefined,
  facts: undefined,
  version: undefined,
  layers: [],
  inputs: [],
  contents: [],
} as const;

/** What must be checked of each layer of an image. */
export function layerInputs(image: OpenedImage): LayerInput[] {
  return image.layers.map(({ blob, descriptor, diffId }) => ({
    blob,
    digest: descriptor.digest,
    size: descriptor.size,
    diffId,
    claimed: layerMediaType(descriptor.mediaType)?.compression,
    globalHeaders: 'ignore',
  }));
}

async function loadImageTree(
  session: Session,
  image: OpenedImage,
  options: SourceOptions,
  needs: Needs,
): Promise<LoadedTree> {
  const inputs = layerInputs(image);
  return { ...(await loadFlattened(session, inputs, options, needs)), kind: 'image', image };
}

async function loadTarTree(
  session: Session,
  blob: BlobFile,
  options: SourceOptions,
  needs: Needs,
): Promise<LoadedTree> {
  const unknown = { digest: undefined, size: undefined, diffId: undefined, claimed: undefined };
  const input: LayerInput = { blob, ...unknown, globalHeaders: 'apply' };
  return { ...(await loadFlattened(session, [input], options, needs)), kind: 'tar' };
}

async function loadFlattened(
  session: Session,
  inputs: readonly LayerInput[],
  options: SourceOptions,
  needs: Needs,
): Promise<Omit<LoadedTree, 'kind'>> {
  const algorithm = options.algorithm ?? needs.algorithm ?? DEFAULT_ALGORITHM;
  const { layers, ...contents } = await loadLayers(session, inputs, {
    algorithm,
    contents: needs.contents,
    keep: HOST_READ_PATHS,
  });
  session.checkInterrupted();
  session.onProgress({ stage: 'flatten', done: 0, total: undefined, unit: 'files' });
  const numbered = layers.map(({ entries }, ordinal) => ({ ordinal, entries }));
  const { root } = flatten(numbered, {
    missingParents: options.missingParents ?? 'create',
    whiteouts: 'oci',
    onWarning: session.onWarning,
  });
  return { ...BARE, root, algorithm, layers, inputs, ...contents };
}

async function loadRootfsTree(
  session: Session,
  directory: string,
  options: SourceOptions,
  needs: Needs,
): Promise<LoadedTree> {
  const algorithm = options.algorithm ?? needs.algorithm ?? DEFAULT_ALGORITHM;
  const { onWarning } = session;
  const scan = await scanRootfs(directory, { onWarning, xattrs: options.xattrs ?? 'all' });
  const stamps = needs.contents !== false ? takeFileStamps(scan.files) : [];
  if (needs.digests) await measureTree(scan, (files) => measureFiles(session, files, algorithm));
  const contents = scan.files.map((path): ContentFile => ({ kind: 'path', path, base: 0 }));
  const verifyUnchanged = (): void => {
    if (needs.contents !== false) verifyFileStamps(scan.files, stamps);
  };
  return { ...BARE, kind: 'rootfs', root: scan.root, algorithm, contents, verifyUnchanged };
}

async function loadDumpTree(
  session: Session,
  file: string,
  options: SourceOptions,
  needs: Needs,
): Promise<LoadedTree> {
  const pieces = file === '-' ? standardInput(session) : readBlob(wholeFile(file));
  const { root, facts, algorithm } = await parseDump(pieces, options.strict ?? false);
  return { ...BARE, kind: 'dump', root, facts, algorithm: agreedAlgorithm(options, needs, algorithm, file) };
}

async function parseDump(pieces: AsyncIterable<Uint8Array>, strict: boolean): Promise<ParsedDump> {
  const parser = new DumpfileParser({ strict });
  for await (const piece of pieces) parser.push(piece);
  return parser.finish();
}

/** Adds the file to what is wrong with it. */
async function ofFile<T>(file: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof PlanishError) || error.kind === 'environment') throw error;
    throw withDetail(error, { file: file === '-' ? 'standard input' : file });
  }
}

/** Ends when the run is interrupted, however long whoever writes there takes. */
async function* standardInput(session: Session): AsyncGenerator<Uint8Array, void, undefined> {
  const { signal } = session;
  try {
    yield* signal === undefined ? process.stdin : addAbortSignal(signal, process.stdin);
  } catch (error) {
    session.checkInterrupted();
    throw fromSystemError(error, 'reading standard input');
  }
}

async function loadErofsTree(file: string, options: SourceOptions, needs: Needs): Promise<LoadedTree> {
  const { root, facts, version, algorithm } = decodeImage(readSmallBlob(wholeFile(file), LIMITS.erofsBytes));
  return {
    ...BARE,
    kind: 'erofs',
    root,
    facts,
    version,
    algorithm: agreedAlgorithm(options, needs, algorithm, file),
  };
}

/** The algorithm of the digests in a manifest; only where there are none can another be asked for. */
function agreedAlgorithm(
  options: SourceOptions,
  needs: Needs,
  found: HashAlgorithm | undefined,
  file: string,
): HashAlgorithm {
  const { algorithm } = options;
  if (found === undefined || algorithm === undefined || found === algorithm) {
    return algorithm ?? found ?? needs.algorithm ?? 'sha256';
  }
  throw new PlanishError('BAD_OPTION', 'the digests in the source are of another algorithm', {
    file,
    expected: algorithm,
    actual: found,
  });
}
