/** Previous images that say nothing of their plan: their layers are read and compared. */
import { describe, expect, test } from 'vitest';
import { verify } from '../../../src/ops/verify/verify.ts';
import { makeLayout } from '../../support/layout-maker.ts';
import { buildPlain, plainTar, scratchPath } from '../../support/plain-images.ts';
import { symlink } from '../../support/tar-maker.ts';
import { archive } from '../tar/support.ts';

const A = { 'opt/a/data': 'a'.repeat(3000) };
const B = { 'opt/b/data': 'b'.repeat(2000) };
const ETC = { 'etc/conf': 'conf', 'etc/more': 'more' };
const ALL = { ...A, ...B, ...ETC };

async function foreign(...tars: Buffer[]): Promise<{ reference: string; digests: string[] }> {
  const { reference, layers } = await makeLayout(
    scratchPath('foreign'),
    tars.map((tar) => ({ tar, compression: 'zstd' })),
  );
  return { reference, digests: layers.map(({ digest }) => digest) };
}

async function expectVerified(reference: string): Promise<void> {
  const { checks } = await verify(reference, { jobs: 1 });
  expect(checks.filter(({ outcome }) => outcome !== 'match')).toEqual([]);
}

describe('build --previous of an image without a plan', () => {
  test('keeps layers of whole components, and remembers them', async () => {
    const previous = await foreign(plainTar({ ...A, ...ETC }), plainTar(B));
    const next = await buildPlain(plainTar({ ...ALL, 'srv/new': 'new' }), { previous: previous.reference });
    expect(next.layers.map(({ components, carried }) => [components.join(' '), carried])).toEqual([
      ['rest/etc rest/opt/a', true],
      ['rest/opt/b', true],
      ['rest/srv', false],
    ]);
    expect(next.layers.slice(0, 2).map(({ digest }) => digest)).toEqual(previous.digests);
    await expectVerified(next.reference);
    const again = await buildPlain(plainTar({ ...ALL, 'srv/new': 'new' }), { previous: next.reference });
    expect(again.layers.map(({ digest }) => digest)).toEqual(next.layers.map(({ digest }) => digest));
  });

  test('keeps layers of parts of components as well', async () => {
    const { 'etc/more': more, ...conf } = ETC;
    const previous = await foreign(plainTar({ ...A, ...conf }), plainTar({ ...B, 'etc/more': more }));
    const changed = { ...ALL, 'opt/c/data': 'c' };
    const next = await buildPlain(plainTar(changed), { previous: previous.reference });
    expect(next.layers.map(({ components, carried }) => [components.join(' '), carried])).toEqual([
      ['', true],
      ['', true],
      ['rest/opt/c', false],
    ]);
    await expectVerified(next.reference);
    expect(next.digests).toEqual((await buildPlain(plainTar(changed))).digests);
    const again = await buildPlain(plainTar(changed), { previous: next.reference });
    expect(again.layers.map(({ digest }) => digest)).toEqual(next.layers.map(({ digest }) => digest));
  });

  test('does not keep layers that hold anything else', async () => {
    const gone = plainTar({ ...A, 'opt/a/gone': 'gone' });
    const whiteout = plainTar({ ...B, 'opt/b/.wh.x': '' });
    const other = plainTar({ 'etc/conf': 'conf', 'etc/more': 'MORE' });
    const previous = await foreign(gone, whiteout, other);
    const next = await buildPlain(plainTar(ALL), { previous: previous.reference });
    expect(next.layers.map(({ carried }) => carried)).toEqual([false, false, false]);
    await expectVerified(next.reference);
  });

  test('puts right what layers have wrong or not at all: directories, the root', async () => {
    const bare = archive(symlink('etc', 'usr/etc'));
    const previous = await foreign(bare, plainTar(B, { 'opt/': 1_600_000_000 }));
    const tree = { ...B, 'usr/x': 'x' };
    const tar = Buffer.concat([plainTar(tree).subarray(0, -1024), archive(symlink('etc', 'usr/etc'))]);
    const next = await buildPlain(tar, { previous: previous.reference });
    expect(next.layers.map(({ components, carried }) => [components.join(' '), carried])).toEqual([
      ['rest', true],
      ['rest/opt/b', true],
      ['rest/usr', false],
      ['', false],
    ]);
    await expectVerified(next.reference);
    expect(next.digests).toEqual((await buildPlain(tar)).digests);
  });

  test('of another algorithm compares contents', async () => {
    const first = await buildPlain(plainTar(ALL), { algorithm: 'sha512' });
    const next = await buildPlain(plainTar({ ...ALL, 'opt/a/data': 'A' }), {
      previous: first.reference,
      algorithm: 'sha256',
    });
    expect(next.update?.layers).toBe(1);
    await expectVerified(next.reference);
  });
});
