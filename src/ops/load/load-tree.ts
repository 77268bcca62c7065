/** Opens any source and makes one tree of it. */
import type { HashAlgorithm } from '../../bytes/digest.ts';
import { PlanishError, withDetail } from '../../errors.ts';
import type { OpenedSource } from '../../io/open-image.ts';
import type { OpenedImage } from '../../io/opened-image.ts';
import type { StoredContents } from '../../io/rootfs-scan.ts';
import type { LayerIndex } from '../../layer/layer-index.ts';
import type { ContentFile } from '../../parallel/content-file.ts';
import type { ObjectTarget } from '../../repo/object-writer.ts';
import type { DumpFacts } from '../../tree/dump-facts.ts';
import type { Directory } from '../../tree/tree.ts';
import type { CommonOptions, Session } from '../session.ts';
import type { LayerInput, LoadedLayers } from './load-layers.ts';
import { openAny } from './open-any.ts';

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
  /** Contents will be read again; `lazily`, and `few` of them: after {@link LoadedTree.makeReady}. */
  readonly contents: boolean | 'lazily' | 'few';
  /** fs-verity digests of contents, and layers as they were measured, are needed; else there may be some or none. */
  readonly digests: boolean;
  /** Algorithm of sources without digests of their own when none was asked for; default `sha512`. */
  readonly algorithm?: HashAlgorithm | undefined;
  /** Where contents may be stored while they are read, if that can be; see {@link LoadedTree.stored}. */
  readonly store?: ObjectTarget | undefined;
}

/** A source as one tree. */
export interface LoadedTree {
  readonly kind: 'image' | 'tar' | 'rootfs' | 'dump' | 'erofs';
  readonly root: Directory;
  readonly algorithm: HashAlgorithm;
  /** Rows that locations of contents name. */
  readonly contents: readonly ContentFile[];
  /** The layers, for sources that have any and where digests are needed, and where each can be read again. */
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
  /** Contents that were stored, each held to what it was when its directory was listed. */
  readonly stored: { readonly contents: StoredContents; readonly areAll: boolean } | undefined;
  /** Format version of an EROFS source. */
  readonly version: 0 | 1 | 2 | undefined;
}

/** Opens a source given as text, makes a tree of it, and closes it after `use`. */
export async function withTree<T>(
  session: Session,
  text: string,
  options: SourceOptions,
  needs: Needs,
  use: (tree: LoadedTree) => Promise<T>,
): Promise<T> {
  return await withSource(session, text, options, async (opened) =>
    use(await loadTree(session, opened, options, needs)),
  );
}

/** Opens a source given as text and closes it after `use`. */
export async function withSource<T>(
  session: Session,
  text: string,
  options: SourceOptions,
  use: (opened: OpenedSource) => Promise<T>,
): Promise<T> {
  const opened = await openAny(text, { ...options, onWarning: session.onWarning });
  try {
    return await use(opened);
  } finally {
    if (opened.kind === 'image') opened.close();
  }
}

/** The tree of an opened source. What its kind needs is loaded when one comes. */
export async function loadTree(
  session: Session,
  opened: OpenedSource,
  options: SourceOptions,
  needs: Needs,
): Promise<LoadedTree> {
  switch (opened.kind) {
    case 'image': {
      const { loadImageTree } = await import('./load-layered-tree.ts');
      return await loadImageTree(session, opened, options, needs);
    }
    case 'tar': {
      const { loadTarTree } = await import('./load-layered-tree.ts');
      return await ofFile(opened.blob.file, loadTarTree(session, opened.blob, options, needs));
    }
    case 'rootfs': {
      const { loadRootfsTree } = await import('./load-rootfs-tree.ts');
      return await loadRootfsTree(session, opened.path, options, needs);
    }
    case 'dump': {
      const { loadDumpTree } = await import('./load-dump-tree.ts');
      return await ofFile(opened.file, loadDumpTree(session, opened.file, options, needs));
    }
    case 'erofs': {
      const { loadErofsTree } = await import('./load-erofs-tree.ts');
      return await ofFile(opened.file, loadErofsTree(opened.file, options, needs));
    }
  }
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
