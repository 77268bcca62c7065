/** `copy`: an image from one place to another, every byte as it is. */
import { arch } from 'node:os';
import type { BlobDigest } from '../../bytes/digest.ts';
import type { ImageWriter } from '../../io/image-writer.ts';
import type { NamedSource } from '../../io/named-source.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import { documentKind } from '../../oci/media-types.ts';
import { linuxPlatform, type PlatformChoice, parsePlatform } from '../../oci/platform.ts';
import { type Destination, parseDestination, parseSource } from '../../oci/reference.ts';
import { FETCHES } from '../load/open-any.ts';
import { besideDestination, openTarget } from '../load/open-target.ts';
import { type CommonOptions, Session } from '../session.ts';
import { type CopiedBlobs, DocumentCopier } from './copy-documents.ts';
import { attachCopied, copyReferrers } from './copy-referrers.ts';

/** Options of {@link copy}. */
export interface CopyOptions extends CommonOptions {
  /** `os/arch[/variant]` to choose from an index; default: Linux on the architecture of this machine. */
  readonly platform?: string | undefined;
  /** Whether an index is copied whole; default: one image of it. */
  readonly all?: boolean | undefined;
  /** Whether what is attached is copied as well: signatures and other artifacts. */
  readonly referrers?: boolean | undefined;
}

/** Result of {@link copy}. */
export interface CopyResult {
  readonly source: string;
  readonly destination: string;
  /** What the destination names now. */
  readonly manifest: { readonly mediaType: string; readonly digest: BlobDigest; readonly size: number };
  /** Manifests and indexes of images. */
  readonly documents: number;
  /** Configs and layers, each once, and those of what is attached. */
  readonly blobs: CopiedBlobs;
  /** Manifests of what is attached. */
  readonly referrers: readonly BlobDigest[];
}

const DEFAULT_TAG = 'latest';

/**
 * Copies an image between layouts, archives and registries; manifest, config and layers keep their digests. The destination
 * is changed last of all, or not at all. Throws what reading, writing and asking registries throw, `IMAGE_UNSUPPORTED` for
 * sources without manifests.
 */
export async function copy(
  source: string,
  destination: string,
  options: CopyOptions = {},
): Promise<CopyResult> {
  const target = parseDestination(destination);
  const temporaryDirectory = options.temporaryDirectory ?? besideDestination(target);
  const settings = { ...options, temporaryDirectory };
  return await Session.use(settings, async (session) => {
    const writer = await openTarget(target, settings);
    try {
      return await withNamed(source, settings, async (named, choice) => {
        const work = { session, writer, target, named, choice };
        return { source, destination, ...(await copyNamed(work, options)) };
      });
    } catch (error) {
      writer.abort();
      throw error;
    }
  });
}

interface CopyWork {
  readonly session: Session;
  readonly writer: ImageWriter;
  readonly target: Destination;
  readonly named: NamedSource;
  readonly choice: PlatformChoice;
}

async function copyNamed(
  { session, writer, target, named, choice }: CopyWork,
  { all = false, referrers = false, jobs = FETCHES }: CopyOptions,
): Promise<Omit<CopyResult, 'source' | 'destination'>> {
  const descriptor = await chosen(named, choice, all);
  const copier = new DocumentCopier(session, named, writer, {
    width: jobs,
    carries: target.kind !== 'docker',
  });
  const documents = await copier.copy(descriptor);
  const staged = referrers ? await copyReferrers(session, copier, documents) : [];
  const refName = target.name ?? DEFAULT_TAG;
  const { mediaType, digest, size } = descriptor;
  session.checkInterrupted();
  session.onProgress({ stage: 'finish', done: 0, total: undefined, unit: 'steps' });
  const commit = async (): Promise<void> =>
    writer.commit({ descriptor: { mediaType, digest, size }, refName });
  await attachCopied({ session, writer, target, image: descriptor, commit }, staged);
  return {
    manifest: { mediaType, digest, size },
    documents: documents.length,
    blobs: copier.copied,
    referrers: [...new Set(staged.map((one) => one.descriptor.digest))],
  };
}

/** An index is one image's unless all are wanted. */
async function chosen(named: NamedSource, choice: PlatformChoice, all: boolean): Promise<Descriptor> {
  if (all) return named.named();
  if (choice.wanted !== undefined) return await named.choose(choice);
  const descriptor = await namedOrChosen(named, choice);
  return documentKind(descriptor.mediaType) === 'manifest' ? descriptor : await named.choose(choice);
}

/** Entries of one name may differ by platform. */
async function namedOrChosen(named: NamedSource, choice: PlatformChoice): Promise<Descriptor> {
  try {
    return named.named();
  } catch {
    return await named.choose(choice);
  }
}

async function withNamed<T>(
  text: string,
  options: CopyOptions,
  use: (named: NamedSource, choice: PlatformChoice) => Promise<T>,
): Promise<T> {
  const { platform: wanted, jobs } = options;
  const platform = wanted === undefined ? undefined : parsePlatform(wanted);
  const choice = { wanted: platform, fallback: linuxPlatform(arch()) };
  const named = await openNamed(text, choice, { ...options, platform, fetches: jobs ?? FETCHES });
  try {
    return await use(named, choice);
  } finally {
    named.close();
  }
}

type NamedOptions = Omit<CopyOptions, 'platform'> & {
  readonly platform: PlatformChoice['wanted'];
  readonly fetches: number;
};

async function openNamed(text: string, choice: PlatformChoice, options: NamedOptions): Promise<NamedSource> {
  const source = parseSource(text);
  if (source.kind === 'docker') {
    const { openRegistrySource } = await import('../../registry/registry-source.ts');
    return await openRegistrySource(source, { ...options, architecture: arch() });
  }
  const { openNamedSource } = await import('../../io/named-source.ts');
  return await openNamedSource(source, choice, options);
}
