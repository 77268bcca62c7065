/** Trees that are no images, in repositories of images. */
import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { build } from '../../../src/ops/build/build.ts';
import { digest } from '../../../src/ops/hosts/digest.ts';
import { mkfs } from '../../../src/ops/look/mkfs.ts';
import { emit } from '../../../src/ops/repository/emit.ts';
import { repoFsck } from '../../../src/ops/repository/repo-fsck.ts';
import { canReadAttributes } from '../../support/attributes.ts';
import { memoryDirectory } from '../../support/memory-directory.ts';
import { linksBelow, namesIn } from '../../support/repository.ts';
import { freshDirectory, holdsAttributes, removeDirectories, setAttribute } from '../io/rootfs-fixture.ts';

const top = memoryDirectory();
const at = (name: string): string => join(top, name);
afterAll(removeDirectories);

beforeAll(() => {
  mkdirSync(at('tree/usr'), { recursive: true });
  writeFileSync(at('tree/usr/large'), 'content '.repeat(1000));
  writeFileSync(at('tree/usr/small'), 'small');
  for (const path of ['tree/usr/large', 'tree/usr/small', 'tree/usr', 'tree'])
    utimesSync(at(path), 1_700_000_000, 1_700_000_000);
});

describe.skipIf(!canReadAttributes)('a directory', () => {
  it('is emitted as the image that build makes of it, and leaves nothing beside the repository', async () => {
    const source = `rootfs:${at('tree')}`;
    const emitted = await emit(source, { repository: at('repository'), verity: 'none', jobs: 1 });
    expect(emitted).toMatchObject({ source, tag: 'latest', created: true });
    expect(readdirSync(top).sort()).toEqual(['repository', 'tree']);
    expect((await repoFsck(at('repository'), { jobs: 1 })).findings).toEqual([]);

    const built = await build(source, {
      destination: `oci:${at('built')}:latest`,
      compression: 'none',
      jobs: 1,
    });
    expect(emitted.manifest).toBe(built.manifest.digest);
    expect(emitted.images[0]?.digest).toBe((await digest(source, { profile: 'bootc' })).container);
    await emit(`oci:${at('built')}:latest`, { repository: at('again'), verity: 'none', jobs: 1 });
    expect(linksBelow(at('again'))).toEqual(linksBelow(at('repository')));
  });

  it('goes under the tag that is asked for', async () => {
    await emit(`rootfs:${at('tree')}`, { repository: at('repository'), tag: 'tree', jobs: 1 });
    expect(namesIn(join(at('repository'), 'streams/refs/oci'))).toEqual(['latest', 'tree']);
  });
});

describe.skipIf(!holdsAttributes())('a directory with attributes', () => {
  it('is emitted with them, or without where that is asked for', async () => {
    const path = freshDirectory();
    mkdirSync(join(path, 'usr'));
    writeFileSync(join(path, 'usr/file'), 'content');
    setAttribute(join(path, 'usr/file'), 'user.kept', '31');
    const source = `rootfs:${path}`;
    const digests: unknown[] = [];
    for (const xattrs of ['all', 'skip'] as const) {
      const options = { repository: at(xattrs), verity: 'none', jobs: 1, xattrs } as const;
      const { manifest } = await emit(source, options);
      const destination = `oci:${at(`built-${xattrs}`)}:latest`;
      const built = await build(source, { destination, compression: 'none', jobs: 1, xattrs });
      expect(manifest).toBe(built.manifest.digest);
      digests.push(manifest);
    }
    expect(new Set(digests).size).toBe(2);
  });
});

describe.skipIf(!canReadAttributes)('an EROFS image and a dumpfile', () => {
  it('are refused, with what to do', async () => {
    await mkfs(`rootfs:${at('tree')}`, at('image'));
    writeFileSync(at('dump'), '/ 0 40755 2 0 0 0 0.0 - - -\n');
    const refusal = (source: string) => emit(source, { repository: at('none') }).catch((error) => error);
    expect(await refusal(at('image'))).toMatchObject({
      code: 'IMAGE_UNSUPPORTED',
      message: 'an EROFS image does not have the contents of its files',
      detail: { hint: 'emit the image, tar or directory that it was made of' },
    });
    expect(await refusal(`dump:${at('dump')}`)).toMatchObject({
      code: 'IMAGE_UNSUPPORTED',
      message: 'a dumpfile does not have the contents of its files',
    });
    expect(namesIn(at('none'))).toEqual([]);
  });
});

describe.skipIf(!canReadAttributes)('a file where a repository should be', () => {
  it('is an error of this machine, not a defect', async () => {
    writeFileSync(at('file'), '');
    const wanted = { code: 'SYSCALL_FAILED', message: 'looking for a repository: ENOTDIR' };
    await expect(emit(`rootfs:${at('tree')}`, { repository: at('file') })).rejects.toMatchObject(wanted);
    await expect(repoFsck(at('file'))).rejects.toMatchObject(wanted);
  });
});
