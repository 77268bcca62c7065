import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { CONTRACT_VERSION } from '../../../src/native/contract.ts';
import { LOCAL_BUILD, loadNative, nativeHelpers, nativeStatus } from '../../../src/native/load.ts';
import { freshDirectory, removeDirectories } from '../io/rootfs-fixture.ts';
import { buildHelpers, findCompiler } from './build-helpers.ts';

afterAll(removeDirectories);

const directory = freshDirectory();
const compiler = findCompiler();

function reason(override: string | undefined, localBuild: string): string {
  const { helpers, status } = loadNative(override, localBuild);
  expect(helpers).toBeUndefined();
  expect(status.available).toBe(false);
  return status.available ? '' : status.reason;
}

describe('loading the helpers', () => {
  it('tells why they are not there', () => {
    const none = join(directory, 'none.node');
    expect(reason('0', none)).toBe('PLANISH_NATIVE=0 refuses them');
    expect(reason(undefined, none)).toBe('they are not built (npm run build:native)');
    expect(reason('', none)).toBe('they are not built (npm run build:native)');
  });

  it('does not fall back from a file that was named', () => {
    const text = join(directory, 'text.node');
    writeFileSync(text, 'no library');
    expect(reason(text, LOCAL_BUILD)).toBe(`${text} cannot be loaded: ${text}: file too short`);
  });

  it('refuses another contract', () => {
    const other = join(directory, 'other.cjs');
    writeFileSync(other, 'exports.contractVersion = 99;');
    expect(reason(other, LOCAL_BUILD)).toBe(
      `${other} has contract 99, not ${CONTRACT_VERSION} (npm run build:native)`,
    );
  });

  it('prefers a package of prebuilt helpers, unless it is of another version', () => {
    const [good, bad] = ['good.cjs', 'bad.cjs'].map((name) => join(directory, name)) as [string, string];
    writeFileSync(good, `exports.contractVersion = ${CONTRACT_VERSION};`);
    writeFileSync(bad, 'exports.contractVersion = 1;');
    const found = (packages: string[], local: string): unknown =>
      loadNative(undefined, local, () => packages).status;
    expect(found([bad, good], '')).toEqual({ available: true, file: good });
    expect(found([bad], good)).toEqual({ available: true, file: good });
    const reason = `${bad} has contract 1, not ${CONTRACT_VERSION} (npm run build:native)`;
    expect(found([bad], '')).toEqual({ available: false, reason });
  });

  it('finds the build of this package', () => {
    expect(LOCAL_BUILD).toBe(
      new URL('../../../native-helpers/build/planish-native.node', import.meta.url).pathname,
    );
    expect(nativeHelpers() !== undefined).toBe(nativeStatus().available);
  });

  it.skipIf(compiler === undefined)('loads a build, named or local', () => {
    const file = buildHelpers();
    for (const loaded of [loadNative(file, ''), loadNative(undefined, file)]) {
      expect(loaded.status).toEqual({ available: true, file });
      expect(Object.keys(loaded.helpers ?? {}).sort()).toEqual([
        'addToStreams',
        'attachMount',
        'beginInflate',
        'beginStream',
        'configureFilesystem',
        'contractVersion',
        'crc32',
        'crc32Kernel',
        'deflate',
        'deflateLater',
        'deflateWorkBytes',
        'enableVerity',
        'endStream',
        'hashBlocks',
        'hashKernels',
        'inflate',
        'inflateStateBytes',
        'linkDescriptor',
        'listXattrs',
        'lockDescriptor',
        'makeMount',
        'measureFiles',
        'measureFilesLater',
        'measurePartsLater',
        'measureVerity',
        'openFilesystem',
        'openTree',
        'returnMemory',
        'scanDirectoriesLater',
        'scanDirectory',
        'setMountAttributes',
        'setXattr',
        'sizeObjectsLater',
        'storeFilesLater',
        'storeObjects',
        'storePartLater',
        'storeWindowLater',
        'streamStateBytes',
        'syncFilesystem',
        'unmount',
        'verityBatch',
      ]);
    }
  });
});
