/** Measuring programs against each other, and saying what came out. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MEASURE = fileURLToPath(new URL('measure-child.py', import.meta.url));

/** Runs a program to its end, demands success, and gives its standard output. */
export function run(program, args, options = {}) {
  const { status, stdout, stderr, error } = spawnSync(program, args, { maxBuffer: 2 ** 30, ...options });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: exit ${status}\n${stderr}`);
  return stdout;
}

/** Whether a program can be started. */
export function has(program) {
  return spawnSync(program, ['--help'], { stdio: 'ignore' }).error === undefined;
}

/** Without what makes every start of Node read a list of certificates (0.1 s), which is for who installs, not for what runs. */
const { NODE_EXTRA_CA_CERTS: _, ...ENVIRONMENT } = process.env;

/** Seconds of processor time, seconds of wall time, and bytes of the largest resident set of a command. */
export function measure(command) {
  return JSON.parse(run('python3', [MEASURE, ...command], { env: ENVIRONMENT }).toString());
}

/**
 * Runs the contestants of a row in turns, the first in each round another one, after a round that is not counted.
 * `before` runs ahead of every command, unmeasured. Gives the ratios, ours to the peer's, and the medians of both.
 */
export function compare({ ours, peer, before = () => {} }, rounds) {
  const costs = { ours: [], peer: [] };
  for (let round = 0; round <= rounds; round++) {
    const order = round % 2 === 0 ? ['ours', 'peer'] : ['peer', 'ours'];
    for (const side of order) {
      before();
      const cost = measure(side === 'ours' ? ours : peer);
      if (round > 0) costs[side].push(cost);
    }
  }
  const ratios = (what) => costs.ours.map((cost, round) => cost[what] / costs.peer[round][what]);
  return {
    cpu: spread(ratios('cpu')),
    wall: spread(ratios('wall')),
    ours: medians(costs.ours),
    peer: medians(costs.peer),
  };
}

function spread(values) {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

function medians(costs) {
  const of = (what) => median(costs.map((cost) => cost[what]));
  return { cpu: of('cpu'), wall: of('wall'), memory: of('memory') };
}

/** The one in the middle. */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const HEADING = ['what', 'peer', 'CPU ratio', 'wall ratio', 'CPU s', 'wall s', 'memory MB'];

/** The head of a Markdown table of rows. Ratios are ours to the peer's: median (least to greatest). */
export function tableHead() {
  return [HEADING, HEADING.map((_, column) => (column < 2 ? '---' : '---:'))].map(tableLine).join('\n');
}

/**
 * A row of the table; where two figures stand side by side the first is ours. Ratios are divided by `scale`, how many
 * times as much as the peer we had to do.
 */
export function tableRow(row, result) {
  const scaled = (value) => (value / (row.scale ?? 1)).toFixed(2);
  const ratio = ({ median, min, max }) => `${scaled(median)} (${scaled(min)} to ${scaled(max)})`;
  const pair = (what, scale, digits) =>
    [result.ours, result.peer].map((side) => (side[what] / scale).toFixed(digits)).join(' / ');
  return tableLine([
    row.title,
    row.peerName,
    ratio(result.cpu),
    ratio(result.wall),
    pair('cpu', 1, 2),
    pair('wall', 1, 2),
    pair('memory', 1e6, 0),
  ]);
}

function tableLine(cells) {
  return `| ${cells.join(' | ')} |`;
}
