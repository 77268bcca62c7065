/** Reading an image to its composefs digest, against merely inflating its layers. */

import { planish } from './inputs.mjs';
import { has } from './measure.mjs';

export const needs = () => (has('gzip') ? [] : ['gzip']);

export function rows(inputs) {
  return ['sha512', 'sha256'].map((algorithm) => ({
    title: `\`digest\`, ${algorithm}`,
    peerName: '`gzip -dc`',
    ours: planish('digest', inputs.gzipImage, '--algorithm', algorithm),
    peer: ['gzip', '-dc', ...inputs.gzipLayers],
  }));
}
