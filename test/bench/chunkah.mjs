/**
 * The main job with gzip layers, against what chunkah needs for the same: the image unpacked, then split again. Both at level 6,
 * with at most 64 layers. chunkah finds no packages of dpkg, gives no digests, and takes no name that is not UTF-8: those go.
 */
import { rmSync } from 'node:fs';
import { planish } from './inputs.mjs';
import { has } from './measure.mjs';

export const needs = () => ['chunkah', 'umoci'].filter((program) => !has(program));

const SPLIT = `
set -e
umoci unpack --image "$2" "$1/bundle"
python3 -c "$3" "$1/bundle/rootfs"
chunkah build --rootfs "$1/bundle/rootfs" --config-str '{}' --skip-special-files --compressed -o "oci:$1/out"`;

const DROP_NAMES = `
import os, sys
for directory, _, files in os.walk(os.fsencode(sys.argv[1])):
    for name in files:
        if name.decode('utf-8', 'replace').encode() != name:
            os.unlink(os.path.join(directory, name))`;

export const rows = (inputs) => inputs.gzipImages.map((source) => row(inputs, source));

function row(inputs, { name, image }) {
  const [ours, peer] = [inputs.output('ours'), inputs.output('peer')];
  return {
    title: `\`build\` of the ${name} image, gzip to gzip level 6`,
    peerName: '`umoci unpack` and `chunkah build --compressed`',
    ours: planish('build', image, '-o', `oci:${ours}:t`, '--compression', 'gzip'),
    peer: ['sh', '-c', `mkdir "$1"; ${SPLIT}`, 'split', peer, image.slice('oci:'.length), DROP_NAMES],
    before: () => {
      for (const path of [ours, peer]) rmSync(path, { recursive: true, force: true });
    },
  };
}
