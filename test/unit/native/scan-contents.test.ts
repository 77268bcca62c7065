/** Directories listed with what is in their files, and files stored by path: what is read, left and refused. */
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { fromUtf8 } from '../../../src/bytes/byte-string.ts';
import { computeVerityDigest } from '../../../src/fsverity/digest.ts';
import { stampOf } from '../../../src/io/file-stamps.ts';
import {
  type NativeHelpers,
  SCAN_CLONES,
  STORE_CLONES,
  STORE_OUTCOME,
} from '../../../src/native/contract.ts';
import { decodeListings, type FileRecord } from '../../../src/native/records.ts';
import {
  freshDirectory,
  onPaths,
  raw,
  removeDirectories,
  replaceAlike,
  turnIntoLink,
  turnIntoPipe,
} from '../io/rootfs-fixture.ts';
import { freshHelpers } from './build-helpers.ts';

afterAll(removeDirectories);

const helpers = freshHelpers() as NativeHelpers;
const { left, written, present } = STORE_OUTCOME;
const SHA256 = 1;
const LIMIT = 1 << 24;
const NO_STORE = Buffer.alloc(0);
const ENOENT = -2;

const digestOf = (content: string | Buffer): string => computeVerityDigest(Buffer.from(content), 'sha256');
const zeroEnded = (...paths: string[]): Buffer => raw(paths.map((path) => `${path}\0`).join(''));

async function list(
  paths: string[],
  { flags = 0, algorithm = SHA256, store = NO_STORE, limit = LIMIT } = {},
): Promise<ReturnType<typeof decodeListings>> {
  const packed = await helpers.scanDirectoriesLater(zeroEnded(...paths), flags, limit, algorithm, store);
  if (typeof packed === 'number') throw new Error(`scan: ${packed}`);
  return decodeListings(packed, new Map());
}

async function filesIn(path: string, options = {}): Promise<Record<string, FileRecord | undefined>> {
  const [listing] = await list([path], options);
  return Object.fromEntries(listing?.children.map(({ name, file }) => [name, file]) ?? []);
}

/** What is known of each: its bytes, its digest, or nothing. */
async function known(path: string, options = {}): Promise<Record<string, unknown>> {
  const files = await filesIn(path, options);
  const entries = Object.entries(files).map(([name, file]) => {
    const bytes = file?.bytes === undefined ? undefined : Buffer.from(file.bytes).toString();
    return [name, file && (bytes ?? file.verity ?? 'nothing')];
  });
  return Object.fromEntries(entries);
}

const CONTENTS = { inline: 'i'.repeat(64), least: 'l'.repeat(65), most: 'm'.repeat(128 * 1024) };

function directoryOfAll(): string {
  const top = freshDirectory();
  for (const [name, content] of Object.entries(CONTENTS)) writeFileSync(`${top}/${name}`, content);
  writeFileSync(`${top}/none`, '');
  writeFileSync(`${top}/more`, 'm'.repeat(128 * 1024 + 1));
  writeFileSync(`${top}/twice`, 't'.repeat(65));
  linkSync(`${top}/twice`, `${top}/again`);
  symlinkSync('least', `${top}/link`);
  mkdirSync(`${top}/directory`);
  onPaths(['mkfifo'], `${top}/fifo`);
  return top;
}

const READ = {
  inline: CONTENTS.inline,
  least: digestOf(CONTENTS.least),
  most: digestOf(CONTENTS.most),
  none: 'nothing',
  more: 'nothing',
  twice: 'nothing',
  again: 'nothing',
  link: undefined,
  directory: undefined,
  fifo: undefined,
};

describe.skipIf(helpers === undefined)('scanDirectoriesLater', () => {
  it('measures what is small and has one name, and leaves all else', async () => {
    const top = directoryOfAll();
    expect(await known(top)).toEqual(READ);
    const bare = Object.fromEntries(Object.keys(READ).map((name) => [name, undefined]));
    expect(await known(top, { algorithm: 0 })).toEqual(bare);
    const { least } = await filesIn(top);
    expect(least).toMatchObject({ outcome: left, stamp: stampOf(fromUtf8(`${top}/least`)) });
  });

  it('gives the records of several as of one, and ends at the first that is none', async () => {
    const [one, two] = [directoryOfAll(), directoryOfAll()];
    const [all, single] = [await list([one, two]), await list([two])];
    expect(all.length).toBe(2);
    expect(all[1]).toEqual(single[0]);
    expect((await list([one, `${one}/least`, two])).length).toBe(1);
    expect(await list([`${one}/missing`, two])).toEqual([]);
    expect(await list([`${one}/link`])).toEqual([]);
    expect(await list([])).toEqual([]);
  });

  it('drops a directory that does not fit, not those before it', async () => {
    const [one, two] = [freshDirectory(), directoryOfAll()];
    for (let limit = 100; limit < 3000; limit += 100) {
      const listings = await list([one, two], { limit });
      expect(listings.length).toBeLessThan(3);
      if (listings.length > 0) expect(listings[0]).toMatchObject({ children: [] });
    }
  });

  it('stores what it measures', async () => {
    const [top, store] = [directoryOfAll(), freshDirectory()];
    const outcomes = async (options = {}): Promise<unknown> => {
      const { inline, least, most, more } = await filesIn(top, { store: raw(store), ...options });
      return [inline, least, most, more].map((file) => file?.outcome);
    };
    expect(await outcomes()).toEqual([left, written, written, left]);
    const objects = readdirSync(store, { recursive: true }).filter((name) => name.length > 2);
    expect(objects.sort()).toEqual(
      [READ.least, READ.most].map((digest) => `${digest.slice(0, 2)}/${digest.slice(2)}`).sort(),
    );
    expect(readFileSync(join(store, READ.most.slice(0, 2), READ.most.slice(2)), 'utf8')).toBe(CONTENTS.most);
    expect(await outcomes()).toEqual([left, present, present, left]);
    // What is worth being shared is left, and so not measured here.
    expect(await known(top, { store: raw(store), flags: SCAN_CLONES })).toEqual({ ...READ, most: 'nothing' });
    const packed = helpers.scanDirectoriesLater(zeroEnded(top), 0, LIMIT, SHA256, raw('/none'));
    expect(await packed).toBe(ENOENT);
  });

  it.skipIf(process.getuid?.() !== 0)('lists what may not be opened', async () => {
    const top = freshDirectory();
    writeFileSync(`${top}/secret`, 's'.repeat(100));
    chmodSync(`${top}/secret`, 0);
    process.seteuid?.(65534);
    try {
      // Threads of the pool that run already keep the user they had; either way the file is told of.
      expect(Object.keys(await known(top))).toEqual(['secret']);
    } finally {
      process.seteuid?.(0);
    }
  });

  it('throws on arguments of the wrong type', () => {
    const call = (...args: unknown[]): unknown =>
      (helpers.scanDirectoriesLater as (...args: unknown[]) => unknown)(...args);
    for (const args of [
      [],
      ['/\0', 0, LIMIT, 0, NO_STORE],
      [raw('/'), 0, LIMIT, 0, NO_STORE],
      [raw('/\0'), 0, LIMIT, 3, NO_STORE],
      [raw('/\0'), 0, LIMIT, 0, undefined],
      [raw('/\0'), 0, LIMIT, 0, raw('a\0b')],
      [raw('/\0'), 'x', LIMIT, 0, NO_STORE],
    ])
      expect(() => call(...args)).toThrow(TypeError);
  });
});

describe.skipIf(helpers === undefined)('storeFilesLater', () => {
  const SIZES = { small: 5000, shared: 20_000, held: 200_000, large: (4 << 20) + 12_345 };

  async function store(
    directory: string,
    paths: string[],
    stamps: string[],
    flags = 0,
  ): Promise<{ count: number; outcomes: number[]; digests: string[] }> {
    const digests = Buffer.alloc(32 * paths.length);
    const outcomes = new Uint8Array(paths.length).fill(9);
    const stampBytes = raw(stamps.join(''));
    const args = [raw(directory), zeroEnded(...paths), stampBytes, flags, SHA256, digests, outcomes] as const;
    const count = await helpers.storeFilesLater(...args);
    const hex = paths.map((_, index) => digests.toString('hex', 32 * index, 32 * index + 32));
    return { count, outcomes: [...outcomes], digests: hex.slice(0, Math.max(0, count)) };
  }

  function files(): { top: string; paths: string[]; stamps: string[]; digests: string[] } {
    const top = freshDirectory();
    const contents = Object.entries(SIZES).map(([name, size]) => Buffer.alloc(size, name));
    const paths = Object.keys(SIZES).map((name) => `${top}/${name}`);
    for (const [index, path] of paths.entries()) {
      writeFileSync(path, contents[index] as Buffer);
      utimesSync(path, 1, 1);
    }
    return {
      top,
      paths,
      stamps: paths.map((path) => stampOf(fromUtf8(path))),
      digests: contents.map(digestOf),
    };
  }

  it.each([0, STORE_CLONES])('stores files of any size, once: flags %d', async (flags) => {
    const { paths, stamps, digests } = files();
    const directory = freshDirectory();
    const all = (outcome: number): unknown => ({ count: 4, outcomes: paths.map(() => outcome), digests });
    expect(await store(directory, paths, stamps, flags)).toEqual(all(written));
    expect(await store(directory, paths, stamps, flags)).toEqual(all(present));
    for (const [index, digest] of digests.entries()) {
      const object = join(directory, digest.slice(0, 2), digest.slice(2));
      expect(readFileSync(object).equals(readFileSync(paths[index] as string))).toBe(true);
      expect(statSync(object).mode & 0o7777).toBe(0o644 & ~process.umask());
    }
  });

  it('measures what it cannot write', async () => {
    const { paths, stamps, digests } = files();
    const directory = freshDirectory();
    for (const digest of digests) writeFileSync(join(directory, digest.slice(0, 2)), 'in the way');
    const result = { count: 4, outcomes: [left, left, left, left], digests };
    expect(await store(directory, paths, stamps)).toEqual(result);
    expect((await store(`${directory}/none`, paths, stamps)).count).toBe(ENOENT);
  });

  it('replaces nothing', async () => {
    const { paths, stamps, digests } = files();
    const directory = freshDirectory();
    for (const digest of digests) {
      mkdirSync(join(directory, digest.slice(0, 2)));
      writeFileSync(join(directory, digest.slice(0, 2), digest.slice(2)), 'remains');
    }
    expect((await store(directory, paths, stamps)).outcomes).toEqual([left, left, left, left]);
    for (const digest of digests)
      expect(readFileSync(join(directory, digest.slice(0, 2), digest.slice(2)), 'utf8')).toBe('remains');
  });

  const CHANGES: Record<string, (file: string) => void> = {
    vanished: (file) => rmSync(file),
    'was truncated': (file) => writeFileSync(file, 'short'),
    grew: (file) => writeFileSync(file, 'x', { flag: 'a' }),
    'was written in place, its time kept': (file) => {
      writeFileSync(file, Buffer.alloc(statSync(file).size, 'other'));
      utimesSync(file, 1, 1);
    },
    'was replaced by one of the same size and time': replaceAlike,
    'became a link': turnIntoLink,
    'became a pipe': turnIntoPipe,
    'became a directory': (file) => {
      rmSync(file);
      mkdirSync(file);
    },
  };

  it.each(Object.entries(CHANGES))('stops at a file that %s', async (_, change) => {
    for (const index of [0, 2, 3]) {
      const { paths, stamps, digests } = files();
      // Old kernels count the times of files in ticks of the clock.
      await setTimeout(25);
      change(paths[index] as string);
      const directory = freshDirectory();
      const { count, outcomes } = await store(directory, paths, stamps);
      expect(count).toBe(index);
      expect(outcomes).toEqual(paths.map((_, at) => (at < index ? written : 9)));
      const objects = readdirSync(directory, { recursive: true }).filter((name) => name.length > 2);
      expect(objects.length).toBe(index);
      expect(objects.every((name) => digests.includes(String(name).replace('/', '')))).toBe(true);
    }
  });

  it('throws on arguments of the wrong type, and without space', () => {
    const { paths, stamps } = files();
    const good: unknown[] = [
      raw('/tmp'),
      zeroEnded(...paths),
      raw(stamps.join('')),
      0,
      SHA256,
      Buffer.alloc(128),
      new Uint8Array(4),
    ];
    const bad: [number, unknown][] = [
      [0, '/tmp'],
      [0, raw('a\0b')],
      [1, raw('/none')],
      [2, raw(stamps.slice(1).join(''))],
      [3, 'x'],
      [4, 3],
      [5, Buffer.alloc(127)],
      [6, new Uint8Array(3)],
    ];
    for (const [index, value] of bad) {
      const args = good.with(index, value);
      expect(() => (helpers.storeFilesLater as (...args: unknown[]) => unknown)(...args)).toThrow(TypeError);
    }
  });
});
