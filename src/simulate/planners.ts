/** All planners that can be compared, ours first. */
import { apko } from './apko.ts';
import { chunkah, chunkahFrozen } from './chunkah.ts';
import { greedyFresh, greedyFrozen } from './greedy-merge.ts';
import { ostreeFresh, ostreePrior } from './ostree-chunking.ts';
import { planishCold, planishFrozen, planishWarm } from './planish-planner.ts';
import type { Planner } from './planner.ts';
import { rechunk } from './rechunk.ts';

/** Ours: with memory, the first plan kept, and made anew each time. */
export const OUR_PLANNERS: readonly Planner[] = [planishWarm, planishFrozen, planishCold];

/** The ways of other tools. */
export const PEER_PLANNERS: readonly Planner[] = [
  apko,
  ostreeFresh,
  ostreePrior,
  rechunk,
  chunkah,
  chunkahFrozen,
  greedyFresh,
  greedyFrozen,
];
