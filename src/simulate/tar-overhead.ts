/** M7: what a split costs in bytes of tar: ancestor directories stand in every layer that needs them. */
import type { ByteString } from '../bytes/byte-string.ts';
import type { LaidLayer } from './series.ts';

/** A header without extended records. */
const DIRECTORY_BYTES = 512;
/** Two blocks of zeros at the end of each tar. */
const END_BYTES = 1024;

/** Bytes of all tars to those of a single one; `undefined` where directories are not known. */
export function tarOverhead(layers: readonly LaidLayer[]): number | undefined {
  const everywhere = new Set<ByteString>();
  let contents = 0;
  let repeated = 0;
  for (const { members } of layers) {
    if (members.length === 0) return undefined;
    const here = new Set<ByteString>();
    for (const { directories, tarSize } of members) {
      if (directories === undefined) return undefined;
      contents += tarSize;
      for (const directory of directories) here.add(directory);
    }
    for (const directory of here) everywhere.add(directory);
    repeated += here.size;
  }
  const split = contents + repeated * DIRECTORY_BYTES + layers.length * END_BYTES;
  return split / (contents + everywhere.size * DIRECTORY_BYTES + END_BYTES);
}
