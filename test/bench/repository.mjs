/**
 * Emitting a real server image against the programs that fill repositories: cfsctl from the same layout, mkcomposefs from
 * the same directory. Repositories lie in memory where that can be: both sync, which on a disk takes longer than all else.
 */
import { accessSync, constants, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { planish } from './inputs.mjs';
import { has, run } from './measure.mjs';

export const needs = () => ['cfsctl', 'mkcomposefs'].filter((program) => !has(program));

const MEMORY = isWritable('/dev/shm') ? '/dev/shm' : undefined;

export function rows(inputs) {
  const place =
    MEMORY === undefined ? inputs.output('repositories') : join(MEMORY, `planish-bench-${process.pid}`);
  process.on('exit', () => rmSync(place, { recursive: true, force: true }));
  return [newRow(inputs, place), againRow(inputs, place), storeRow(inputs, place)];
}

const pull = (repository, image) => ['cfsctl', '--repo', repository, 'oci', 'pull', image, 'server'];
const emit = (repository, image) =>
  planish('emit', image, '--repo', repository, '--tag', 'server', '--profile', 'cfsctl', '--no-bootable');
const images = (repository) =>
  readdirSync(join(repository, 'images'))
    .filter((name) => name !== 'refs')
    .join();

function startOver(place) {
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place);
  run('cfsctl', ['--repo', join(place, 'peer'), 'init', '--insecure']);
  run(...split(planish('repo', 'init', join(place, 'ours'), '--insecure')));
}

function newRow(inputs, place) {
  const [ours, peer] = [join(place, 'ours'), join(place, 'peer')];
  return {
    title: '`emit` into a new repository',
    peerName: '`cfsctl oci pull`',
    ours: emit(ours, inputs.zstdImage),
    peer: pull(peer, inputs.zstdImage),
    before: () => startOver(place),
    check: () => true,
  };
}

/** The source has the same layers as before. */
function againRow(inputs, place) {
  const [ours, peer] = [join(place, 'ours'), join(place, 'peer')];
  startOver(place);
  run(...split(emit(ours, inputs.zstdImage)));
  run(...split(pull(peer, inputs.zstdImage)));
  return {
    title: '`emit` of what is there',
    peerName: '`cfsctl oci pull`',
    ours: emit(ours, inputs.zstdImage),
    peer: pull(peer, inputs.zstdImage),
    check: () => images(ours) === images(peer),
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
