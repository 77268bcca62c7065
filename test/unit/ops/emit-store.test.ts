/** `emit --layout mkcomposefs` of a directory, by the C helpers and without them: the same store, and the same refusals. */
import {
  appendFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import type { EmitStoreOptions, EmitStoreResult } from '../../../src/ops/repository/emit-store.ts';
import {
  freshDirectory,
  onPaths,
  removeDirectories,
  replaceAlike,
  turnIntoLink,
  turnIntoPipe,
} from '../io/rootfs-fixture.ts';
import { buildHelpers, findCompiler } from '../native/build-helpers.ts';

afterAll(removeDirectories);
afterEach(() => {
  vi.unstubAllEnvs();
  vi.doUnmock('../../../src/io/rootfs.ts');
  vi.resetModules();
});

const WAYS: [string, string][] = [
  ...(findCompiler() === undefined ? [] : ([['native', buildHelpers()]] as [string, string][])),
  ['node', '0'],
];

type EmitStore = (source: string, options: EmitStoreOptions) => Promise<EmitStoreResult>;

/** With helpers or without; `meanwhile` is done when the directory is listed and not all contents are measured. */
async function emitBy(native: string, meanwhile?: () => void): Promise<EmitStore> {
  vi.resetModules();
  vi.stubEnv('PLANISH_NATIVE', native);
  if (meanwhile !== undefined) {
    vi.doMock('../../../src/io/rootfs.ts', async (original) => {
      const actual = await original<typeof import('../../../src/io/rootfs.ts')>();
      const measureTree: typeof actual.measureTree = async (...args) => {
        meanwhile();
        await actual.measureTree(...args);
      };
      return { ...actual, measureTree };
    });
  }
  return (await import('../../../src/ops/repository/emit-store.ts')).emitStore;
}

const LARGE = (4 << 20) + 100;

/** Contents of every kind, some of them several times; `large` is measured last. */
function makeSource(): string {
  const top = freshDirectory();
  mkdirSync(`${top}/usr/lib/deep`, { recursive: true });
  writeFileSync(`${top}/usr/inline`, 'inline');
  writeFileSync(`${top}/usr/none`, '');
  writeFileSync(`${top}/usr/small`, 's'.repeat(100));
  writeFileSync(`${top}/usr/lib/same`, 's'.repeat(100));
  writeFileSync(`${top}/usr/lib/held`, Buffer.alloc(300_000, 'h'));
  writeFileSync(`${top}/usr/lib/deep/large`, Buffer.alloc(LARGE, 'l'));
  linkSync(`${top}/usr/lib/held`, `${top}/usr/linked`);
  symlinkSync('small', `${top}/usr/link`);
  for (const path of readdirSync(top, { recursive: true, encoding: 'utf8' }))
    onPaths(['touch', '-h', '-d', '@1', '--'], `${top}/${path}`);
  utimesSync(top, 1, 1);
  return top;
}

function filesOf(directory: string): Record<string, string> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
  return Object.fromEntries(
    files.sort().map((file) => [file.slice(directory.length), readFileSync(file, 'latin1')]),
  );
}

const COUNTS = { added: 3, addedBytes: 100 + 300_000 + LARGE, present: 0, presentBytes: 0 };
const PRESENT = { added: 0, addedBytes: 0, present: 3, presentBytes: COUNTS.addedBytes };

describe.each(WAYS)('a store of a directory: %s', (_, native) => {
  const options = { xattrs: 'skip' as const };

  it('is written once, and the same however many threads', async () => {
    const [source, directory] = [`rootfs:${makeSource()}`, join(freshDirectory(), 'store')];
    const emitStore = await emitBy(native);
    const first = await emitStore(source, { ...options, directory });
    // What mkcomposefs 1.0.8 prints for this tree, owned by whoever runs this, is compared in test/interop.
    expect(first).toMatchObject({ algorithm: 'sha256', format: 0, objects: COUNTS });
    const files = filesOf(directory);
    expect(Object.keys(files)).toHaveLength(4);
    expect(readdirSync(directory).sort()).toEqual(['image.cfs', 'objects']);
    const again = await emitStore(source, { ...options, directory });
    expect(again).toEqual({ ...first, objects: PRESENT });
    expect(filesOf(directory)).toEqual(files);
    const other = join(freshDirectory(), 'store');
    await emitStore(source, { ...options, directory: other, jobs: 1 });
    expect(filesOf(other)).toEqual(files);
  });

  it('writes what is missing, and what is of another size', async () => {
    const [source, directory] = [`rootfs:${makeSource()}`, join(freshDirectory(), 'store')];
    const emitStore = await emitBy(native);
    await emitStore(source, { ...options, directory });
    const files = filesOf(directory);
    const [one, two] = Object.keys(files).filter((name) => name.startsWith('/objects')) as [string, string];
    for (const name of [one, two]) rmSync(directory + name);
    writeFileSync(directory + two, 'remains');
    const { objects } = await emitStore(source, { ...options, directory });
    expect(objects).toMatchObject({ added: 2, present: 1 });
    expect(filesOf(directory)).toEqual(files);
  });

  it('of a profile that takes a part of the tree has that part', async () => {
    const top = makeSource();
    mkdirSync(`${top}/run`);
    writeFileSync(`${top}/run/dropped`, 'd'.repeat(1000));
    const directory = join(freshDirectory(), 'store');
    const emitStore = await emitBy(native);
    const result = await emitStore(`rootfs:${top}`, { ...options, directory, profile: 'bootc' });
    expect(result).toMatchObject({ algorithm: 'sha512', format: 1, objects: COUNTS });
  });

  it.each(['store', 'usr/lib/deep/store', 'to-itself/store'])(
    'lists nothing of the store where that lies in the source: %s',
    async (place) => {
      const top = makeSource();
      symlinkSync('usr/lib', `${top}/to-itself`);
      const outside = join(freshDirectory(), 'store');
      const emitStore = await emitBy(native);
      const { digest } = await emitStore(`rootfs:${top}`, { ...options, directory: outside });
      const inside = await emitStore(`rootfs:${top}`, { ...options, directory: join(top, place) });
      expect(inside.digest).toBe(digest);
    },
  );

  it('is not begun where there is no such directory', async () => {
    const directory = join(freshDirectory(), 'store');
    const emitStore = await emitBy(native);
    const emitted = emitStore('rootfs:/none', { ...options, directory });
    await expect(emitted).rejects.toMatchObject({ code: 'SYSCALL_FAILED', detail: { file: '/none' } });
    expect(existsSync(directory)).toBe(false);
  });

  const CHANGES: Record<string, (file: string) => void> = {
    vanishes: (file) => rmSync(file),
    grows: (file) => appendFileSync(file, 'x'),
    shrinks: (file) => truncateSync(file, 70_000),
    'becomes a link': turnIntoLink,
    'becomes a pipe': turnIntoPipe,
  };

  it.each(Object.entries(CHANGES))('has no image where a file %s meanwhile', async (_, change) => {
    const top = makeSource();
    const directory = join(freshDirectory(), 'store');
    const emitStore = await emitBy(native, () => change(`${top}/usr/lib/deep/large`));
    const emitted = emitStore(`rootfs:${top}`, { ...options, directory });
    await expect(emitted).rejects.toMatchObject({ code: 'CONTENT_CHANGED' });
    expect(existsSync(join(directory, 'image.cfs'))).toBe(false);
    for (const name of Object.keys(filesOf(directory))) expect(name).toMatch(/^\/objects\/..\/.{62}$/);
  });

  // Without helpers files are held to what they were when all were listed: what changed before is what is stored.
  const held = native === '0' ? [] : ['size, and another file'];
  it.each(held)('has no image where a file keeps its %s takes its place meanwhile', async () => {
    const top = makeSource();
    const file = `${top}/usr/lib/deep/large`;
    const directory = join(freshDirectory(), 'store');
    const emitStore = await emitBy(native, () => replaceAlike(file));
    const emitted = emitStore(`rootfs:${top}`, { ...options, directory });
    await expect(emitted).rejects.toMatchObject({ code: 'CONTENT_CHANGED', detail: { file } });
  });
});

it.skipIf(WAYS.length < 2)('every way writes the same', async () => {
  const source = `rootfs:${makeSource()}`;
  const stores: unknown[] = [];
  for (const [, native] of WAYS) {
    const directory = join(freshDirectory(), 'store');
    const {
      image,
      directory: _,
      ...result
    } = await (await emitBy(native))(source, {
      xattrs: 'skip',
      directory,
    });
    stores.push([result, image.slice(directory.length), filesOf(directory)]);
  }
  expect(stores[0]).toEqual(stores[1]);
});
