/** What the command line loads before it does anything: start-up takes as long as that. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { DEMO, planish, temporaryDirectory } from '../support/cli.ts';

const DIST = new URL('../../dist/', import.meta.url).href;
const MAIN = fileURLToPath(new URL('cli/main.js', DIST));

/** The modules of `src/` in each file of the command line, as the bundler tells. */
const MODULES = JSON.parse(readFileSync(new URL('cli/modules.json', DIST), 'utf8')) as Record<
  string,
  readonly string[]
>;

const QUICK = [
  ...['help-text', 'main', 'quick-answer', 'write-fully'].map((name) => `cli/${name}.ts`),
  'ops/package-version.ts',
];

const PARSER = [
  ...QUICK,
  ...[
    'auth-files',
    'cache-directory',
    'failure',
    'format',
    'optimize-later',
    'options',
    'output',
    'program',
    'progress-display',
    'proxies',
    'run',
    'runtime',
    'verbs',
  ].map((name) => `cli/${name}.ts`),
  'errors.ts',
  'host/profiles.ts',
  'ops/profile-names.ts',
].sort();

/** Files of ours that a run loads, by what the coverage of V8 saw; threads included. */
function loadedBy(...args: string[]): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'planish-start-'));
  try {
    const env = { ...process.env, NODE_V8_COVERAGE: directory, PLANISH_CACHE: '' };
    expect(spawnSync(process.execPath, [MAIN, ...args], { env, encoding: 'utf8' }).stderr).toBe('');
    return [...new Set(readdirSync(directory).flatMap(filesIn(directory)))].sort();
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function filesIn(directory: string): (file: string) => string[] {
  return (file) => {
    const text = readFileSync(join(directory, file), 'utf8');
    const { result } = JSON.parse(text) as { result: { url: string }[] };
    return result.flatMap(({ url }) => (url.startsWith(DIST) ? [url.slice(DIST.length)] : []));
  };
}

function modulesOf(files: readonly string[]): string[] {
  return files.flatMap((file) => MODULES[file.replace('cli/', '')] ?? [`no module of ${file}`]).sort();
}

/** Parts of the command line that only some runs need (`PARTS` of `.ci/bundle.mjs`). */
const HEAVY = [
  'measuring',
  'layers',
  'images',
  'hosts',
  'planning',
  'writing',
  'destinations',
  'building',
  'repositories',
  'streams',
  'emitting',
];

function heavyAmong(files: readonly string[]): string[] {
  for (const name of HEAVY) expect(MODULES).toHaveProperty([`${name}.js`]);
  return HEAVY.filter((name) => files.includes(`cli/${name}.js`));
}

test.each([['--version'], ['-V'], ['--help'], ['-h'], ['help']])('%s needs no parser', (word) => {
  const files = loadedBy(word);
  expect(files).toEqual(['cli/main.js', 'cli/quick.js']);
  expect(modulesOf(files)).toEqual(QUICK);
});

test('help of a verb loads that verb, and nothing of what it runs', () => {
  expect(modulesOf(loadedBy('build', '--help'))).toEqual(
    [...PARSER, 'cli/commands/build.ts', 'cli/split-options.ts'].sort(),
  );
});

const scratch = temporaryDirectory();
const dump = join(scratch, 'demo.dump');
const erofs = join(scratch, 'demo.erofs');
writeFileSync(dump, planish(['dump', DEMO]).stdout);
planish(['mkfs', DEMO, '-o', erofs]);

test.each([
  ['mkfs', `dump:${dump}`, ['-o', erofs], ['measuring']],
  ['mkfs', `rootfs:${scratch}`, ['--skip-xattrs', '-o', erofs], ['measuring']],
  ['digest', DEMO, [], ['measuring', 'layers', 'images', 'hosts']],
  ['ls', DEMO, [], ['layers', 'images']],
])('%s %s loads what it runs, in few files', (verb, source, options, heavy) => {
  const files = loadedBy('--quiet', verb, source, ...options);
  expect(heavyAmong(files)).toEqual(heavy);
  expect(files.length).toBeLessThanOrEqual(16);
});

/** Files that a file requires before it does anything, and those that they require. */
function requiredBy(file: string): string[] {
  const found = new Set([file]);
  for (const name of found) {
    const text = readFileSync(new URL(`cli/${name}`, DIST), 'utf8');
    for (const [, required] of text.matchAll(/^(?:const \w+ = )?require\("\.\/(.+)"\)/gm))
      found.add(required as string);
  }
  return [...found].sort();
}

test('a thread loads no parser, and only what its task runs', () => {
  const thread = ['base.js', 'errors.js', 'rolldown-runtime.js', 'thread.js', 'worker.js'];
  expect(requiredBy('worker.js')).toEqual(thread);
  const beyond = (file: string): string[] => requiredBy(file).filter((name) => !thread.includes(name));
  expect(beyond('layers.js')).toEqual(['layers.js']);
  expect(beyond('writing.js')).toEqual(['layers.js', 'writing.js']);
});
