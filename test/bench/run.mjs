/**
 * `npm run bench [-- [--rounds N] [--rows TEXT] [NAME...]]`: each bench puts ours against a peer on the same input, in
 * turns, and prints a row of ratios; with `--rows`, only rows whose title contains it. Below 1 is better than the peer. CPU ratios bear a machine that others use; wall ratios do
 * not. Where a bench can tell, it is an error when both do not come to the same result.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Inputs } from './inputs.mjs';
import { compare, tableHead, tableRow } from './measure.mjs';

const BENCHES = [
  'start-up',
  'build',
  'buildah',
  'second-build',
  'floor',
  'chunkah',
  'digest',
  'ingest',
  'cache',
  'compress',
  'mkfs',
  'ls',
  'rootfs',
  'relabel',
  'verity',
  'blocks',
  'gzip',
  'tar-scan',
  'planning',
  'growth',
  'replay',
  'repository',
];

// Every run does its whole work; benches of the cache name one.
process.env.PLANISH_CACHE = '';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' }, rows: { type: 'string', default: '' } },
});
const wanted = positionals.length === 0 ? BENCHES : positionals;
const unknown = wanted.filter((name) => !BENCHES.includes(name));
if (unknown.length > 0) throw new Error(`no bench ${unknown.join(', ')}; there are ${BENCHES.join(', ')}`);

const scratch = mkdtempSync(join(tmpdir(), 'planish-bench-'));
try {
  const benches = await Promise.all(wanted.map(async (name) => [name, await import(`./${name}.mjs`)]));
  const compared = benches.filter(([, bench]) => bench.report === undefined);
  const inputs = compared.length === 0 ? undefined : new Inputs(scratch);
  if (inputs !== undefined) process.stdout.write(`${tableHead()}\n`);
  for (const [name, bench] of compared) await runBench(name, bench, inputs);
  // Those without a peer program have a table of their own.
  for (const [, bench] of benches) await bench.report?.(Number(values.rounds));
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

async function runBench(name, bench, inputs) {
  const missing = bench.needs();
  if (missing.length > 0) {
    process.stderr.write(`SKIPPED: ${name}: ${missing.join(', ')} is not on PATH\n`);
    return;
  }
  for (const planned of bench.rows(inputs)) {
    if (!planned.title.includes(values.rows)) continue;
    const row = { ...planned, ...(await planned.prepare?.()) };
    const result = compare(row, Number(values.rounds));
    if (row.check?.() === false) throw new Error(`${name}: ours and the peer's results differ`);
    process.stdout.write(`${tableRow(row, result)}\n`);
  }
}
