/** The package's entries exist after a build, and the library exports what its documentation names. */
import { existsSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import * as library from '../../../src/index.ts';
import { ROOT } from './page.ts';

const manifest = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8'));
const entries: [string, string][] = Object.entries(manifest.exports as Record<string, string>).filter(
  ([name]) => name !== './package.json',
);

const VERBS = [
  'build',
  'cacheList',
  'cachePrune',
  'cacheVerify',
  'cat',
  'copy',
  'diff',
  'digest',
  'digestAll',
  'download',
  'dump',
  'emit',
  'emitStore',
  'emitDisk',
  'explain',
  'inspect',
  'ls',
  'merge',
  'mkfs',
  'mount',
  'mountCommands',
  'plan',
  'attachSignatures',
  'enroll',
  'peAttach',
  'peHash',
  'peSections',
  'peSign',
  'peVerify',
  'seal',
  'selabel',
  'simulate',
  'sign',
  'signComposefs',
  'signFile',
  'umount',
  'verify',
];
const REPO = ['repoCat', 'repoExport', 'repoFsck', 'repoGc', 'repoInit', 'repoList', 'repoTag', 'repoUntag'];
const LINT = ['formatSarif', 'lint', 'lintAndFix', 'lintRules'];
const ERRORS = ['ERROR_TABLE', 'EXIT_STATUS', 'PlanishError', 'isPlanishError'];
const NAMES = ['byteString', 'compareBytes', 'decodeUtf8', 'display', 'fromBytes', 'fromUtf8', 'toBytes'];
const TABLES = ['LIMITS', 'WARNING_TABLE'];

/** One value that each entry is for. */
const EXAMPLE: Readonly<Record<string, string>> = {
  '.': 'build',
  './tar': 'TarScanner',
  './erofs': 'encodeImage',
  './fsverity': 'computeVerityDigest',
  './dumpfile': 'parseDumpfile',
  './oci': 'parseManifest',
};

describe('package', () => {
  test('has one example for each entry', () => {
    expect(entries.map(([name]) => name).sort()).toEqual(Object.keys(EXAMPLE).sort());
  });

  test.each(entries)('entry %s resolves after a build', async (name, path) => {
    const file = `${ROOT}${path.slice(2)}`;
    if (!existsSync(file)) throw new Error(`${path} is missing: run npm run build`);
    const module = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as Record<string, unknown>;
    expect(typeof module[EXAMPLE[name] ?? '']).toBe('function');
    expect(existsSync(file.replace(/\.js$/, '.d.ts'))).toBe(true);
  });

  test('the program is where package.json says', () => {
    expect(existsSync(`${ROOT}${manifest.bin.planish}`)).toBe(true);
  });
});

describe('library', () => {
  test('exports exactly these values', () => {
    expect(Object.keys(library).sort()).toEqual(
      [...VERBS, ...REPO, ...LINT, ...ERRORS, ...NAMES, ...TABLES].sort(),
    );
  });

  test('the README names every one of them', () => {
    const readme = readFileSync(`${ROOT}README.md`, 'utf8');
    const section = readme.slice(readme.indexOf('## As a library'), readme.indexOf('## Status'));
    const words = new Set(section.match(/\w+/g));
    expect(Object.keys(library).filter((name) => !words.has(name))).toEqual([]);
  });
});
