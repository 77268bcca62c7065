/**
 * Reading every entry of a tar, content included, against tar-stream and node-tar: all count entries and bytes of content.
 * And the same without the contents, which ours passes over by position; the others have no such way. Each process reads the
 * tar several times, so that neither Node's start nor the first calls of code weigh. GNU tar seeks as well: against it the
 * whole command line stands.
 */
import { closeSync, createReadStream, mkdtempSync, openSync, readSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { library, planish } from './inputs.mjs';
import { run } from './measure.mjs';

const SELF = fileURLToPath(import.meta.url);
/** Pieces that serve each side best: what is read at once should stay in cache; each read of a stream waits for a thread. */
const OUR_CHUNK_BYTES = 128 * 1024;
const STREAM_CHUNK_BYTES = 1024 * 1024;
const PASSES = 4;
const NODE_TAR = 'tar@7.5.23';

export const needs = () => [];

export function rows(inputs) {
  const nodeTar = installNodeTar();
  return inputs.roots.flatMap((root) => rowsOf(root, nodeTar));
}

function rowsOf({ name, tar }, nodeTar) {
  const command = (side, place = '') => [process.execPath, SELF, side, tar, place];
  const output = ([program, ...args]) => run(program, args);
  const row = (side, what, peerName, peer) => ({
    title: `tar scan of ${name}${what}, ${PASSES} times over`,
    peerName,
    ours: command(side),
    peer,
    check: () => output(command(side)).equals(output(peer)),
  });
  const peers = [
    ['tar-stream', command('tar-stream')],
    ...(nodeTar === undefined ? [] : [['node-tar', command('node-tar', nodeTar)]]),
  ];
  const list = planish('ls', '-lR', `tar:${tar}`);
  return [
    ...peers.map((peer) => row('ours', '', ...peer)),
    ...peers.map((peer) => row('positions', ', contents passed over', ...peer)),
    { title: `\`ls -lR tar:\` of ${name}`, peerName: '`tar tvf`', ours: list, peer: ['tar', 'tvf', tar] },
  ];
}

/** node-tar is no dependency of ours, so it goes to a directory of its own; gives that, or nothing. */
function installNodeTar() {
  const place = mkdtempSync(join(tmpdir(), 'planish-node-tar-'));
  process.on('exit', () => rmSync(place, { recursive: true, force: true }));
  try {
    run('npm', ['install', '--prefix', place, '--no-save', '--no-audit', '--no-fund', NODE_TAR]);
    return place;
  } catch (error) {
    process.stderr.write(
      `SKIPPED: tar scan against node-tar: ${NODE_TAR} cannot be installed: ${error.message}\n`,
    );
    return undefined;
  }
}

const SCANS = {
  async ours(file, seen) {
    const { TarScanner } = await library('tar/index.js');
    const scanner = new TarScanner({
      entry: () => seen.entries++,
      data: (_, start, end) => {
        seen.bytes += end - start;
      },
      endOfEntry: () => {},
    });
    const buffer = new Uint8Array(OUR_CHUNK_BYTES);
    const fd = openSync(file);
    for (let length = readSync(fd, buffer); length > 0; length = readSync(fd, buffer)) {
      scanner.push(buffer.subarray(0, length));
    }
    closeSync(fd);
    scanner.finish();
  },

  async positions(file, seen) {
    const { scanPlace, TarScanner } = await library('tar/index.js');
    const entry = ({ storedSize }) => {
      seen.entries++;
      seen.bytes += storedSize;
    };
    const scanner = new TarScanner({ entry, data: () => {}, endOfEntry: () => {} });
    const fd = openSync(file);
    const read = (position, target) => readSync(fd, target, 0, target.length, position);
    await scanPlace({ size: statSync(file).size, read }, scanner);
    closeSync(fd);
    scanner.finish();
  },

  async 'tar-stream'(file, seen) {
    const { extract } = await import('tar-stream');
    const entries = createReadStream(file, { highWaterMark: STREAM_CHUNK_BYTES }).pipe(extract());
    for await (const entry of entries) {
      seen.entries++;
      for await (const piece of entry) seen.bytes += piece.length;
    }
  },

  async 'node-tar'(file, seen, place) {
    const { Parser } = createRequire(join(place, 'package.json'))('tar');
    const onReadEntry = (entry) => {
      seen.entries++;
      entry.on('data', (piece) => {
        seen.bytes += piece.length;
      });
    };
    const parser = new Parser({ onReadEntry, strict: true });
    const ended = new Promise((resolve, reject) => parser.on('end', resolve).on('error', reject));
    createReadStream(file, { highWaterMark: STREAM_CHUNK_BYTES }).pipe(parser);
    await ended;
  },
};

if (process.argv[1] === SELF) {
  const [, , side, file, place] = process.argv;
  const seen = { entries: 0, bytes: 0 };
  for (let pass = 0; pass < PASSES; pass++) await SCANS[side](file, seen, place);
  process.stdout.write(`${JSON.stringify(seen)}\n`);
}
