/** What the command line loads before it does anything: start-up takes as long as that. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const DIST = new URL('../../dist/', import.meta.url).href;
const MAIN = fileURLToPath(new URL('cli/main.js', DIST));

const QUICK = [
  ...['help-text', 'main', 'quick-answer', 'write-fully'].map((name) => `cli/${name}.js`),
  'ops/package-version.js',
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
  ].map((name) => `cli/${name}.js`),
  'errors.js',
  'host/profiles.js',
  'ops/profile-names.js',
].sort();

/** Modules of ours that a run loads, by what the coverage of V8 saw. */
function loadedBy(...args: string[]): string[] {
  const directory = mkdtempSync(join(tmpdir(), 'planish-start-'));
  try {
    const env = { ...process.env, NODE_V8_COVERAGE: directory };
    expect(spawnSync(process.execPath, [MAIN, ...args], { env, encoding: 'utf8' }).stderr).toBe('');
    return readdirSync(directory).flatMap(modulesIn(directory)).sort();
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function modulesIn(directory: string): (file: string) => string[] {
  return (file) => {
    const text = readFileSync(join(directory, file), 'utf8');
    const { result } = JSON.parse(text) as { result: { url: string }[] };
    return result.flatMap(({ url }) => (url.startsWith(DIST) ? [url.slice(DIST.length)] : []));
  };
}

test.each([['--version'], ['-V'], ['--help'], ['-h'], ['help']])('%s needs no parser', (word) => {
  expect(loadedBy(word)).toEqual(QUICK);
});

test('help of a verb loads that verb, and nothing of what it runs', () => {
  expect(loadedBy('build', '--help')).toEqual(
    [...PARSER, 'cli/commands/build.js', 'cli/split-options.js'].sort(),
  );
});
