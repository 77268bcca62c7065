/** Trees that are no images, for repositories of images: built first, into a layout that nobody keeps. */
import { dirname, join, resolve } from 'node:path';
import { createTemporaryDirectory } from '../../io/temporary.ts';
import { build } from '../build/build.ts';
import type { SourceOptions } from '../load/load-tree.ts';
import type { CommonOptions } from '../session.ts';

/** What of the options of `emit` is for building. */
export interface BuiltOptions extends CommonOptions, Pick<SourceOptions, 'platform' | 'xattrs'> {
  readonly repository: string;
}

/**
 * Gives `use` a reference to the image that `build` makes of a source by default, its layers uncompressed, for as long
 * as it takes. It lies beside the repository. Throws what {@link build} throws.
 */
export async function withBuiltImage<T>(
  source: string,
  { repository, platform, xattrs, ...options }: BuiltOptions,
  use: (reference: string) => Promise<T>,
): Promise<T> {
  const { jobs, signal, onProgress, onWarning, temporaryDirectory, memory, zstd } = options;
  const common = { jobs, signal, onProgress, onWarning, temporaryDirectory, memory, zstd };
  const staging = createTemporaryDirectory(dirname(resolve(repository)));
  try {
    const destination = `oci:${join(staging.path, 'built')}:latest`;
    await build(source, { ...common, platform, xattrs, destination, compression: 'none' });
    return await use(destination);
  } finally {
    staging.close();
  }
}
