/**
 * Planning 3,000 made-up components, per component of a tenth as many: 1 is constant, and what every run costs makes the
 * peer's the dearer.
 */
import { fileURLToPath } from 'node:url';
import { library } from './inputs.mjs';

const SELF = fileURLToPath(import.meta.url);
const FEW = 300;
const TIMES = 10;

export const needs = () => [];

export function rows() {
  const ours = (count) => [process.execPath, SELF, String(count)];
  return [
    {
      title: `planning ${FEW * TIMES} components, per component`,
      peerName: `the same of ${FEW}`,
      ours: ours(FEW * TIMES),
      peer: ours(FEW),
      scale: TIMES,
    },
  ];
}

/** Sizes of many magnitudes and rates of all kinds, the same in every run. */
async function plan(count) {
  const { planLayers } = await library('chunk/plan.js');
  let state = 1;
  const random = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state + 1) / 2 ** 31;
  };
  const components = Array.from({ length: count }, (_, index) => ({
    key: `package/${String(index).padStart(5, '0')}`,
    size: Math.round(10 ** (3 + 5 * random())),
    rate: Math.round(2 ** (30 * random())),
    kind: 'package',
  }));
  process.stdout.write(`${planLayers(components).layers.length}\n`);
}

if (process.argv[1] === SELF) await plan(Number(process.argv[2]));
