/**
 * The main job against mere recompression: skopeo neither flattens, nor digests, nor splits. To gzip the source is the
 * zstd image, because skopeo copies gzip layers as they are; and our deflate is our own on purpose: its bytes are
 * the same on every machine, those of zlib in Node are not.
 */
import { rmSync } from 'node:fs';
import { planish } from './inputs.mjs';
import { has } from './measure.mjs';

export const needs = () => (has('skopeo') ? [] : ['skopeo']);

export function rows(inputs) {
  return [
    ...inputs.gzipImages.map(({ name, image }) =>
      row(inputs, { name, from: 'gzip', image, to: 'zstd', level: '3' }),
    ),
    ...inputs.gzipImages.map((source) =>
      row(inputs, {
        name: source.name,
        from: 'zstd',
        image: inputs.zstdImageOf(source),
        to: 'gzip',
        level: '6',
      }),
    ),
  ];
}

function row(inputs, { name, from, image, to, level }) {
  const [ours, peer] = [inputs.output('ours'), inputs.output('peer')];
  const compress = ['--dest-compress-format', to, '--dest-compress-level', level];
  return {
    title: `\`build\` of the ${name} image, ${from} to ${to} level ${level}`,
    peerName: '`skopeo copy`',
    ours: planish('build', image, '-o', `oci:${ours}:t`, '--compression', to, '--level', level),
    peer: ['skopeo', 'copy', '--quiet', '--insecure-policy', ...compress, image, `oci:${peer}:t`],
    before: () => {
      for (const path of [ours, peer]) rmSync(path, { recursive: true, force: true });
    },
  };
}
