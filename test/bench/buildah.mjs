/** The main job with gzip layers, against pulling the image and committing it as one layer. */
import { rmSync } from 'node:fs';
import { planish } from './inputs.mjs';
import { has } from './measure.mjs';

export const needs = () => (has('buildah') ? [] : ['buildah']);

const SQUASH = `
set -e
b="buildah --root $1/root --runroot $1/run --storage-driver vfs"
c=$($b from --pull-always "$2")
BUILDAH_ISOLATION=chroot $b commit --quiet --disable-compression=false --squash "$c" "oci:$1/out:t"
$b rm "$c" > /dev/null`;

export const rows = (inputs) => inputs.gzipImages.map((source) => row(inputs, source));

function row(inputs, { name, image }) {
  const [ours, peer] = [inputs.output('ours'), inputs.output('peer')];
  return {
    title: `\`build\` of the ${name} image, gzip to gzip level 6`,
    peerName: '`buildah from` and `commit --squash`',
    ours: planish('build', image, '-o', `oci:${ours}:t`, '--compression', 'gzip'),
    peer: ['sh', '-c', SQUASH, 'squash', peer, image],
    before: () => {
      for (const path of [ours, peer]) rmSync(path, { recursive: true, force: true });
    },
  };
}
