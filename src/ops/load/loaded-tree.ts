/** What the loaders of all kinds of sources share. */
import type { HashAlgorithm } from '../../bytes/digest.ts';
import { PlanishError } from '../../errors.ts';
import type { Needs, SourceOptions } from './load-tree.ts';

/** Algorithm of bootc and of new composefs repositories. Changing this changes digests. */
const DEFAULT_ALGORITHM: HashAlgorithm = 'sha512';

/** The algorithm by which contents are measured that have no digests yet. */
export function measuringAlgorithm(options: SourceOptions, needs: Needs): HashAlgorithm {
  return options.algorithm ?? needs.algorithm ?? DEFAULT_ALGORITHM;
}

/** What a tree lacks that was not made of layers. */
export const BARE = {
  makeReady: async () => undefined,
  makeReadyAndKeep: async () => undefined,
  verifyUnchanged: () => undefined,
  stored: undefined,
  image: undefined,
  facts: undefined,
  version: undefined,
  layers: [],
  inputs: [],
  contents: [],
} as const;

/** The algorithm of the digests in a manifest; only where there are none can another be asked for. */
export function agreedAlgorithm(
  options: SourceOptions,
  needs: Needs,
  found: HashAlgorithm | undefined,
  file: string,
): HashAlgorithm {
  const { algorithm } = options;
  if (found === undefined || algorithm === undefined || found === algorithm) {
    return algorithm ?? found ?? needs.algorithm ?? 'sha256';
  }
  throw new PlanishError('BAD_OPTION', 'the digests in the source are of another algorithm', {
    file,
    expected: algorithm,
    actual: found,
  });
}
