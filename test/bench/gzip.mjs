/** Writing and reading gzip, with the native helpers and without, against gzip(1). Sizes are held to gzip's as well. */
import { closeSync, createReadStream, openSync, readSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { library } from './inputs.mjs';
import { has, run } from './measure.mjs';

const SELF = fileURLToPath(import.meta.url);
const SAMPLE_BYTES = 128 * 1024 * 1024;

export const needs = () => (has('gzip') ? [] : ['gzip']);

export function rows(inputs) {
  const [plain, packed] = [inputs.output('sample.tar'), inputs.output('sample.tar.gz')];
  writeFileSync(plain, readStart(inputs.tar));
  writeFileSync(packed, run('gzip', ['-6c', plain]));
  const ours = (...words) => [process.execPath, SELF, ...words];
  const portable = (...words) => ['env', 'PLANISH_NATIVE=0', ...ours(...words)];
  const size = ([program, ...args]) => run(program, args).length;
  const check = () => size(ours('write', plain)) <= size(['gzip', '-6c', plain]);
  const write = { peerName: '`gzip -6`', peer: ['gzip', '-6c', plain], check };
  const read = { peerName: '`gzip -dc`', peer: ['gzip', '-dc', packed] };
  return [
    { title: 'gzip writing', ours: ours('write', plain), ...write },
    { title: 'gzip writing, WebAssembly', ours: portable('write', plain), ...write },
    { title: 'gzip reading', ours: ours('read', packed), ...read },
    { title: 'gzip reading, node:zlib', ours: portable('read', packed), ...read },
  ];
}

function readStart(file) {
  const bytes = Buffer.alloc(SAMPLE_BYTES);
  const fd = openSync(file);
  const length = readSync(fd, bytes, 0, bytes.length, 0);
  closeSync(fd);
  return bytes.subarray(0, length);
}

/** Puts a file through one of the streams; what comes out goes to standard output, or is only counted. */
async function pass(way, file) {
  const input = createReadStream(file, { highWaterMark: 256 * 1024 });
  const { compress } = await library('compress/compress.js');
  const { decompress } = await library('compress/decompress.js');
  const stream =
    way === 'write' ? compress(input, { kind: 'gzip', level: 6 }) : decompress(input, 'gzip', { members: 0 });
  for await (const piece of stream) if (way === 'write') process.stdout.write(Buffer.from(piece));
}

if (process.argv[1] === SELF) await pass(process.argv[2], process.argv[3]);
