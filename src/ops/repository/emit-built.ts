/** Trees that are no images, for repositories of images: built first, into a layout that nobody keeps. */
import { dirname, join, resolve } from 'node:path';
import { createTemporaryDirectory } from '../../io/temporary.ts';
import { build } from '../build/build.ts';
import type { CommonOptions } from '../session.ts';

/**
 * Gives `use` a reference to the image that `build` makes of a source by default, its layers uncompressed, for as long
 * as it takes. It lies beside the repository. Throws what {@link build} throws.
 */
export async function withBuiltImage<T>(
  source: string,
  { repository, platform, ...options }: CommonOptions & { repository: string; platform?: string | undefined },
  use: (reference: string) => Promise<T>,
): Promise<T> {
  const { jobs, signal, onProgress, onWarning, temporaryDirectory, memory, zstd } = options;
  const common = { jobs, signal, onProgress, onWarning, temporaryDirectory, memory, zstd };
  const staging = createTemporaryDirectory(dirname(resolve(repository)));
  try {
    const destination = `oci:${join(staging.path, 'built')}:latest`;
    await build(source, { ...common, platform, destination, compression: 'none' });
    return await use(destination);
  } finally {
    staging.close();
  }
}
