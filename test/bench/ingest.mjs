/**
 * Reading layers (two SHA-256, inflating, tar, fs-verity of every file, index) against inflating alone: `gzip -dc` of the
 * same blobs, one after another, on one thread each.
 */
import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { library } from './inputs.mjs';
import { has } from './measure.mjs';

const SELF = fileURLToPath(import.meta.url);

export const needs = () => (has('gzip') ? [] : ['gzip']);

export function rows(inputs) {
  return inputs.gzipImages.flatMap(({ name, layers }) =>
    ['sha256', 'sha512'].map((algorithm) => ({
      title: `ingest of the ${name} image's layers, ${algorithm}`,
      peerName: '`gzip -dc`',
      ours: [process.execPath, SELF, algorithm, ...layers],
      peer: ['gzip', '-dc', ...layers],
    })),
  );
}

async function ingest(algorithm, files) {
  const { TASKS } = await library('parallel/tasks.js');
  const common = { enforce: true, diffId: undefined, claimed: 'gzip', algorithm, globalHeaders: 'ignore' };
  for (const [ordinal, file] of files.entries()) {
    const { size } = statSync(file);
    const request = { ...common, digest: `sha256:${basename(file)}`, size, ordinal, source: ordinal };
    const blob = { file, offset: 0, size };
    await TASKS.ingest({ blob, request, spool: undefined }, { progress: () => undefined });
  }
}

if (process.argv[1] === SELF) await ingest(process.argv[2], process.argv.slice(3));
