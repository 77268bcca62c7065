/**
 * Compressing a root as layers are, digests of tar and blob included, against the programs that only compress. To be
 * compared are CPU times with one thread of the peer's, wall time with two. Of one layer, gzip has as many threads as it is
 * given, zstd one: its bytes depend on their number.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { library } from './inputs.mjs';
import { has } from './measure.mjs';

const SELF = fileURLToPath(import.meta.url);
const PIECE_BYTES = 512 * 1024;

export const needs = () => ['zstd', 'gzip', 'pigz'].filter((program) => !has(program));

export const rows = (inputs) => inputs.roots.flatMap(rowsOf);

function rowsOf({ name, tar }) {
  const row = (kind, level, threads, ...peer) => ({
    title: `${name} as one layer of ${kind} level ${level}, digests included, threads: ${threads}`,
    peerName: `\`${peer.join(' ')}\``,
    ours: [process.execPath, SELF, kind, String(level), tar, String(threads)],
    peer: [...peer, tar],
  });
  return [
    row('zstd', 3, 1, 'zstd', '-q', '-c', '-3', '-T1'),
    row('zstd', 3, 1, 'zstd', '-q', '-c', '-3', '-T2'),
    row('gzip', 6, 1, 'gzip', '-c', '-6'),
    row('gzip', 6, 2, 'pigz', '-c', '-6', '-p2'),
  ];
}

function* pieces(file) {
  const buffer = new Uint8Array(PIECE_BYTES);
  const fd = openSync(file);
  for (let length = readSync(fd, buffer); length > 0; length = readSync(fd, buffer)) {
    yield buffer.subarray(0, length);
  }
  closeSync(fd);
}

async function write(kind, level, file, threads) {
  const { createHash } = await import('node:crypto');
  const { compress } = await library('compress/compress.js');
  const [diffId, digest] = [createHash('sha256'), createHash('sha256')];
  async function* tar() {
    for (const piece of pieces(file)) {
      diffId.update(piece);
      yield piece;
    }
  }
  for await (const piece of compress(tar(), { kind, level, threads })) {
    digest.update(piece);
    writeSync(1, piece);
  }
  return [diffId.digest('hex'), digest.digest('hex')];
}

if (process.argv[1] === SELF) {
  const [, , kind, level, file, threads] = process.argv;
  await write(kind, Number(level), file, Number(threads));
}
