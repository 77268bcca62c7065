/**
 * Reading every entry of a tar, content included, against tar-stream and node-tar: all count entries and bytes of content.
 * Each process reads the tar several times, so that neither Node's start nor the first calls of code weigh.
 */
import { closeSync, createReadStream, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { library } from './inputs.mjs';
import { run } from './measure.mjs';

const SELF = fileURLToPath(import.meta.url);
/** Pieces that serve each side best: what is read at once should stay in cache; each read of a stream waits for a thread. */
const OUR_CHUNK_BYTES = 128 * 1024;
const STREAM_CHUNK_BYTES = 1024 * 1024;
const PASSES = 4;
const NODE_TAR = 'tar@7.5.23';

export const needs = () => [];

export function rows(inputs) {
  const command = (side, place = '') => [process.execPath, SELF, side, inputs.tar, place];
  const output = ([program, ...args]) => run(program, args);
  const row = (peerName, peer) => ({
    title: `tar scan, ${PASSES} times over`,
    peerName,
    ours: command('ours'),
    peer,
    check: () => output(command('ours')).equals(output(peer)),
  });
  const nodeTar = installNodeTar();
  return [
    row('tar-stream', command('tar-stream')),
    ...(nodeTar === undefined ? [] : [row('node-tar', command('node-tar', nodeTar))]),
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
