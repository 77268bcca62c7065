/**
 * Time and memory per file of an image of a million made-up files, fifty times as many as the peer's, which is ours with fewer. The
 * ratios are per file: 1 is constant. What every run costs, however small, makes the peer's the dearer.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { library, planish } from './inputs.mjs';

const FEW = 20_000;
const TIMES = 50;
const FILES_OF_DIRECTORY = 500;
const CONTENT_BYTES = 200;

export const needs = () => [];

export function rows(inputs) {
  const image = async (count) => {
    const path = inputs.output(`made-up-${count}.tar`);
    await writeTar(path, count);
    return planish('digest', `tar:${path}`);
  };
  return [
    {
      title: `\`digest\` of ${FEW * TIMES} files, per file`,
      peerName: `the same of ${FEW} files`,
      prepare: async () => ({ ours: await image(FEW * TIMES), peer: await image(FEW) }),
      scale: TIMES,
    },
  ];
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
