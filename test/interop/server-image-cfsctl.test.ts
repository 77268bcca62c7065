/** composefs-rs pulls images into a repository of its own and computes the digest that we say it will compute. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { DEMO } from '../support/cli.ts';
import { hasTool } from '../support/composefs-tools.ts';
import { memoryDirectory } from '../support/memory-directory.ts';
import { run, runPlanishJson } from '../support/run.ts';
import { serverImage } from '../support/server-image.ts';

const SKIPPED = 'digests of whole images against cfsctl';
const cfsctl = hasTool('cfsctl', SKIPPED) && hasTool('skopeo', SKIPPED);
const directory = memoryDirectory();

/** What composefs-rs computes of a layout, in a new repository. */
async function computedByHost(layout: string, algorithm: string, format: string): Promise<string> {
  const repository = join(directory, 'repository');
  const cfs = async (...args: string[]): Promise<string> =>
    (await run('cfsctl', ['--repo', repository, ...args])).trim();
  try {
    const erofs = format.slice(1);
    await cfs('init', '--insecure', '--algorithm', `fsverity-${algorithm}-12`, '--erofs-version', erofs);
    await cfs('oci', 'pull', layout, 'image');
    return await cfs('oci', 'compute-id', 'image');
  } finally {
    rmSync(repository, { recursive: true, force: true });
  }
}

async function computedByUs(layout: string, algorithm: string, format: string): Promise<string> {
  const options = ['--profile', 'cfsctl', '--algorithm', algorithm, '--format', format];
  return (await runPlanishJson(['digest', layout, ...options])).container;
}

describe.skipIf(!cfsctl)('the demonstration image', () => {
  const source = `oci:${join(directory, 'demo')}:demo`;
  const result = `oci:${join(directory, 'demo-built')}:demo`;
  beforeAll(async () => {
    await run('skopeo', ['copy', '--quiet', '--insecure-policy', `oci-archive:${DEMO}`, source]);
    await runPlanishJson(['build', source, '-o', result]);
  });

  // Of format v0 composefs-rs 0.9 makes no images out of layers, though it makes such a repository.
  const choices = ['sha512', 'sha256'].flatMap((algorithm) =>
    ['v1', 'v2'].map((format) => [algorithm, format] as const),
  );
  test.each(choices)('has the digest of composefs-rs before and after: %s, %s', async (algorithm, format) => {
    const before = await computedByHost(source, algorithm, format);
    expect(before).toMatch(algorithm === 'sha512' ? /^[0-9a-f]{128}$/ : /^[0-9a-f]{64}$/);
    expect(await computedByUs(source, algorithm, format)).toBe(before);
    expect(await computedByHost(result, algorithm, format)).toBe(before);
    expect(await computedByUs(result, algorithm, format)).toBe(before);
  });

  test.each(['gzip', 'none'])('has it after build with --compression %s', async (compression) => {
    const other = `oci:${join(directory, `demo-${compression}`)}:demo`;
    await runPlanishJson(['build', source, '-o', other, '--compression', compression]);
    expect(await computedByHost(other, 'sha512', 'v1')).toBe(await computedByUs(source, 'sha512', 'v1'));
  });
});

const server = cfsctl ? await serverImage('digests of a server against cfsctl') : undefined;

describe.skipIf(server === undefined)('a server image', () => {
  const source = server as string;
  const result = `oci:${join(directory, 'server-built')}:server`;
  beforeAll(async () => {
    await runPlanishJson(['build', source, '-o', result]);
  });

  test.each([
    ['sha512', 'v1'],
    ['sha256', 'v2'],
  ])('has the digest of composefs-rs after build: %s, %s', async (algorithm, format) => {
    const container = await computedByHost(result, algorithm, format);
    expect(await computedByUs(result, algorithm, format)).toBe(container);
  });

  // umoci writes whiteouts for all that lay in a directory which a layer makes a symlink; OCI lets that pass.
  test('is refused as it came by composefs-rs, and so has no digest before it is built', async () => {
    const refusal = 'Directory entry "vim" is not a subdirectory';
    await expect(computedByHost(source, 'sha512', 'v1')).rejects.toThrow(refusal);
    const { container, refused } = await runPlanishJson(['digest', source]);
    expect(container).toBeUndefined();
    expect(refused.container.code).toBe('PARENT_NOT_DIRECTORY');
  });
});
