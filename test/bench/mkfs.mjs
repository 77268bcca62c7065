/** A dumpfile to an EROFS image, against the C tool. Both must write the same bytes. */
import { readFileSync } from 'node:fs';
import { planish } from './inputs.mjs';
import { has } from './measure.mjs';

export const needs = () => (has('mkcomposefs') ? [] : ['mkcomposefs']);

export function rows(inputs) {
  const [ours, peer] = [inputs.output('ours.erofs'), inputs.output('peer.erofs')];
  return [
    {
      title: '`mkfs dump:`',
      peerName: '`mkcomposefs --from-file`',
      ours: planish('mkfs', `dump:${inputs.dump}`, '-o', ours, '--format', 'v1'),
      peer: ['mkcomposefs', '--min-version=1', '--from-file', inputs.dump, peer],
      check: () => readFileSync(ours).equals(readFileSync(peer)),
    },
  ];
}
