/** A directory to its composefs digest, against the C tool, each with as many threads as there are processors. */
import { availableParallelism } from 'node:os';
import { planish } from './inputs.mjs';
import { has, run } from './measure.mjs';

const THREADS = String(availableParallelism());

export const needs = () => (has('mkcomposefs') ? [] : ['mkcomposefs']);

export const rows = (inputs) => inputs.roots.map((root) => row(root, inputs.output('root.erofs')));

function row({ name, directory }, image) {
  const peer = ['mkcomposefs', `--threads=${THREADS}`, '--print-digest-only', directory];
  const options = ['--algorithm', 'sha256', '--profile', 'mkcomposefs', '-o', image];
  const ours = planish('--jobs', THREADS, 'mkfs', `rootfs:${directory}`, ...options);
  const digest = ([program, ...args]) => run(program, args).toString().trim();
  return {
    title: `\`mkfs rootfs:\` of ${name}, sha256`,
    peerName: '`mkcomposefs --print-digest-only`',
    ours,
    peer,
    check: () => digest(ours.filter((word) => word !== '--quiet')) === digest(peer),
  };
}
