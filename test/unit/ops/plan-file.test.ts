/** `build --plan-file`: the plan in the tree, and what becomes of it where all else is lost. */
import { describe, expect, test } from 'vitest';
import { cat } from '../../../src/ops/look/cat.ts';
import { inspect } from '../../../src/ops/look/inspect.ts';
import { ls } from '../../../src/ops/look/ls.ts';
import { verify } from '../../../src/ops/verify/verify.ts';
import { makeLayout } from '../../support/layout-maker.ts';
import { buildPlain, type Files, plainTar, scratchPath } from '../../support/plain-images.ts';

const PATH = '/usr/lib/layers.plan';
const FILES: Files = {
  'etc/ld.so.cache': 'cache',
  'opt/a/data': 'a'.repeat(3000),
  'opt/b/data': 'b'.repeat(2000),
  'opt/c/data': 'c'.repeat(4000),
  'usr/lib/x': 'x',
};
/** Day of the files' time. */
const TODAY = 19675;

async function planOf(reference: string): Promise<string> {
  const pieces: Uint8Array[] = [];
  await cat(reference, PATH, (piece) => pieces.push(piece));
  return Buffer.concat(pieces).toString('latin1');
}

async function textsOf(reference: string): Promise<string[]> {
  const { layers } = await inspect(reference);
  return layers.map(({ annotations }) => annotations['org.planish.components'] ?? '');
}

async function expectVerified(reference: string): Promise<void> {
  const { checks } = await verify(reference, { jobs: 1 });
  expect(checks.filter(({ outcome }) => outcome !== 'match')).toEqual([]);
}

describe('build --plan-file', () => {
  test('writes what the layers say of themselves, but for the bytes of their tars', async () => {
    const built = await buildPlain(plainTar(FILES), {
      planFile: PATH,
      maxLayers: 3,
      created: '2026-01-02T03:04:05Z',
    });
    const plan = await planOf(built.reference);
    const texts = await textsOf(built.reference);
    expect(plan).toBe(texts.map((text) => `${text.replace(/ tar=\d+/, '')}\n`).join(''));
    expect(built.layers.at(-1)?.components).toContain('@plan');
    expect(texts.at(-1)).toMatch(/@plan:8000000:\d+:[ ;]/);
    const { entries } = await ls(built.reference, { path: '/usr/lib' });
    const entry = entries.find(({ path }) => path === PATH);
    expect(entry).toMatchObject({
      mode: 0o644,
      uid: 0,
      gid: 0,
      mtime: { sec: Date.UTC(2026, 0, 2, 3, 4, 5) / 1000 },
    });
    await expectVerified(built.reference);
  });

  test('leaves all other layers as they are without it, and the same image when built again', async () => {
    const plain = await buildPlain(plainTar(FILES));
    const first = await buildPlain(plainTar(FILES), { planFile: PATH });
    const digests = new Set(first.layers.map(({ digest }) => digest));
    expect(plain.layers.filter(({ digest }) => !digests.has(digest))).toEqual([]);
    expect(first.layers).toHaveLength(plain.layers.length + 1);
    const again = await buildPlain(plainTar(FILES), { planFile: PATH, previous: first.reference });
    expect(again.manifest).toEqual(first.manifest);
    expect(again.update).toMatchObject({ layers: 0, size: 0 });
  });

  test('does not make the image look newer than it is', async () => {
    const options = { planFile: PATH, created: '2036-01-01T00:00:00Z' };
    const { reference } = await buildPlain(plainTar(FILES), options);
    expect((await textsOf(reference))[0]).toContain(` today=${TODAY};`);
  });

  test.each([
    ['/usr/lib', 'something else is there'],
    ['/var/lib/plan', 'its directory is not there'],
    ['/usr/lib/x/plan', 'its directory is not there'],
  ])('refuses %s: %s', async (planFile, why) => {
    await expect(buildPlain(plainTar(FILES), { planFile })).rejects.toMatchObject({
      code: 'BAD_OPTION',
      message: `the tree has no place for the plan file: ${why}`,
    });
  });

  test.each(['', '/', '../plan', 'usr/lib/', '/usr/.wh.plan', '/usr/\0'])(
    'refuses the path %j',
    async (planFile) => {
      await expect(buildPlain(plainTar(FILES), { planFile })).rejects.toMatchObject({
        code: 'BAD_OPTION',
        message: 'plan-file must be the path of a file in the tree',
      });
    },
  );
});

describe('build --previous --plan-file of an image that lost its annotations', () => {
  /** An image as tools leave it: one layer that holds a plan, one that has changed since. */
  const bare = async (plan: string): Promise<string> => {
    const old = { ...FILES, 'opt/a/data': 'A', 'usr/lib/layers.plan': plan };
    return (await makeLayout(scratchPath('bare'), [{ tar: plainTar(old), compression: 'zstd' }])).reference;
  };
  const PLAN = [
    '3;2;rest/opt/a:2000:3000: rest/opt/c:2000:4000:;verity=sha512 regret=100;',
    `3;2;rest/opt/b:2000:2000: rest/usr:2000:10:;verity=sha512 regret=100 today=${TODAY};`,
    '3;2;@db:8000000:1000: @plan:8000000:1000:;;',
    '',
  ].join('\n');

  test('goes on from the file', async () => {
    const warnings: string[] = [];
    const next = await buildPlain(plainTar(FILES), {
      planFile: PATH,
      previous: await bare(PLAN),
      onWarning: ({ code }) => warnings.push(code),
    });
    expect((await textsOf(next.reference))[0]).toContain(` regret=100 today=${TODAY};`);
    expect(warnings.filter((code) => code === 'PREVIOUS_IGNORED')).toEqual([]);
    await expectVerified(next.reference);
  });

  test.each([
    ['empty', ''],
    ['cut', PLAN.slice(0, -20)],
    ['no plan', 'hello\n'],
    ['of too many layers', '\n'.repeat(1001)],
    ['binary', '\0\xff\n'],
  ])('goes on without a file that is %s, and says so', async (_, plan) => {
    const warnings: string[] = [];
    const next = await buildPlain(plainTar(FILES), {
      planFile: PATH,
      previous: await bare(plan),
      onWarning: ({ code }) => warnings.push(code),
    });
    expect(warnings.filter((code) => code === 'PREVIOUS_IGNORED')).toEqual(['PREVIOUS_IGNORED']);
    expect((await textsOf(next.reference))[0]).toContain(' regret=0 ');
    await expectVerified(next.reference);
  });

  test('believes nothing of a file that lies about what has changed', async () => {
    const digest = 'A'.repeat(32);
    const lie = PLAN.replace('rest/opt/a:2000:3000:', `rest/opt/a:2000:3000:${digest}`).replace(
      'rest/opt/c',
      'rest/nowhere',
    );
    const next = await buildPlain(plainTar(FILES), { planFile: PATH, previous: await bare(lie) });
    expect(next.layers.some(({ carried }) => carried)).toBe(false);
    await expectVerified(next.reference);
    expect(next.digests.tree).toBe(
      (await buildPlain(plainTar(FILES), { planFile: PATH, previous: await bare(PLAN) })).digests.tree,
    );
  });
});
