/** A second look at an image, by the layer cache, against the first. */
import { rmSync } from 'node:fs';
import { planish } from './inputs.mjs';
import { run } from './measure.mjs';

export const needs = () => [];

export function rows(inputs) {
  const [warm, cold] = [inputs.output('warm-cache'), inputs.output('cold-cache')];
  return ['digest', 'plan'].map((verb) => {
    const command = (cache) => planish(verb, inputs.gzipImage, '--cache', cache);
    const result = (cache) => {
      const [program, ...args] = command(cache).filter((word) => word !== '--quiet');
      return run(program, args);
    };
    return {
      title: `\`${verb}\`, layers known`,
      peerName: `\`${verb}\`, layers new`,
      ours: command(warm),
      peer: command(cold),
      before: () => rmSync(cold, { recursive: true, force: true }),
      check: () => result(warm).equals(result(cold)),
    };
  });
}
