/**
 * A year of weekly updates of a server, replayed from the days on which its components changed: what clients download by
 * planner, as a multiple of what changed. `PLANISH_REPLAY_TABLE` names another table of make-replay-table.mjs. No clock, no machine: the
 * table is the same everywhere, and test/unit/simulate/year.test.ts holds ours to exact figures, ahead of all others.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { library } from './inputs.mjs';

const TABLE =
  process.env.PLANISH_REPLAY_TABLE ?? new URL('../../fixtures/simulate/server-year.json.gz', import.meta.url);
const BUDGETS = [16, 32, 64];

export const needs = () => [];

/** Prints the table. */
export async function report() {
  const { replayImages } = await library('simulate/replay.js');
  const { measurePlanner } = await library('simulate/metrics.js');
  const { OUR_PLANNERS, PEER_PLANNERS } = await library('simulate/planners.js');
  const table = JSON.parse(gunzipSync(readFileSync(TABLE)).toString());
  const measure = (planner, name = planner.name, sizes = 'compressed') => {
    const images = replayImages(table, sizes);
    return { name, metrics: BUDGETS.map((maxLayers) => measurePlanner(planner, images, maxLayers)) };
  };
  const images = replayImages(table);
  const [ours, ...others] = OUR_PLANNERS;
  const rows = [
    measure(ours),
    measure(ours, `${ours.name}, by estimated sizes`, 'estimate'),
    measure(ours, `${ours.name}, by sizes of tars`, 'tar'),
    ...[...others, ...PEER_PLANNERS].map((planner) => measure(planner)),
  ];
  const bound = rows[0].metrics[0].weekly.bound;
  const megabytes = (bytes) => (bytes / 1e6).toFixed(0);
  process.stdout.write(`${images.length - 1} updates; at best ${megabytes(bound)} MB are downloaded\n\n`);
  print([
    'planner',
    ...BUDGETS.map((budget) => `${budget} layers`),
    'excess MB',
    'spurious layers',
    'layers a week',
  ]);
  print(['---', ...Array(BUDGETS.length + 3).fill('---:')]);
  for (const { name, metrics } of rows) {
    print([
      name,
      ...metrics.map(({ ratio }) => ratio.toFixed(4)),
      metrics.map(({ excess }) => megabytes(excess)).join(' / '),
      metrics.map(({ spuriousLayers }) => spuriousLayers).join(' / '),
      metrics.map(({ changedLayers }) => changedLayers.toFixed(1)).join(' / '),
    ]);
  }
}

function print(cells) {
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
}
