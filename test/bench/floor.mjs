/**
 * The whole job against what no tool can leave out: inflating, SHA-256 of blobs and tars that come and go, fs-verity of the
 * contents, and zstd; each by the program that does it best, on what it would be done with.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { planish } from './inputs.mjs';
import { has, run } from './measure.mjs';

const PARTS = ['libdeflate-gunzip', 'openssl', 'fsverity', 'zstd'];

export const needs = () => PARTS.filter((program) => !has(program));

/** Arguments: a file that lists contents, the tar that is written, then blobs that are read or written. */
const FLOOR = `
set -e
files=$1 tar=$2 read=$3; shift 3
for blob in $read; do libdeflate-gunzip -c "$blob" > /dev/null; done
openssl dgst -sha256 "$@" $read "$tar" "$tar" > /dev/null
xargs -0 -n 5000 -a "$files" fsverity digest --compact --hash-alg=sha512 > /dev/null
zstd -q -c -3 -T1 "$tar" > /dev/null`;

export const rows = (inputs) =>
  inputs.gzipImages.map((source, index) => row(inputs, source, inputs.roots[index]));

function row(inputs, source, { name, directory, tar }) {
  const ours = inputs.output('ours');
  const files = inputs.output(`contents-${name}`);
  run('sh', ['-c', 'find "$0" -type f -size +64c -print0 > "$1"', directory, files]);
  const written = writtenBlobs(inputs.zstdImageOf(source));
  return {
    title: `\`build\` of the ${name} image, gzip to zstd level 3`,
    peerName: 'its parts by themselves, no tree and no tar',
    ours: planish('build', source.image, '-o', `oci:${ours}:t`),
    peer: ['sh', '-c', FLOOR, 'floor', files, tar, source.layers.join(' '), ...written],
    before: () => rmSync(ours, { recursive: true, force: true }),
  };
}

/** Blobs of the layers of an image that we built. */
function writtenBlobs(image) {
  const layout = image.slice('oci:'.length, image.lastIndexOf(':'));
  const blob = (digest) => join(layout, 'blobs', ...digest.split(':'));
  const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
  const { layers } = JSON.parse(readFileSync(blob(index.manifests[0].digest), 'utf8'));
  return layers.map(({ digest }) => blob(digest));
}
