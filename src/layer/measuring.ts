/** What measures the contents of a layer. */
import type { HashAlgorithm } from '../bytes/digest.ts';
import type { HashBackend } from '../fsverity/hash.ts';
import { VerityHasher } from '../fsverity/verity-hasher.ts';
import { WholeContents } from './whole-contents.ts';

/** Contents that come in parts are measured by the one, those that lie whole in a piece of the tar by the other. */
export interface Measuring {
  readonly hasher: VerityHasher;
  readonly wholes: WholeContents;
}

/** Measures by an algorithm of fs-verity. */
export function measureBy(algorithm: HashAlgorithm, backend?: HashBackend): Measuring {
  const hasher = new VerityHasher(algorithm, backend);
  return { hasher, wholes: new WholeContents(algorithm, backend) };
}
