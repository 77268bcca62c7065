/** fs-verity digests of all files of a root, by the library in one thread, against fsverity-utils. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { library } from './inputs.mjs';
import { has, run } from './measure.mjs';

const SELF = fileURLToPath(import.meta.url);

export const needs = () => (has('fsverity') ? [] : ['fsverity']);

export function rows(inputs) {
  const trees = inputs.roots.flatMap((tree) => [
    ...ALGORITHMS.map((algorithm) => row(inputs, tree, algorithm)),
    ...ALGORITHMS.map((algorithm) => row(inputs, tree, algorithm, SMALL)),
  ]);
  // What starting Node and loading the library weighs in the rows above.
  const one = inputs.output('one-file');
  writeFileSync(one, 'abc');
  const start = {
    ...compared(inputs.output('one'), `${one}\0`, 'sha256'),
    title: 'verity of one file: start-up',
  };
  const { ours, peer } = compared(inputs.output('files-server'), undefined, 'sha256');
  const portable = { ours: ['env', 'PLANISH_NATIVE=0', ...ours], peer };
  return [
    ...trees,
    start,
    { ...portable, title: 'verity of the files of server, sha256, no helpers', peerName: PEER },
  ];
}

const PEER = '`fsverity digest`';
const ALGORITHMS = ['sha512', 'sha256'];

/** Which files of a tree a row is about, by a word and by what `find` is told. */
const ALL = { word: 'files', tests: [] };
const SMALL = { word: 'files up to 4 KiB', tests: ['-size', '-4097c'] };

function row(inputs, { name, directory }, algorithm, { word, tests } = ALL) {
  const files = run('find', [directory, '-type', 'f', '-size', '+0', ...tests, '-print0']);
  return {
    ...compared(inputs.output(`${word.replaceAll(' ', '-')}-${name}`), files, algorithm),
    title: `verity of the ${word} of ${name}, ${algorithm}`,
  };
}

/** `files`: what is to be listed; absent where the list stands already. */
function compared(list, files, algorithm) {
  if (files !== undefined) writeList(list, files);
  const ours = [process.execPath, SELF, algorithm, list];
  const options = ['fsverity', 'digest', '--compact', `--hash-alg=${algorithm}`];
  const peer = ['xargs', '-0', '-n', '5000', '-a', list, ...options];
  const outputs = () => [ours, peer].map(([program, ...args]) => run(program, args));
  return { peerName: PEER, ours, peer, check: () => outputs()[0].equals(outputs()[1]) };
}

/** Sizes stand beside: whoever measures files has listed them, and is held to their sizes. */
function writeList(list, files) {
  writeFileSync(list, files);
  const paths = files.toString('latin1').split('\0').slice(0, -1);
  const sizes = paths.map((path) => statSync(Buffer.from(path, 'latin1')).size);
  writeFileSync(`${list}.sizes`, sizes.join('\n'));
}

/** Prints the digests of the files of a NUL-separated list. */
async function digestAll(algorithm, list) {
  const { measureFileBatch } = await library('io/measure-batch.js');
  const paths = readFileSync(list, 'latin1').split('\0').slice(0, -1);
  const sizes = readFileSync(`${list}.sizes`, 'latin1').split('\n').map(Number);
  const files = paths.map((path, index) => ({ path, size: sizes[index] }));
  const digests = [];
  for (let at = 0; at < files.length; at += 512) {
    digests.push(...measureFileBatch(files.slice(at, at + 512), algorithm));
  }
  process.stdout.write(`${digests.join('\n')}\n`);
}

if (process.argv[1] === SELF) await digestAll(process.argv[2], process.argv[3]);
