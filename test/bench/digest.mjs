/** Reading an image to its composefs digest, against merely inflating its layers. */

import { planish } from './inputs.mjs';
import { has } from './measure.mjs';

export const needs = () => (has('gzip') ? [] : ['gzip']);

export function rows(inputs) {
  return inputs.gzipImages.flatMap(({ name, image, layers }) =>
    ['sha512', 'sha256'].map((algorithm) => ({
      title: `\`digest\` of the ${name} image, ${algorithm}`,
      peerName: '`gzip -dc`',
      ours: planish('digest', image, '--algorithm', algorithm),
      peer: ['gzip', '-dc', ...layers],
    })),
  );
}
