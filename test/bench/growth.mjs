/**
 * What a file costs `digest` in images of ever more made-up files. A run over a handful is the start, which every run costs; without
 * it an image of n files costs (t(n) - t(start)) / n a file. Constant is what does not grow: growth is the most by which a file of a
 * larger image costs more than one of any smaller image, and the aim is 1.3. What the files beyond the smaller image cost is shown as
 * well, since functions that are not compiled yet make the first files dear.
 */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { library, planish } from './inputs.mjs';
import { measure, median } from './measure.mjs';

const START = 20;
const COUNTS = [20_000, 100_000, 300_000, 1_000_000];
const FILES_OF_DIRECTORY = 500;
const CONTENT_BYTES = 200;

export const needs = () => [];

/** Measures all images in turns and prints a table. */
export async function report(rounds) {
  const scratch = mkdtempSync(join(tmpdir(), 'planish-growth-'));
  const path = (count) => join(scratch, `${count}.tar`);
  try {
    for (const count of [START, ...COUNTS]) await writeTar(path(count), count);
    const costs = new Map([START, ...COUNTS].map((count) => [count, []]));
    for (let round = 0; round < rounds; round++) {
      for (const [count, list] of costs) list.push(measure(planish('digest', `tar:${path(count)}`)));
    }
    print(new Map([...costs].map(([count, list]) => [count, medians(list)])));
  } finally {
    rmSync(scratch, { recursive: true });
  }
}

function medians(costs) {
  const of = (what) => median(costs.map((cost) => cost[what]));
  return { cpu: of('cpu') * 1e6, memory: of('memory') / 1e3 };
}

function print(costs) {
  const lines = [
    'files',
    'CPU s',
    'µs a file',
    'µs a file added',
    'memory MB',
    'kB a file',
    'kB a file added',
  ];
  const table = [lines, lines.map(() => '---:')];
  let before = START;
  for (const count of COUNTS) {
    const [{ cpu, memory }, last, start] = [count, before, START].map((of) => costs.get(of));
    const [all, added] = [count, count - before];
    table.push([
      count.toLocaleString('en'),
      (cpu / 1e6).toFixed(2),
      ((cpu - start.cpu) / all).toFixed(1),
      ((cpu - last.cpu) / added).toFixed(1),
      (memory / 1e3).toFixed(0),
      ((memory - start.memory) / all).toFixed(2),
      ((memory - last.memory) / added).toFixed(2),
    ]);
    before = count;
  }
  for (const cells of table) process.stdout.write(`| ${cells.join(' | ')} |\n`);
  const { cpu, memory } = { cpu: growth(costs, 'cpu'), memory: growth(costs, 'memory') };
  process.stdout.write(`growth of a file: time ${cpu.toFixed(2)}, memory ${memory.toFixed(2)}\n`);
}

/** The most by which a file of a larger image costs more than one of a smaller image. */
function growth(costs, what) {
  const ofFile = COUNTS.map((count) => (costs.get(count)[what] - costs.get(START)[what]) / count);
  return Math.max(...ofFile.slice(1).map((cost, index) => cost / Math.min(...ofFile.slice(0, index + 1))));
}

async function writeTar(path, count) {
  const { encodeTarHeader, END_OF_ARCHIVE } = await library('tar/index.js');
  const common = { uid: 0, gid: 0, mtime: { sec: 1, nsec: 0 }, xattrs: new Map(), linkTarget: '' };
  const none = { major: 0, minor: 0 };
  const fd = openSync(path, 'w');
  const padded = new Uint8Array(512).fill(97, 0, CONTENT_BYTES);
  for (let file = 0; file < count; file++) {
    const directory = `d${Math.floor(file / FILES_OF_DIRECTORY)}/`;
    if (file % FILES_OF_DIRECTORY === 0) {
      const record = { ...common, ...none, path: directory, type: 'directory', mode: 0o755, size: 0 };
      writeSync(fd, encodeTarHeader(record));
    }
    const record = { ...common, ...none, path: `${directory}f${file}`, type: 'regular', mode: 0o644 };
    padded.set(Buffer.from(String(file).padStart(8)));
    writeSync(fd, Buffer.concat([encodeTarHeader({ ...record, size: CONTENT_BYTES }), padded]));
  }
  writeSync(fd, END_OF_ARCHIVE);
  closeSync(fd);
}
