/**
 * Emitting a real server image against the programs that fill repositories: cfsctl from the same layout, mkcomposefs from
 * the same directory, or from what umoci unpacks of the same layout, since it reads no images. Repositories lie in memory where that can be: both sync, which on a disk takes longer than all else.
 * Where an image is emitted again ours has its cache, as it has unless told otherwise; cfsctl believes the repository.
 */
import { accessSync, constants, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { planish } from './inputs.mjs';
import { has, run } from './measure.mjs';

export const needs = () => ['cfsctl', 'mkcomposefs', 'umoci'].filter((program) => !has(program));

const MEMORY = isWritable('/dev/shm') ? '/dev/shm' : undefined;

export function rows(inputs) {
  const place =
    MEMORY === undefined ? inputs.output('repositories') : join(MEMORY, `planish-bench-${process.pid}`);
  process.on('exit', () => rmSync(place, { recursive: true, force: true }));
  return [
    newRow(inputs, place, 'sha512'),
    newRow(inputs, place, 'sha256'),
    againRow(inputs, place),
    updateRow('an update', ['zstdImage', 'updatedImage'], inputs, place),
    updateRow('an update of one small package', ['rootImage', 'smallUpdateImage'], inputs, place),
    fsckRow(inputs, place),
    storeRow(inputs, place),
    imageStoreRow(inputs, place),
  ];
}

const pull = (repository, image) => ['cfsctl', '--repo', repository, 'oci', 'pull', image, 'server'];
const emit = (repository, image, ...options) =>
  planish(
    ...['emit', image, '--repo', repository, '--tag', 'server', '--profile', 'cfsctl', '--no-bootable'],
    ...options,
  );
const images = (repository) =>
  readdirSync(join(repository, 'images'))
    .filter((name) => name !== 'refs')
    .join();

function startOver(place, algorithm = 'sha512') {
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place);
  run('cfsctl', [
    '--repo',
    join(place, 'peer'),
    'init',
    '--insecure',
    '--algorithm',
    `fsverity-${algorithm}-12`,
  ]);
  run(...split(planish('repo', 'init', join(place, 'ours'), '--insecure', '--algorithm', algorithm)));
}

/** Both repositories with an image in them, and a cache that knows it. */
function fill(image, place) {
  const [ours, peer] = [join(place, 'ours'), join(place, 'peer')];
  startOver(place);
  run(...split(emit(ours, image, '--cache', join(place, 'cache'))));
  run(...split(pull(peer, image)));
  return { ours, peer, cache: join(place, 'cache') };
}

function newRow(inputs, place, algorithm) {
  const [ours, peer] = [join(place, 'ours'), join(place, 'peer')];
  return {
    title: `\`emit\` into a new repository, ${algorithm}`,
    peerName: '`cfsctl oci pull`',
    ours: emit(ours, inputs.zstdImage, '--no-cache'),
    peer: pull(peer, inputs.zstdImage),
    before: () => startOver(place, algorithm),
    check: () => images(ours) !== '' && run('cfsctl', ['--repo', ours, 'fsck']) !== undefined,
  };
}

/** The source has the same layers as before. */
function againRow(inputs, place) {
  return {
    title: '`emit` of what is there',
    peerName: '`cfsctl oci pull`',
    prepare: () => {
      const { ours, peer, cache } = fill(inputs.zstdImage, place);
      return {
        ours: emit(ours, inputs.zstdImage, '--cache', cache),
        peer: pull(peer, inputs.zstdImage),
        check: () => images(ours) === images(peer),
      };
    },
  };
}

/** An image of which some layers are there, or most. */
function updateRow(what, [before, after], inputs, place) {
  return {
    title: `\`emit\` of ${what}`,
    peerName: '`cfsctl oci pull`',
    prepare: () => {
      const { ours, peer, cache } = fill(inputs[before], place);
      const kept = join(place, 'kept');
      mkdirSync(kept);
      // The cache too: it shall not know the update from the round before.
      for (const path of [ours, peer, cache]) run('cp', ['-a', '--link', path, kept]);
      const image = inputs[after];
      return {
        ours: emit(ours, image, '--cache', cache),
        peer: pull(peer, image),
        before: () => {
          for (const path of [ours, peer, cache]) rmSync(path, { recursive: true });
          run('cp', ['-a', '--link', `${kept}/.`, place]);
        },
      };
    },
  };
}

/** Ours puts layers together and hashes them, too. */
function fsckRow(inputs, place) {
  return {
    title: '`repo fsck`',
    peerName: '`cfsctl fsck`',
    prepare: () => {
      const { ours, peer } = fill(inputs.zstdImage, place);
      return { ours: planish('repo', 'fsck', ours), peer: ['cfsctl', '--repo', peer, 'fsck'] };
    },
  };
}

function storeRow(inputs, place) {
  const [ours, peer] = [join(place, 'store'), join(place, 'peer-store')];
  const directory = inputs.directory;
  return {
    title: '`emit --layout mkcomposefs`',
    peerName: '`mkcomposefs --digest-store`',
    ours: planish('emit', `rootfs:${directory}`, '--repo', ours, '--layout', 'mkcomposefs'),
    peer: ['mkcomposefs', `--digest-store=${join(peer, 'objects')}`, directory, join(peer, 'image.cfs')],
    before: () => {
      for (const path of [ours, peer]) rmSync(path, { recursive: true, force: true });
      mkdirSync(peer, { recursive: true });
    },
  };
}

/** Here the peer has to unpack the image first. */
function imageStoreRow(inputs, place) {
  const [ours, peer] = [join(place, 'store'), join(place, 'peer-store')];
  const image = inputs.gzipImage;
  const steps =
    'umoci unpack --image "$1" "$0/bundle"; mkcomposefs --digest-store="$0/objects" "$0/bundle/rootfs" "$0/image.cfs"';
  return {
    title: '`emit oci: --layout mkcomposefs`',
    peerName: '`umoci unpack` and `mkcomposefs --digest-store`',
    ours: planish('emit', image, '--repo', ours, '--layout', 'mkcomposefs', '--no-cache'),
    peer: ['sh', '-ec', steps, peer, image.replace('oci:', '')],
    before: () => {
      for (const path of [ours, peer]) rmSync(path, { recursive: true, force: true });
      mkdirSync(peer, { recursive: true });
    },
  };
}

function split([program, ...args]) {
  return [program, args];
}

function isWritable(folder) {
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
