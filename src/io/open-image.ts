/** Opening any source of this machine: one entry point for every kind of reference. */
import { statSync } from 'node:fs';
import { fromSystemError, PlanishError } from '../errors.ts';
import type { Platform } from '../oci/descriptor.ts';
import type { PlatformChoice } from '../oci/platform.ts';
import { type FileSource, formatSource, type Source } from '../oci/reference.ts';
import type { OnWarning } from '../warnings.ts';
import { type BlobFile, wholeFile } from './blob-file.ts';
import type { ArchiveOptions } from './image-archive.ts';
import type { OpenedImage } from './opened-image.ts';

/** How to open a source. */
export interface OpenOptions extends ArchiveOptions {
  /** The platform asked for; without it a single image is taken whatever its platform. */
  readonly platform?: Platform | undefined;
  /** Architecture of this machine as `process.arch` names it: decides among several when nobody asked. */
  readonly architecture: string;
  readonly onWarning?: OnWarning | undefined;
}

/** An opened source: an image, or something that is a tree already. */
export type OpenedSource =
  | OpenedImage
  /** One flat tar, compressed or not. */
  | { readonly kind: 'tar'; readonly blob: BlobFile }
  | { readonly kind: 'rootfs'; readonly path: string }
  | { readonly kind: 'erofs'; readonly file: string }
  /** A dumpfile; `-` is standard input. */
  | { readonly kind: 'dump'; readonly file: string };

/**
 * Opens a source; the caller closes images. Throws what its kind throws: see `layout.ts`, `oci-archive.ts`,
 * `docker-archive.ts`, `recognize.ts`; `SYSCALL_FAILED` when nothing lies there.
 */
export async function openSource(source: Source, options: OpenOptions): Promise<OpenedSource> {
  switch (source.kind) {
    case 'path':
      return openPath(source.path, options);
    case 'rootfs':
      return { kind: 'rootfs', path: checkDirectory(source.path) };
    case 'tar':
      return { kind: 'tar', blob: wholeFile(source.path) };
    case 'docker':
      throw new PlanishError('INVARIANT', 'images of registries are opened elsewhere');
    case 'dump':
      return { kind: 'dump', file: source.path === '-' ? '-' : wholeFile(source.path).file };
    default:
      return openImage(source, options);
  }
}

async function openPath(path: string, options: OpenOptions): Promise<OpenedSource> {
  const { recognizePath } = await import('./recognize.ts');
  const kind = await recognizePath(path, options.signal);
  if (kind === 'erofs') return { kind, file: path };
  if (kind === 'tar') return { kind, blob: wholeFile(path) };
  if (kind === 'rootfs') return { kind, path };
  return openImage({ kind, path, name: undefined, digest: undefined }, options);
}

type ImageSource = Extract<FileSource, { readonly kind: 'oci' | 'oci-archive' | 'docker-archive' }>;

async function openImage(source: ImageSource, options: OpenOptions): Promise<OpenedImage> {
  const reference = formatSource(source);
  const { linuxPlatform } = await import('../oci/platform.ts');
  const choice: PlatformChoice = { wanted: options.platform, fallback: linuxPlatform(options.architecture) };
  const { path } = source;
  if (source.kind === 'docker-archive') {
    const { openDockerArchive } = await import('./docker-archive.ts');
    return openDockerArchive(path, reference, source.name, choice, options);
  }
  if (source.kind === 'oci-archive') {
    const { openOciArchive } = await import('./oci-archive.ts');
    return openOciArchive(path, reference, source, choice, options);
  }
  checkDirectory(path);
  const { LayoutDirectory, openLayoutImage } = await import('./layout.ts');
  return openLayoutImage(new LayoutDirectory(path, reference), source, choice);
}

function checkDirectory(path: string): string {
  try {
    if (statSync(path).isDirectory()) return path;
  } catch (error) {
    throw fromSystemError(error, 'opening a directory', { file: path });
  }
  throw new PlanishError('ARCHIVE_BAD_LAYOUT', 'not a directory', { file: path });
}
