/**
 * `node test/bench/series.mjs BEFORE.tar AFTER.tar [--max-layers N] [--steps 0,3,9] [--cold 3,9] [--layered]`: what the
 * updates of a real series cost clients, by real builds. Both tars are made by `test/support/make-server-root.sh`, the second with
 * SERVER_POCKETS=main,updates,security; `test/support/splice-series.py` makes the weeks between them.
 *
 * Each week is built after the one before (`build --previous`), and once more with a layer for every component, which
 * gives the bytes that no split can save. Weeks are flat tars or, `--layered`, images of an unchanged base layer and what
 * is above it (`test/support/update-layout.py`), read with a layer cache, as a publisher rebuilds. Weeks of `--cold`
 * (default: all) are built without memory as well, to compare the time. Ends with an error where a layer is new of which
 * no component has changed, where building a week again changes a byte, or where one more small package rewrites a layer
 * without need.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { MAIN } from './inputs.mjs';

const SPLICE = fileURLToPath(new URL('../support/splice-series.py', import.meta.url));
const UPDATE = fileURLToPath(new URL('../support/update-layout.py', import.meta.url));
/** Layers enough for every component to have its own. */
const ALONE = '500';

/** Runs a command and prints the CPU seconds of it and its threads behind its output. */
const TIMER = `import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(); print(used.ru_utime + used.ru_stime); sys.exit(status)`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    'max-layers': { type: 'string', default: '64' },
    steps: { type: 'string' },
    cold: { type: 'string' },
    layered: { type: 'boolean', default: false },
  },
});
const [before, after] = positionals;
if (after === undefined) throw new Error('usage: node test/bench/series.mjs BEFORE.tar AFTER.tar');

const scratch = mkdtempSync(join(process.env.TMPDIR ?? tmpdir(), 'planish-series-'));
const layout = join(scratch, 'images');
try {
  const list = JSON.parse(execFileSync('python3', [SPLICE, before, after, '--list'], { encoding: 'utf8' }));
  const steps = values.steps?.split(',').map(Number) ?? list.map(({ step }) => step);
  replay(steps, values.cold?.split(',').map(Number) ?? steps, list);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function replay(steps, coldSteps, list) {
  const sum = { paid: 0, bound: 0 };
  process.stdout.write('| week | sources | layers new | MB | MB at best | seconds | of a cold build |\n');
  process.stdout.write('|-:|-|-:|-:|-:|-:|-:|\n');
  for (const [at, step] of steps.entries()) {
    const tar = splice(step);
    const source = values.layered ? stack(tar, `s${at}`) : `tar:${tar}`;
    const warm = build(source, `w${at}`, at === 0 ? undefined : `w${at - 1}`, values['max-layers']);
    const best = build(source, `b${at}`, at === 0 ? undefined : `b${at - 1}`, ALONE);
    if (at > 0) {
      const cold = coldSteps.includes(step)
        ? build(source, 'cold', undefined, values['max-layers'], ['--no-cache'])
        : undefined;
      checkSpurious(`w${at - 1}`, `w${at}`);
      sum.paid += warm.update.size;
      sum.bound += best.update.size;
      const { sources } = list.find((entry) => entry.step === step);
      printRow(step, sources, warm, best, cold);
    }
    if (at === steps.length - 1) checkLast(source, tar, `w${at}`);
    rmSync(tar);
  }
  const ratio = (sum.paid / sum.bound).toFixed(4);
  process.stdout.write(`\ndownload ${mb(sum.paid)} MB, at best ${mb(sum.bound)} MB: ${ratio} times, `);
  process.stdout.write(`${values['max-layers']} layers\n`);
}

function splice(step) {
  const tar = join(scratch, `week-${step}.tar`);
  execFileSync('python3', [SPLICE, before, after, '--step', String(step), '-o', tar]);
  return tar;
}

/** The image of a week that the first one is the base of. */
function stack(tar, tag) {
  const images = join(scratch, 'sources');
  execFileSync('python3', [UPDATE, before, tar, images, tag], { stdio: 'ignore' });
  return `oci:${images}:${tag}`;
}

/** Builds an image; gives what the command line says of it, and the CPU seconds it took. */
function build(source, tag, previous, layers, options = ['--cache', join(scratch, 'cache')]) {
  const args = ['--json', 'build', source, '-o', `oci:${layout}:${tag}`, '--max-layers', layers, ...options];
  if (previous !== undefined) args.push('--previous', `oci:${layout}:${previous}`);
  const { result, seconds } = run(args);
  return { ...result, seconds };
}

function run(args) {
  const timed = ['-c', TIMER, process.execPath, MAIN, ...args];
  const text = execFileSync('python3', timed, {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const end = text.lastIndexOf('\n', text.length - 2);
  return { result: JSON.parse(text.slice(0, end)), seconds: Number(text.slice(end)) };
}

function printRow(step, sources, warm, best, cold) {
  const names =
    sources.length > 3
      ? `${sources.slice(0, 3).join(' ')} and ${sources.length - 3} more`
      : sources.join(' ');
  const cells = [
    step,
    names,
    `${warm.update.layers} of ${warm.after.layers}`,
    mb(warm.update.size),
    mb(best.update.size),
    warm.seconds.toFixed(1),
    cold === undefined ? '' : (warm.seconds / cold.seconds).toFixed(2),
  ];
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
}

function mb(bytes) {
  return (bytes / 1e6).toFixed(2);
}

/** Layers of an image by digest, each with its components and their digests, as the annotations say. */
function layersOf(tag) {
  const args = [MAIN, '--json', 'inspect', `oci:${layout}:${tag}`];
  const { layers } = JSON.parse(
    execFileSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 2 ** 28 }),
  );
  return layers.map(({ digest, annotations }) => {
    const members = annotations['org.planish.components'].split(';')[2].split(' ').filter(Boolean);
    return { digest, members: members.map((member) => member.split(':')) };
  });
}

/** Every layer of the earlier image of which nothing has changed must be in the later one. */
function checkSpurious(earlier, later) {
  const now = layersOf(later);
  const digests = new Map(now.flatMap(({ members }) => members.map(([key, , , digest]) => [key, digest])));
  const kept = new Set(now.map(({ digest }) => digest));
  for (const { digest, members } of layersOf(earlier)) {
    const clean = members.length > 0 && members.every(([key, , , was]) => digests.get(key) === was);
    if (clean && !kept.has(digest)) throw new Error(`${later}: layer ${digest} was rewritten for nothing`);
  }
}

/** Building the last week again changes nothing; one more package changes no layer that did not have to change. */
function checkLast(source, tar, tag) {
  const again = build(source, 'again', tag, values['max-layers']);
  const index = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8'));
  const digest = index.manifests.find(({ annotations }) => Object.values(annotations).includes(tag)).digest;
  if (again.manifest.digest !== digest || again.update.size !== 0)
    throw new Error('building again changed the image');
  const file = join(scratch, 'opt/small/file');
  execFileSync('mkdir', ['-p', join(file, '..')]);
  writeFileSync(file, 'small\n');
  execFileSync('tar', [
    '-rf',
    tar,
    '--owner=0',
    '--group=0',
    '--mtime=@1780000000',
    '-C',
    scratch,
    'opt/small',
  ]);
  const more = build(values.layered ? stack(tar, 'more') : `tar:${tar}`, 'more', tag, values['max-layers']);
  checkSpurious(tag, 'more');
  const added = `${more.update.layers} layers, ${more.update.size} bytes`;
  process.stdout.write(`\nbuilt again: the same image; one more package: ${added}\n`);
}
