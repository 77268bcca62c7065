/** A dumpfile to an EROFS image, against the C tool. Both must write the same bytes. */
import { readFileSync } from 'node:fs';
import { planish } from './inputs.mjs';
import { has } from './measure.mjs';

const NEWLINE = 0x0a;

export const needs = () => (has('mkcomposefs') ? [] : ['mkcomposefs']);

export function rows(inputs) {
  const [ours, peer] = [inputs.output('ours.erofs'), inputs.output('peer.erofs')];
  const lines = readFileSync(inputs.longDump).filter((byte) => byte === NEWLINE).length;
  return [
    {
      title: `\`mkfs dump:\` of ${lines} lines`,
      peerName: '`mkcomposefs --from-file`',
      ours: planish('mkfs', `dump:${inputs.longDump}`, '-o', ours, '--format', 'v1'),
      peer: ['mkcomposefs', '--min-version=1', '--from-file', inputs.longDump, peer],
      check: () => readFileSync(ours).equals(readFileSync(peer)),
    },
  ];
}
