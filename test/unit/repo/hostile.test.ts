/** Damage in a repository: found, named, and survived. */
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { loadZstd } from '../../../src/compress/zstd-load.ts';
import { ERROR_TABLE, PlanishError } from '../../../src/errors.ts';
import { computeVerityDigest } from '../../../src/fsverity/digest.ts';
import { emit } from '../../../src/ops/repository/emit.ts';
import { repoCat } from '../../../src/ops/repository/repo-cat.ts';
import { repoExport } from '../../../src/ops/repository/repo-export.ts';
import { repoFsck } from '../../../src/ops/repository/repo-fsck.ts';
import { repoGc } from '../../../src/ops/repository/repo-gc.ts';
import { repoList } from '../../../src/ops/repository/repo-ls.ts';
import { checkRepository, type FolderToMeasure } from '../../../src/repo/check.ts';
import { type CheckLayerRequest, checkLayer } from '../../../src/repo/check-streams.ts';
import type { Finding } from '../../../src/repo/finding.ts';
import { type MeasuredFolder, measureObjects } from '../../../src/repo/measure-objects.ts';
import { Repository } from '../../../src/repo/repository.ts';
import { SplitstreamWriter } from '../../../src/splitstream/writer.ts';
import { memoryDirectory } from '../../support/memory-directory.ts';
import { Random } from '../../support/random-dump.ts';
import { linksBelow } from '../../support/repository.ts';
import {
  addObject,
  CONTENTS,
  copyRepository,
  editStream,
  entryDigest,
  objectFile,
  overwrite,
  pointEntry,
  relink,
  smallLayers,
  smallRepository,
} from '../../support/small-repository.ts';

const directory = memoryDirectory();
const zstd = await loadZstd();
let made: Awaited<ReturnType<typeof smallRepository>>;
beforeAll(async () => {
  made = await smallRepository(directory);
});

const digestOf = (path: string): string => computeVerityDigest(CONTENTS[path] as Buffer, 'sha512');
const layerEntry = (ordinal: number): string => `streams/oci-layer-${made.result.layers[ordinal]?.diffId}`;
const manifestEntry = (): string => `streams/oci-manifest-${made.result.manifest}`;
const configEntry = (): string => `streams/oci-config-${made.result.config}`;
const imageEntry = (): string => `images/${made.result.images[0]?.digest}`;
const TAG = 'streams/refs/oci/small';

/** Layer 0 with a content kept where hosts do not look for it. */
function inlinedLayer(): Uint8Array {
  const writer = new SplitstreamWriter({
    algorithm: 'sha512',
    contentType: 'ocilayer',
    openCompressor: () => zstd.openCompressor(3),
  });
  writer.addInline(smallLayers()[0] as Buffer);
  return writer.finish();
}

/** A stream of 64 MiB of zeros that claims a hundred bytes. */
function bomb(): Uint8Array {
  const writer = new SplitstreamWriter({
    algorithm: 'sha512',
    contentType: 'ocilayer',
    openCompressor: () => zstd.openCompressor(3),
  });
  writer.addInline(Buffer.alloc(64 * 1024 * 1024));
  const file = Buffer.from(writer.finish());
  file.writeBigUInt64LE(100n, 104);
  return file;
}

interface Damage {
  readonly what: string;
  readonly problems: readonly string[];
  /** Whether the tag is told to be affected. */
  readonly affects: boolean;
  readonly do: (repository: string) => void;
}

const flip = (bytes: Buffer): Buffer => {
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 4;
  return bytes;
};

const DAMAGES: readonly Damage[] = [
  {
    what: 'a flipped bit in a content',
    problems: ['object-digest', 'object-missing'],
    affects: true,
    do: (to) => overwrite(objectFile(to, digestOf('usr/two')), flip),
  },
  {
    what: 'a content cut short',
    problems: ['object-digest', 'object-missing'],
    affects: true,
    do: (to) => overwrite(objectFile(to, digestOf('usr/two')), (bytes) => bytes.subarray(0, 5000)),
  },
  {
    what: 'a content that is gone',
    problems: ['object-missing'],
    affects: true,
    do: (to) => rmSync(objectFile(to, digestOf('usr/three'))),
  },
  {
    what: 'a link in the place of a content',
    problems: ['object-kind', 'object-missing'],
    affects: true,
    do: (to) => relink(to, objectFile(to, digestOf('usr/one')).slice(to.length + 1), '/etc/passwd'),
  },
  {
    what: 'a directory in the place of a content',
    problems: ['object-kind', 'object-missing'],
    affects: true,
    do: (to) => {
      rmSync(objectFile(to, digestOf('usr/one')));
      mkdirSync(objectFile(to, digestOf('usr/one')));
    },
  },
  {
    what: 'a name that is no digest',
    problems: ['object-name'],
    affects: false,
    do: (to) => writeFileSync(join(to, 'objects', digestOf('usr/one').slice(0, 2), 'XYZ'), ''),
  },
  {
    what: 'a name of another length',
    problems: ['object-name'],
    affects: false,
    do: (to) => writeFileSync(join(to, 'objects', digestOf('usr/one').slice(0, 2), 'ab'.repeat(31)), ''),
  },
  {
    what: 'a folder of objects that leads elsewhere',
    problems: ['object-kind', 'object-missing'],
    affects: true,
    do: (to) => {
      const folder = `objects/${digestOf('usr/one').slice(0, 2)}`;
      cpSync(join(to, folder), join(to, 'elsewhere'), { recursive: true });
      relink(to, folder, '../elsewhere');
    },
  },
  {
    what: 'a flipped bit in a splitstream',
    problems: ['object-digest', 'entry-dangling', 'object-missing'],
    affects: true,
    do: (to) => overwrite(objectFile(to, entryDigest(to, layerEntry(0))), flip),
  },
  {
    what: 'a flipped bit in a manifest',
    problems: ['object-digest', 'object-missing'],
    affects: true,
    do: (to) => {
      const bytes = readFileSync(join(directory, 'layout/blobs/sha256', made.result.manifest.slice(7)));
      overwrite(objectFile(to, computeVerityDigest(bytes, 'sha512')), flip);
    },
  },
  {
    what: 'a splitstream that is none, under its right name',
    problems: ['stream-bad'],
    affects: false,
    do: (to) => editStream(to, layerEntry(0), (file) => file.subarray(0, 40)),
  },
  {
    what: 'ranges beyond the end',
    problems: ['stream-bad'],
    affects: false,
    do: (to) =>
      editStream(to, layerEntry(0), (file) => {
        file.writeBigUInt64LE(2n ** 40n, 72);
        return file;
      }),
  },
  {
    what: 'a stream that grows without end',
    problems: ['stream-bad'],
    affects: false,
    do: (to) => pointEntry(to, layerEntry(0), addObject(to, bomb())),
  },
  {
    what: 'another layer under the name of one',
    problems: ['layer-diffid'],
    affects: false,
    do: (to) => pointEntry(to, layerEntry(0), entryDigest(to, layerEntry(1))),
  },
  {
    what: 'a content kept in the stream',
    problems: ['layer-bad'],
    affects: false,
    do: (to) => pointEntry(to, layerEntry(0), addObject(to, inlinedLayer())),
  },
  {
    what: 'a config under the name of a manifest',
    problems: ['stream-kind'],
    affects: true,
    do: (to) => pointEntry(to, manifestEntry(), entryDigest(to, configEntry())),
  },
  {
    what: 'an entry that is a file',
    problems: ['entry-bad'],
    affects: false,
    do: (to) => writeFileSync(join(to, 'streams/stray'), 'x'),
  },
  {
    what: 'an entry that leads out of the repository',
    problems: ['entry-bad'],
    affects: false,
    do: (to) => relink(to, layerEntry(1), '../../../../etc/passwd'),
  },
  {
    what: 'an entry that leads to the object of another repository',
    problems: ['entry-bad'],
    affects: true,
    do: (to) => {
      const entry = manifestEntry();
      const text = readlinkSync(join(to, entry));
      relink(to, entry, `../${text}`);
    },
  },
  {
    what: 'an entry in capitals',
    problems: ['entry-bad'],
    affects: false,
    do: (to) =>
      relink(to, 'images/capital', readlinkSync(join(to, imageEntry())).replace('objects/', 'OBJECTS/')),
  },
  {
    what: 'a folder and objects named in capitals',
    problems: ['object-kind', 'object-name'],
    affects: false,
    do: (to) => {
      const digest = digestOf('usr/one');
      mkdirSync(join(to, 'objects/AB'));
      writeFileSync(join(to, 'objects', digest.slice(0, 2), digest.slice(2).toUpperCase()), 'x');
    },
  },
  {
    what: 'an entry that leads nowhere',
    problems: ['entry-dangling'],
    affects: false,
    do: (to) => pointEntry(to, 'streams/lost', 'ab'.repeat(64)),
  },
  {
    what: 'a tag that leads out of the repository',
    problems: ['ref-bad'],
    affects: false,
    do: (to) => relink(to, TAG, '../../../../etc/passwd'),
  },
  {
    what: 'a tag that leads nowhere',
    problems: ['ref-dangling'],
    affects: false,
    do: (to) => relink(to, 'streams/refs/oci/lost', '../../oci-manifest-sha256:00'),
  },
  {
    what: 'a tag that is a file',
    problems: ['ref-bad'],
    affects: false,
    do: (to) => writeFileSync(join(to, 'streams/refs/oci/file'), 'x'),
  },
  {
    what: 'an image under another name',
    problems: ['image-name'],
    affects: false,
    do: (to) => pointEntry(to, `images/${'cd'.repeat(64)}`, entryDigest(to, imageEntry())),
  },
  {
    what: 'an image that is none',
    problems: ['image-bad'],
    affects: false,
    do: (to) => {
      const digest = addObject(to, Buffer.alloc(8192));
      pointEntry(to, `images/${digest}`, digest);
    },
  },
];

/** What is found where objects are measured first and layers put together afterwards, as it is without the C helpers. */
async function findByParts(path: string): Promise<readonly Finding[]> {
  const repository = await Repository.open(path, { lock: 'shared', write: false });
  const { algorithm, secure } = repository;
  const none = (): void => undefined;
  const measure = async (folders: readonly FolderToMeasure[]): Promise<MeasuredFolder[]> => {
    const measured: MeasuredFolder[] = [];
    for (const folder of folders)
      measured.push(await measureObjects({ path, algorithm, secure, contents: true, ...folder }, none));
    return measured;
  };
  const layer = async (request: CheckLayerRequest): Promise<Finding | undefined> =>
    await checkLayer(request, none);
  try {
    const workers = { read: undefined, measure, layer };
    return (await checkRepository(repository, workers, { contents: true })).findings;
  } finally {
    repository.close();
  }
}

/** Runs a verb on what is damaged: it ends well, or with an error of ours that is no defect. */
async function survive(work: () => Promise<unknown>): Promise<string> {
  try {
    await work();
    return 'done';
  } catch (error) {
    if (!(error instanceof PlanishError)) throw error;
    expect(ERROR_TABLE[error.code][0]).not.toBe('internal');
    return error.code;
  }
}

describe('damage', () => {
  test('there is none in what emit writes', async () => {
    const { findings, counts } = await repoFsck(made.repository);
    expect(findings).toEqual([]);
    // Three contents, two documents, four streams, one image.
    expect(counts).toEqual({ objects: 10, bytes: counts.bytes, streams: 4, images: 1, refs: 1 });
  });

  test.each(DAMAGES)('$what', async ({ problems, affects, do: damage }) => {
    const repository = copyRepository(made.repository, join(directory, 'damaged'));
    damage(repository);
    const { findings } = await repoFsck(repository);
    expect([...new Set(findings.map(({ problem }) => problem))].sort()).toEqual([...problems].sort());
    expect(findings.some((finding) => finding.affects.includes('small'))).toBe(affects);
    expect(findings.map(({ affects: _, ...finding }) => finding)).toEqual(await findByParts(repository));

    const before = linksBelow(repository);
    await survive(() => repoList(repository));
    await survive(() => repoCat(repository, 'small', () => undefined));
    await survive(() => repoCat(repository, `${made.result.layers[0]?.diffId}`, () => undefined));
    await survive(() => repoGc(repository, { dryRun: true }));
    const out = `oci:${join(directory, 'exported')}:t`;
    rmSync(join(directory, 'exported'), { recursive: true, force: true });
    await survive(() => repoExport(repository, 'small', { destination: out }));
    expect(linksBelow(repository)).toEqual(before);

    await survive(() => emit(made.layout, { repository }));
    await survive(() => repoGc(repository));
    const left = await survive(async () => (await repoFsck(repository)).findings);
    expect(left).toBe('done');
  });

  // Directories are left to whoever made them.
  test.each(DAMAGES.filter(({ what }) => !/directory|folder and/.test(what)))(
    '$what is mended by taking it away and emitting again',
    async ({ problems, do: damage }) => {
      const repository = copyRepository(made.repository, join(directory, 'removed'));
      damage(repository);
      const { findings, removed } = await repoFsck(repository, { removeDamaged: true });
      expect([...new Set(findings.map(({ problem }) => problem))].sort()).toEqual([...problems].sort());
      const wrong = findings.filter(({ problem }) => problem !== 'object-missing').map(({ path }) => path);
      expect([...removed].sort()).toEqual([...new Set(wrong)].sort());
      await emit(made.layout, { repository });
      expect((await repoFsck(repository, { removeDamaged: true })).findings).toEqual([]);
      await repoGc(repository);
      expect(linksBelow(repository)).toEqual(linksBelow(made.repository));
    },
  );

  test('is left alone where nobody asks, and directories always', async () => {
    const repository = copyRepository(made.repository, join(directory, 'left'));
    const folder = objectFile(repository, digestOf('usr/one'));
    rmSync(folder);
    mkdirSync(folder);
    expect((await repoFsck(repository, { removeDamaged: true })).removed).toEqual([]);
    rmSync(folder, { recursive: true });
    overwrite(objectFile(repository, digestOf('usr/two')), flip);
    expect((await repoFsck(repository)).removed).toEqual([]);
    expect(statSync(objectFile(repository, digestOf('usr/two'))).size).toBe(9000);
  });

  test('of meta.json is told before anything is done', async () => {
    const opened = async (text: string | undefined): Promise<string> => {
      const repository = copyRepository(made.repository, join(directory, 'meta'));
      rmSync(join(repository, 'meta.json'));
      if (text !== undefined) writeFileSync(join(repository, 'meta.json'), text);
      return await survive(() => repoFsck(repository));
    };
    const original = JSON.parse(readFileSync(join(made.repository, 'meta.json'), 'utf8'));
    const changed = (fields: object): string => JSON.stringify({ ...original, ...fields });
    expect(await opened(changed({ further: 1 }))).toBe('done');
    expect(await opened(undefined)).toBe('NO_REPOSITORY');
    const huge = copyRepository(made.repository, join(directory, 'huge'));
    truncateSync(join(huge, 'meta.json'), 2 ** 30);
    for (const verb of [repoFsck, repoList, repoGc])
      expect(await survive(() => verb(huge))).toBe('LIMIT_EXCEEDED');
    expect(await survive(() => emit(made.layout, { repository: huge }))).toBe('LIMIT_EXCEEDED');
    expect(await opened('')).toBe('JSON_BAD_DOCUMENT');
    expect(await opened('[]')).toBe('JSON_BAD_DOCUMENT');
    expect(await opened(changed({ version: 2 }))).toBe('REPOSITORY_UNSUPPORTED');
    expect(await opened(changed({ algorithm: 'fsverity-sha512-16' }))).toBe('REPOSITORY_UNSUPPORTED');
    expect(await opened(changed({ erofs_formats: { default: 3 } }))).toBe('REPOSITORY_UNSUPPORTED');
    expect(await opened(changed({ features: { incompatible: ['x'] } }))).toBe('REPOSITORY_UNSUPPORTED');
    expect(await opened(changed({ features: { 'read-only-compatible': ['x'] } }))).toBe('done');
    const repository = join(directory, 'meta');
    expect(await survive(() => emit(made.layout, { repository }))).toBe('REPOSITORY_UNSUPPORTED');
    expect(await survive(() => repoGc(repository))).toBe('REPOSITORY_UNSUPPORTED');
  });

  test('at any byte is found or does no harm', async () => {
    const random = new Random(7);
    const files = readdirSync(join(made.repository, 'objects'), { recursive: true, encoding: 'utf8' })
      .map((name) => join('objects', name))
      .filter((name) => statSync(join(made.repository, name)).isFile())
      .sort();
    for (let round = 0; round < 24; round++) {
      const repository = copyRepository(made.repository, join(directory, 'flipped'));
      const file = files[random.between(0, files.length - 1)] as string;
      overwrite(join(repository, file), (bytes) => {
        const at = random.between(0, bytes.length - 1);
        bytes[at] = (bytes[at] as number) ^ (1 << random.between(0, 7));
        return bytes;
      });
      const { findings } = await repoFsck(repository);
      expect(findings.map(({ path }) => path)).toContain(byteString(file));
    }
  });

  test('where something alive is damaged, nothing is collected', async () => {
    const repository = copyRepository(made.repository, join(directory, 'refused'));
    overwrite(objectFile(repository, entryDigest(repository, layerEntry(0))), flip);
    const before = readdirSync(repository, { recursive: true, encoding: 'utf8' }).sort();
    expect(await survive(() => repoGc(repository))).toBe('VERITY_MISMATCH');
    expect(readdirSync(repository, { recursive: true, encoding: 'utf8' }).sort()).toEqual(before);
  });

  test('is mended by emitting again, where the size betrays it', async () => {
    const repository = copyRepository(made.repository, join(directory, 'mended'));
    overwrite(objectFile(repository, digestOf('usr/two')), (bytes) => bytes.subarray(0, 5000));
    const { objects, layers } = await emit(made.layout, { repository });
    expect(objects.added).toBe(1);
    expect(layers.map(({ reused }) => reused)).toEqual([false, true]);
    expect((await repoFsck(repository)).findings).toEqual([]);
  });

  test('of a stream whose document cannot be taken out is mended by emitting again', async () => {
    for (const entry of [configEntry(), manifestEntry()]) {
      const repository = copyRepository(made.repository, join(directory, 'unreadable'));
      editStream(repository, entry, (file) => {
        // A wrong magic number of the frame of chunks, whose range stands at 64.
        file[Number(file.readBigUInt64LE(64))] = 0;
        return file;
      });
      expect((await repoFsck(repository)).findings.map(({ problem, path }) => [problem, path])).toEqual([
        ['stream-bad', entry],
      ]);
      await emit(made.layout, { repository });
      expect((await repoFsck(repository)).findings).toEqual([]);
    }
  });
});
