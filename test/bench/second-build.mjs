/** Building an image again after one package has changed, by what the image before and the layer cache remember. */
import { appendFileSync, copyFileSync, cpSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { planish } from './inputs.mjs';
import { run } from './measure.mjs';

const UPDATE = fileURLToPath(new URL('../support/update-layout.py', import.meta.url));

/** What an update of rsync writes: its program and the list of packages. */
const CHANGED = ['./usr/bin/rsync', './var/lib/dpkg/status'];

export const needs = () => [];

export function rows(inputs) {
  const [first, second, again] = ['first', 'second', 'again'].map((name) => inputs.output(`built-${name}`));
  const [known, cache, none] = ['known', 'used', 'none'].map((name) => inputs.output(`cache-${name}`));
  const sources = makeSources(inputs);
  const build = (tag, out, ...options) =>
    planish('build', `oci:${sources}:${tag}`, '-o', `oci:${out}:t`, ...options);
  const previous = ['--previous', `oci:${first}:t`];
  const [program, ...args] = build('before', first, '--cache', known);
  run(program, args);
  return [
    {
      title: 'second `build --previous`, one package changed',
      peerName: 'the first',
      ours: build('after', second, ...previous, '--cache', cache),
      peer: build('before', again, '--cache', none),
      before: () => {
        for (const path of [second, again, cache, none]) rmSync(path, { recursive: true, force: true });
        cpSync(known, cache, { recursive: true });
      },
    },
  ];
}

/** The server, and the server with a layer on top, as a publisher rebuilds. */
function makeSources(inputs) {
  const [sources, after, files] = ['sources', 'after.tar', 'changed'].map((name) => inputs.output(name));
  copyFileSync(inputs.tar, after);
  mkdirSync(files);
  run('tar', ['-C', files, '-xf', inputs.tar, ...CHANGED]);
  for (const name of CHANGED) appendFileSync(join(files, name), '\n');
  run('tar', ['-C', files, '--owner=0', '--group=0', '--numeric-owner', '-rf', after, ...CHANGED]);
  run('python3', [UPDATE, inputs.tar, inputs.tar, sources, 'before']);
  run('python3', [UPDATE, inputs.tar, after, sources, 'after']);
  rmSync(after);
  return sources;
}
