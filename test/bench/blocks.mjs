/**
 * Blocks in memory, many in a call, against OpenSSL one by one: whole blocks, and contents of at most one. The window is
 * what reading layers passes on at a time; the sizes are those of the first small files of the server.
 */
import { fileURLToPath } from 'node:url';
import { library } from './inputs.mjs';
import { has, run } from './measure.mjs';

const SELF = fileURLToPath(import.meta.url);
const EVP = fileURLToPath(new URL('evp-blocks.c', import.meta.url));

const WINDOW = 1024 * 1024;
const BLOCK = 4096;
/** So many that starting a program weighs little. */
const ROUNDS = { sha256: 2400, sha512: 1200 };

export const needs = () => (has('cc') ? [] : ['cc']);

export function rows(inputs) {
  const evp = inputs.output('evp-blocks');
  run('cc', ['-O2', '-o', evp, EVP, '-lcrypto']);
  const small = smallSizes(inputs.directory);
  return ['sha256', 'sha512'].flatMap((algorithm) => [
    row(evp, `blocks in memory, ${algorithm}`, [algorithm, WINDOW, ROUNDS[algorithm]]),
    row(evp, `contents up to 4 KiB in memory, ${algorithm}`, [
      algorithm,
      WINDOW,
      ROUNDS[algorithm] / 4,
      ...small,
    ]),
  ]);
}

function row(evp, title, args) {
  const words = args.map(String);
  const [ours, peer] = [
    [process.execPath, SELF, ...words],
    [evp, ...words],
  ];
  const output = ([program, ...rest]) => run(program, rest);
  return { title, peerName: 'OpenSSL EVP', ours, peer, check: () => output(ours).equals(output(peer)) };
}

/** As many as fit a window. */
function smallSizes(directory) {
  const found = run('find', [
    directory,
    '-type',
    'f',
    '-size',
    '+0',
    '-size',
    '-4097c',
    '-printf',
    '%P %s\n',
  ]);
  const sizes = found
    .toString('latin1')
    .split('\n')
    .slice(0, -1)
    .sort()
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
  const fitting = [];
  let sum = 0;
  for (const size of sizes) {
    sum += size;
    if (sum > WINDOW) break;
    fitting.push(size);
  }
  return fitting;
}

/** What evp-blocks.c does. */
async function hashWindow(algorithm, window, rounds, sizes) {
  const { defaultBackend } = await library('fsverity/hash.js');
  const { DIGEST_BYTES } = await library('bytes/digest.js');
  const backend = defaultBackend();
  const bytes = new Uint8Array(window).map((_, at) => at * 7 + (at >> 8));
  let digests = new Uint8Array((window / BLOCK) * DIGEST_BYTES[algorithm]);
  const ranges = new Float64Array(2 * sizes.length);
  let at = 0;
  for (const [file, size] of sizes.entries()) {
    ranges.set([at, size], 2 * file);
    at += size;
  }
  for (let round = 0; round < rounds; round++) {
    if (sizes.length > 0) digests = backend.measureContents(algorithm, bytes, ranges);
    else backend.hashBlocks(algorithm, bytes, 0, window / BLOCK, digests, 0);
  }
  process.stdout.write(digests);
}

if (process.argv[1] === SELF) {
  const [algorithm, window, rounds, ...sizes] = process.argv.slice(2);
  await hashWindow(algorithm, Number(window), Number(rounds), sizes.map(Number));
}
