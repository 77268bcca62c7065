/** One directory of an EROFS image of 64,000 files, against the C tool, which can only list them all. */
import { planish } from './inputs.mjs';
import { has } from './measure.mjs';

export const needs = () => (has('composefs-info') ? [] : ['composefs-info']);

export function rows(inputs) {
  return [
    {
      title: '`ls` of a directory of an EROFS image',
      peerName: '`composefs-info ls`',
      ours: planish('ls', inputs.erofs, '/etc'),
      peer: ['composefs-info', 'ls', inputs.erofs],
    },
  ];
}
