/** One tree of a composefs EROFS file. */
import { decodeImage } from '../../erofs/reader.ts';
import { readSmallBlob, wholeFile } from '../../io/blob-file.ts';
import { LIMITS } from '../../limits.ts';
import type { LoadedTree, Needs, SourceOptions } from './load-tree.ts';
import { agreedAlgorithm, BARE } from './loaded-tree.ts';

/** The tree of an EROFS file. */
export async function loadErofsTree(file: string, options: SourceOptions, needs: Needs): Promise<LoadedTree> {
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
