/** M11: how many ranges of changed layers a client fetches that has all files of the previous image. */
import { type ByteString, compareBytes } from '../bytes/byte-string.ts';
import { type LaidLayer, newLayers } from './series.ts';

/**
 * Runs of files in the order of paths whose contents the previous image lacks, over all changed layers; `undefined`
 * where files are not known. Headers between two new files do not end a run.
 */
export function countRanges(from: readonly LaidLayer[], to: readonly LaidLayer[]): number | undefined {
  const known = contentsOf(from);
  if (known === undefined) return undefined;
  let ranges = 0;
  for (const layer of newLayers(from, to)) {
    const files = filesOf(layer);
    if (files === undefined) return undefined;
    let inside = false;
    for (const { content } of files) {
      const isNew = !known.has(content);
      if (isNew && !inside) ranges++;
      inside = isNew;
    }
  }
  return ranges;
}

function contentsOf(layers: readonly LaidLayer[]): Set<number> | undefined {
  const contents = new Set<number>();
  for (const { members } of layers) {
    for (const { files } of members) {
      if (files === undefined) return undefined;
      for (const { content } of files) contents.add(content);
    }
  }
  return contents;
}

interface PlacedFile {
  readonly path: ByteString;
  readonly content: number;
}

function filesOf({ members }: LaidLayer): PlacedFile[] | undefined {
  if (members.length === 0) return undefined;
  const files: PlacedFile[] = [];
  for (const member of members) {
    if (member.files === undefined) return undefined;
    files.push(...member.files);
  }
  return files.sort((a, b) => compareBytes(a.path, b.path));
}
