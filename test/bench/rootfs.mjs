/** A directory to its composefs digest, against the C tool, each with as many threads as there are processors. */
import { availableParallelism } from 'node:os';
import { planish } from './inputs.mjs';
import { has, run } from './measure.mjs';

export const needs = () => (has('mkcomposefs') ? [] : ['mkcomposefs']);

export function rows(inputs) {
  const threads = String(availableParallelism());
  const source = `rootfs:${inputs.directory}`;
  const peer = ['mkcomposefs', `--threads=${threads}`, '--print-digest-only', inputs.directory];
  const ours = planish(
    '--jobs',
    threads,
    'mkfs',
    source,
    '-o',
    inputs.output('root.erofs'),
    '--profile',
    'mkcomposefs',
  );
  const digest = ([program, ...args]) => run(program, args).toString().trim();
  return [
    {
      title: '`mkfs rootfs:`, sha256',
      peerName: '`mkcomposefs --print-digest-only`',
      ours: [...ours, '--algorithm', 'sha256'],
      peer,
      check: () =>
        digest([...ours, '--algorithm', 'sha256'].filter((word) => word !== '--quiet')) === digest(peer),
    },
  ];
}
