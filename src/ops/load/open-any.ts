/** Opens what a reference of the command line or of the library names. */
import { arch } from 'node:os';
import { PlanishError } from '../../errors.ts';
import { type OpenedSource, openSource } from '../../io/open-image.ts';
import type { OpenedImage } from '../../io/opened-image.ts';
import type { Platform } from '../../oci/descriptor.ts';
import { parseSource, type RegistryReference } from '../../oci/reference.ts';
import type { CommonOptions } from '../session.ts';

/** What opening needs to know. */
export interface OpenOptions
  extends Pick<
    CommonOptions,
    'temporaryDirectory' | 'signal' | 'onWarning' | 'onProgress' | 'registry' | 'jobs'
  > {
  /** `os/arch[/variant]` to choose from an index; default: Linux on the architecture of this machine. */
  readonly platform?: string | undefined;
  /** Whether what is attached to an image of a registry is wanted, and what is attached to that; default: neither. */
  readonly attachments?: 'direct' | 'all' | undefined;
}

/** Most blobs that come from a registry, or go there, at once, unless it is said how much is done at once. */
export const FETCHES = 6;

/** Opens a source of any kind; the caller closes images. Throws what parsing and opening throw. */
export async function openAny(source: string, options: OpenOptions): Promise<OpenedSource> {
  const parsed = parseSource(source);
  const platform = options.platform === undefined ? undefined : await platformOf(options.platform);
  const { temporaryDirectory, signal } = options;
  if (parsed.kind === 'docker') return await openOfRegistry(parsed, options, platform);
  const onWarning = options.onWarning ?? (() => undefined);
  return await openSource(parsed, { platform, architecture: arch(), temporaryDirectory, signal, onWarning });
}

/** What talks to registries is loaded only for them. */
async function openOfRegistry(
  reference: RegistryReference,
  options: OpenOptions,
  platform: Platform | undefined,
): Promise<OpenedImage> {
  const { openRegistryImage } = await import('../../registry/open-registry-image.ts');
  const fetches = options.jobs ?? FETCHES;
  return await openRegistryImage(reference, { ...options, platform, architecture: arch(), fetches });
}

/** What knows documents of images is loaded only for images. */
async function platformOf(text: string): Promise<Platform> {
  const { parsePlatform } = await import('../../oci/platform.ts');
  return parsePlatform(text);
}

/** Opens a source that must be an image with documents; the caller closes it. Throws `IMAGE_UNSUPPORTED` for others. */
export async function openImage(source: string, options: OpenOptions): Promise<OpenedImage> {
  const opened = await openAny(source, options);
  if (opened.kind === 'image') return opened;
  throw new PlanishError('IMAGE_UNSUPPORTED', `a ${opened.kind} source is no image with a manifest`, {
    file: source,
  });
}
