/** Opens what a reference of the command line or of the library names. */
import { arch } from 'node:os';
import { PlanishError } from '../../errors.ts';
import { type OpenedSource, openSource } from '../../io/open-image.ts';
import type { OpenedImage } from '../../io/opened-image.ts';
import type { Platform } from '../../oci/descriptor.ts';
import { parseSource } from '../../oci/reference.ts';
import type { CommonOptions } from '../session.ts';

/** What opening needs to know. */
export interface OpenOptions extends Pick<CommonOptions, 'temporaryDirectory' | 'signal' | 'onWarning'> {
  /** `os/arch[/variant]` to choose from an index; default: Linux on the architecture of this machine. */
  readonly platform?: string | undefined;
}

/** Opens a source of any kind; the caller closes images. Throws what parsing and opening throw. */
export async function openAny(source: string, options: OpenOptions): Promise<OpenedSource> {
  return await openSource(parseSource(source), {
    platform: options.platform === undefined ? undefined : await platformOf(options.platform),
    architecture: arch(),
    temporaryDirectory: options.temporaryDirectory,
    signal: options.signal,
    onWarning: options.onWarning ?? (() => undefined),
  });
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
