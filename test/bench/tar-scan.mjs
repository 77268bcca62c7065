/** Reading every entry of a tar, content included, against tar-stream: both count entries and bytes of content. */
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { library } from './inputs.mjs';
import { run } from './measure.mjs';

const SELF = fileURLToPath(import.meta.url);
const CHUNK_BYTES = 256 * 1024;

export const needs = () => [];

export function rows(inputs) {
  const command = (side) => [process.execPath, SELF, side, inputs.tar];
  return [
    {
      title: 'tar scan',
      peerName: 'tar-stream',
      ours: command('ours'),
      peer: command('peer'),
      check: () =>
        run(process.execPath, command('ours').slice(1)).equals(
          run(process.execPath, command('peer').slice(1)),
        ),
    },
  ];
}

async function scan(file) {
  const { TarScanner } = await library('tar/index.js');
  const seen = { entries: 0, bytes: 0 };
  const scanner = new TarScanner({
    entry: () => seen.entries++,
    data: (_, start, end) => {
      seen.bytes += end - start;
    },
    endOfEntry: () => {},
  });
  const buffer = new Uint8Array(CHUNK_BYTES);
  const fd = openSync(file);
  for (let length = readSync(fd, buffer); length > 0; length = readSync(fd, buffer)) {
    scanner.push(buffer.subarray(0, length));
  }
  closeSync(fd);
  scanner.finish();
  return seen;
}

async function scanByPeer(file) {
  const { extract } = await import('tar-stream');
  const seen = { entries: 0, bytes: 0 };
  const entries = createReadStream(file, { highWaterMark: CHUNK_BYTES }).pipe(extract());
  for await (const entry of entries) {
    seen.entries++;
    for await (const piece of entry) seen.bytes += piece.length;
  }
  return seen;
}

if (process.argv[1] === SELF) {
  const [, , side, file] = process.argv;
  const seen = await (side === 'ours' ? scan(file) : scanByPeer(file));
  process.stdout.write(`${JSON.stringify(seen)}\n`);
}
