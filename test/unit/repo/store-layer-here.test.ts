/** A layer that the C helpers store on other threads is, file by file and count by count, what one thread stores by itself. */
import { mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { HashAlgorithm } from '../../../src/bytes/digest.ts';
import { compress } from '../../../src/compress/compress.ts';
import type { CompressionKind } from '../../../src/compress/kind.ts';
import { isPlanishError } from '../../../src/errors.ts';
import { computeVerityDigest } from '../../../src/fsverity/digest.ts';
import type { IngestRequest } from '../../../src/layer/ingest.ts';
import { nativeHelpers } from '../../../src/native/load.ts';
import { objectPath } from '../../../src/repo/names.ts';
import { type ObjectTarget, ObjectWriter } from '../../../src/repo/object-writer.ts';
import { type StoredLayer, storeLayer } from '../../../src/repo/store-layer.ts';
import { storeLayerHere } from '../../../src/repo/store-layer-here.ts';
import { canStoreWindows, type WindowHelpers } from '../../../src/repo/window-store.ts';
import { memoryDirectory } from '../../support/memory-directory.ts';
import { gather, pieces, sample } from '../compress/streams.ts';
import { archive, padded, rawHeader } from '../tar/support.ts';

const helpers = nativeHelpers();
const canStore = helpers !== undefined && canStoreWindows(helpers);
if (!canStore) process.stderr.write('SKIPPED: storing by the native helpers: they cannot be used here\n');

const directory = memoryDirectory();
let serial = 0;

function target(algorithm: HashAlgorithm): ObjectTarget {
  const root = join(directory, String(serial++));
  const [objects, staging] = [join(root, 'objects'), join(root, 'staging')];
  mkdirSync(objects, { recursive: true });
  mkdirSync(staging);
  return { directory: objects, staging, algorithm, verity: 'none' };
}

const WINDOW = 4 * 1024 * 1024;
const HEADER = 512;
const BLOCK = 4096;

/** Contents that end with a window, begin in one and end in the next, fill one, and are larger than one; one is there twice. */
const SIZES = [
  0,
  64,
  65,
  BLOCK,
  WINDOW - 9 * BLOCK,
  100,
  3 * 1024 * 1024,
  WINDOW,
  WINDOW + 1,
  7,
  2 * WINDOW + 3 * BLOCK,
  9_000_017,
  500_000,
  65,
];
const CONTENTS = SIZES.map((size, index) => sample(size, size === 65 ? 1 : index + 1));
const TAR = archive(
  ...CONTENTS.flatMap((content, index) => [
    rawHeader({ name: `f${index}`, size: content.length }),
    padded(content.toString('latin1')),
  ]),
);

function request(algorithm: HashAlgorithm): IngestRequest {
  const unknown = { digest: undefined, size: undefined, diffId: undefined, claimed: undefined };
  return { enforce: true, ...unknown, ordinal: 3, source: 3, algorithm, globalHeaders: 'ignore' };
}

async function blobOf(tar: Uint8Array, kind: CompressionKind): Promise<Buffer> {
  return kind === 'none'
    ? Buffer.from(tar)
    : await gather(compress(pieces(tar, 1 << 20), { kind, level: 1 }));
}

/** Stores by the helpers; `pause` as in a session. */
async function storeHere(
  blob: Uint8Array,
  to: ObjectTarget,
  pause?: () => Promise<void>,
): Promise<StoredLayer> {
  const objects = new ObjectWriter(to);
  expect(objects.allowsOthers).toBe(true);
  const place = { target: to, objects, helpers: helpers as WindowHelpers };
  return await storeLayerHere(pieces(blob, 300_000), request(to.algorithm), place, { pause });
}

/** What of an error is told. */
async function failure(failing: Promise<unknown>): Promise<object> {
  const error = await failing.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isPlanishError(error)) throw error;
  return { code: error.code, message: error.message, ...error.detail };
}

/** Every file below a directory, with its mode and bytes. */
function filesBelow(root: string): Map<string, string> {
  const names = readdirSync(root, { recursive: true }).map(String).sort();
  const files = names.filter((name) => statSync(join(root, name)).isFile());
  return new Map(
    files.map((name) => {
      const path = join(root, name);
      return [name, `${statSync(path).mode} ${readFileSync(path).toString('base64')}`];
    }),
  );
}

function openedBelow(root: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((name) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${name}`);
      return path.startsWith(root) ? [path] : [];
    } catch {
      return [];
    }
  });
}

describe.skipIf(!canStore)('storing a layer by the helpers', () => {
  it.each([
    ['sha512', 'none'],
    ['sha512', 'zstd'],
    ['sha256', 'none'],
    ['sha256', 'gzip'],
  ] as const)('is as storing it by itself: %s, %s', async (algorithm, kind) => {
    const blob = await blobOf(TAR, kind);
    const [here, there] = [target(algorithm), target(algorithm)];
    const stored = await storeHere(blob, here);
    const expected = await storeLayer(pieces(blob, 300_000), request(algorithm), there);
    expect(stored).toEqual(expected);
    expect(stored.counts.added).toBe(new Set(SIZES.filter((size) => size > 64)).size + 1);
    expect(filesBelow(here.directory)).toEqual(filesBelow(there.directory));
    expect(readdirSync(here.staging)).toEqual([]);
    expect(openedBelow(dirname(here.directory))).toEqual([]);
    // Again: all is there.
    const again = await storeHere(blob, here);
    expect({ ...again, counts: undefined }).toEqual({ ...expected, counts: undefined });
    expect(again.counts).toEqual({
      added: 0,
      addedBytes: 0,
      present: expected.counts.added,
      presentBytes: expected.counts.addedBytes,
    });
  });

  it('writes again what has another size', async () => {
    const to = target('sha256');
    const damaged = [CONTENTS[6], CONTENTS[10]].map((content) => {
      const path = join(to.directory, objectPath(computeVerityDigest(content as Buffer, 'sha256')));
      mkdirSync(dirname(path));
      writeFileSync(path, 'remains');
      return path;
    });
    await storeHere(TAR, to);
    expect(damaged.map((path) => statSync(path).size)).toEqual([SIZES[6], SIZES[10]]);
  });

  it.each([
    ['in a header', HEADER / 2],
    ['in a content of one window', TAR.indexOf(CONTENTS[6] as Buffer) + 1000],
    ['in a content of several', TAR.indexOf(CONTENTS[10] as Buffer) + WINDOW + 1000],
  ])('leaves nothing open where the tar ends %s', async (_, length) => {
    const to = target('sha512');
    const cut = TAR.subarray(0, length);
    const failed = await failure(storeHere(cut, to));
    expect(failed).toEqual(
      await failure(storeLayer(pieces(cut, 300_000), request('sha512'), target('sha512'))),
    );
    expect(failed).toMatchObject({ code: 'TAR_TRUNCATED', offset: length });
    expect(readdirSync(to.staging)).toEqual([]);
    expect(openedBelow(dirname(to.directory))).toEqual([]);
  });

  it('ends where its session does, and leaves nothing open', async () => {
    const to = target('sha512');
    let windows = 0;
    const pause = async (): Promise<void> => {
      windows += 1;
      if (windows === 7) throw new Error('interrupted');
    };
    await expect(storeHere(TAR, to, pause)).rejects.toThrow('interrupted');
    expect(windows).toBe(7);
    expect(openedBelow(dirname(to.directory))).toEqual([]);
  });

  it('says what is wrong with a directory that is not there', async () => {
    const to = target('sha512');
    const objects = new ObjectWriter(to);
    const gone = {
      target: { ...to, directory: `${to.directory}/none` },
      objects,
      helpers: helpers as WindowHelpers,
    };
    const stored = await storeLayerHere(pieces(TAR, 300_000), request('sha512'), gone);
    // What the helpers leave is written step by step, by whom it can be.
    expect(stored.counts.added).toBe(filesBelow(to.directory).size);
  });
});
