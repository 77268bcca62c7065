/** The year of updates of `test/bench/replay.mjs`, held to exact figures: no clock and no machine has part in them. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { measurePlanner, type PlannerMetrics } from '../../../src/simulate/metrics.ts';
import { planishFrozen, planishWarm } from '../../../src/simulate/planish-planner.ts';
import { PEER_PLANNERS } from '../../../src/simulate/planners.ts';
import { replayImages } from '../../../src/simulate/replay.ts';

const FILE = new URL('../../../fixtures/simulate/server-year.json.gz', import.meta.url);
const TABLE = JSON.parse(gunzipSync(readFileSync(FILE)).toString());
const IMAGES = replayImages(TABLE);
const BUDGETS = [16, 32, 64] as const;
/** Bytes of the components that changed. */
const BOUND = 2_038_745_907;

const follow = (planner: typeof planishWarm): PlannerMetrics[] =>
  BUDGETS.map((maxLayers) => measurePlanner(planner, IMAGES, maxLayers));
const ratios = (metrics: readonly PlannerMetrics[]): string[] => metrics.map(({ ratio }) => ratio.toFixed(4));

describe('a year of updates of a server', () => {
  const ours = follow(planishWarm);

  test('costs little more than what has changed', () => {
    expect(IMAGES).toHaveLength(53);
    expect(ours.map(({ weekly }) => weekly.bound)).toEqual(BUDGETS.map(() => BOUND));
    expect(ratios(ours)).toEqual(['1.1780', '1.0380', '1.0048']);
  });

  test('costs little more when sizes are estimated, as builds do, or are those of tars', () => {
    const planned = (sizes: 'estimate' | 'tar'): string[] =>
      ratios(BUDGETS.map((maxLayers) => measurePlanner(planishWarm, replayImages(TABLE, sizes), maxLayers)));
    expect(planned('estimate')).toEqual(['1.1777', '1.0388', '1.0048']);
    expect(planned('tar')).toEqual(['1.1730', '1.0378', '1.0061']);
  });

  test('rewrites no layer without need, whatever is built again, added, removed or grows', () => {
    for (const { spuriousLayers, noOp, perturbations } of ours) {
      const { added, removed, grown } = perturbations;
      expect([spuriousLayers, noOp, added.layers, removed.layers, grown.layers]).toEqual([0, 0, 0, 0, 0]);
    }
  });

  test('costs less than the first plan kept, but where the two are nearly the same', () => {
    expect(ratios(follow(planishFrozen))).toEqual(['1.1799', '1.0377', '1.0050']);
  });

  test.each(PEER_PLANNERS.map((peer) => [peer.name, peer] as const))('costs less than by %s', (_, peer) => {
    for (const [at, { ratio }] of follow(peer).entries()) expect(ratio).toBeGreaterThan(ours[at]?.ratio ?? 0);
  });
});
