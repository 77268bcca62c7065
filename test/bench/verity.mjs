/** fs-verity digests of all files of a root, by the library in one thread, against fsverity-utils. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { library } from './inputs.mjs';
import { has, run } from './measure.mjs';

const SELF = fileURLToPath(import.meta.url);

export const needs = () => (has('fsverity') ? [] : ['fsverity']);

export function rows(inputs) {
  const list = inputs.output('files');
  writeFileSync(list, run('find', [inputs.directory, '-type', 'f', '-size', '+0', '-print0']));
  return ['sha512', 'sha256'].map((algorithm) => {
    const ours = [process.execPath, SELF, algorithm, list];
    const options = ['fsverity', 'digest', '--compact', `--hash-alg=${algorithm}`];
    const peer = ['xargs', '-0', '-n', '5000', '-a', list, ...options];
    const outputs = () => [ours, peer].map(([program, ...args]) => run(program, args));
    return {
      title: `verity of 1 GB in files, ${algorithm}`,
      peerName: '`fsverity digest`',
      ours,
      peer,
      check: () => outputs()[0].equals(outputs()[1]),
    };
  });
}

/** Prints the digests of the files of a NUL-separated list. */
async function digestAll(algorithm, list) {
  const { measureFileBatch } = await library('io/measure-batch.js');
  const paths = readFileSync(list, 'latin1').split('\0').slice(0, -1);
  const files = paths.map((path) => ({ path, size: statSync(Buffer.from(path, 'latin1')).size }));
  const digests = [];
  for (let at = 0; at < files.length; at += 512) {
    digests.push(...measureFileBatch(files.slice(at, at + 512), algorithm));
  }
  process.stdout.write(`${digests.join('\n')}\n`);
}

if (process.argv[1] === SELF) await digestAll(process.argv[2], process.argv[3]);
