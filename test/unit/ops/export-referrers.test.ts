/** What is attached to an image goes into a repository with it, and comes out as it was. */
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { BlobDigest } from '../../../src/bytes/digest.ts';
import { signaturesTag } from '../../../src/oci/attachments.ts';
import { type EmitResult, emit } from '../../../src/ops/repository/emit.ts';
import { repoExport } from '../../../src/ops/repository/repo-export.ts';
import { repoFsck } from '../../../src/ops/repository/repo-fsck.ts';
import { repoGc } from '../../../src/ops/repository/repo-gc.ts';
import { repoList } from '../../../src/ops/repository/repo-ls.ts';
import { repoUntag } from '../../../src/ops/repository/repo-tag.ts';
import { sign } from '../../../src/ops/sign/sign.ts';
import { verify } from '../../../src/ops/verify/verify.ts';
import { fingerprint } from '../../support/layout-fingerprint.ts';
import { blobPath, digestOf, makeLayout } from '../../support/layout-maker.ts';
import { memoryDirectory } from '../../support/memory-directory.ts';
import { linksBelow, namesIn } from '../../support/repository.ts';
import { smallLayers } from '../../support/small-repository.ts';
import { keyFile } from '../../support/test-keys.ts';

const top = memoryDirectory();
const at = (name: string): string => join(top, name);
const CERTIFICATE = keyFile('p256.crt');
let result: EmitResult;

beforeAll(async () => {
  const layers = smallLayers().map((tar) => ({ tar, compression: 'gzip' as const }));
  await makeLayout(at('layout'), layers, { tag: 'small' });
  await sign(`oci:${at('layout')}:small`, { key: keyFile('p256.key'), identity: 'registry.example/small' });
  result = await emit(`oci:${at('layout')}:small`, { repository: at('repository'), verity: 'none' });
});

/** Entries of `index.json`. */
// biome-ignore lint/suspicious/noExplicitAny: documents of many shapes.
function entries(layout: string): any[] {
  return JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')).manifests;
}

/** Exports; gives the result and the warnings, but for that of a machine without native zstd. */
async function exported(to: string, options: { compression?: 'none' } = {}) {
  const warnings: string[] = [];
  const done = await repoExport(at('repository'), 'small', {
    destination: to,
    onWarning: ({ code, message }) => {
      if (code !== 'SLOW_FALLBACK') warnings.push(`${code} ${message}`);
    },
    ...options,
  });
  return { done, warnings };
}

describe('signatures of both forms', () => {
  it('are referrers in the repository, which is sound and has nothing to collect', async () => {
    expect(result.referrers).toHaveLength(2);
    const subject = join(at('repository'), 'streams/refs/oci-referrers', result.manifest);
    expect(namesIn(subject)).toEqual([...result.referrers].sort());
    expect((await repoFsck(at('repository'))).findings).toEqual([]);
    expect((await repoGc(at('repository'), { dryRun: true })).objects).toBe(0);
    const [image] = (await repoList(at('repository'))).tags;
    expect(image).toMatchObject({ tag: 'small', kind: 'image', referrers: [...result.referrers].sort() });
  });

  it('come out with every byte of the layout as it was', async () => {
    const { done, warnings } = await exported(`oci:${at('out')}:small`);
    expect(warnings).toEqual([]);
    expect(done).toMatchObject({ original: true, manifest: result.manifest });
    expect([...done.referrers].sort()).toEqual([...result.referrers].sort());
    // The platform stands beside the entry since: the source did not state it.
    const [own, ...others] = entries(at('out'));
    expect(own).toEqual({ ...entries(at('layout'))[0], platform: { os: 'linux', architecture: 'amd64' } });
    expect(others).toEqual(entries(at('layout')).slice(1));
    const { 'index.json': _, ...blobs } = fingerprint(at('out'));
    expect(fingerprint(at('layout'))).toMatchObject(blobs);
    const checked = await verify(`oci:${at('out')}:small`, { keys: [CERTIFICATE], jobs: 1 });
    expect(checked.findings).toBe(0);
    const other = await verify(`oci:${at('out')}:small`, { keys: [keyFile('other.crt')], jobs: 1 });
    expect(other.findings).toBeGreaterThan(0);
  });

  it('come out into an archive as well, and a second time change nothing', async () => {
    const archive = `oci-archive:${at('out.tar')}:small`;
    await exported(archive);
    const before = readFileSync(at('out.tar'));
    expect((await verify(archive, { keys: [CERTIFICATE], jobs: 1 })).findings).toBe(0);
    await exported(archive);
    expect(readFileSync(at('out.tar')).equals(before)).toBe(true);
  });

  it('stay behind where the manifest becomes another', async () => {
    const { done, warnings } = await exported(`oci:${at('plain')}:small`, { compression: 'none' });
    expect([done.original, done.referrers]).toEqual([false, []]);
    const message = (digest: string): string =>
      `REFERRER_IGNORED the artifact ${digest} is left out: the exported image has another manifest`;
    expect(warnings).toEqual([...result.referrers].sort().map(message));
    expect(entries(at('plain'))).toHaveLength(1);
  });

  it('do not replace those that the destination has', async () => {
    cpSync(at('layout'), at('twice'), { recursive: true });
    await sign(`oci:${at('twice')}:small`, {
      key: keyFile('rsa3072.key'),
      identity: 'registry.example/small',
      forms: ['cosign'],
    });
    const tag = signaturesTag(result.manifest);
    const attached = (): string =>
      entries(at('twice')).find(({ annotations }) => Object.values(annotations).includes(tag)).digest;
    const before = attached();
    const { warnings } = await exported(`oci:${at('twice')}:small`);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('the destination has others of that image');
    expect(attached()).toBe(before);
    const keys = [CERTIFICATE, keyFile('rsa3072.crt')];
    expect((await verify(`oci:${at('twice')}:small`, { keys, jobs: 1 })).findings).toBe(0);
  });

  it('go with the image', async () => {
    cpSync(at('repository'), at('collected'), { recursive: true, verbatimSymlinks: true });
    await repoUntag(at('collected'), 'small');
    await repoGc(at('collected'));
    expect(linksBelow(at('collected'))).toEqual({});
  });
});

describe('signatures that a host would take for an image with other layers', () => {
  it('are left out with a warning', async () => {
    cpSync(at('layout'), at('odd'), { recursive: true });
    const path = join(at('odd'), 'index.json');
    const index = JSON.parse(readFileSync(path, 'utf8'));
    const entry = index.manifests[1];
    const manifest = JSON.parse(readFileSync(blobPath(at('odd'), entry.digest), 'utf8'));
    manifest.layers.push(manifest.layers[0]);
    const bytes = Buffer.from(JSON.stringify(manifest));
    const digest = digestOf(bytes) as BlobDigest;
    writeFileSync(blobPath(at('odd'), digest), bytes);
    index.manifests[1] = { ...entry, digest, size: bytes.length };
    writeFileSync(path, JSON.stringify(index));
    const warnings: string[] = [];
    const emitted = await emit(`oci:${at('odd')}:small`, {
      repository: at('odd-repository'),
      verity: 'none',
      onWarning: ({ code, message }) => {
        if (code !== 'SLOW_FALLBACK') warnings.push(`${code} ${message}`);
      },
    });
    expect(emitted.referrers).toHaveLength(1);
    expect(warnings).toContain(
      `REFERRER_IGNORED the artifact ${digest} is left out: its config is that of an image with other layers`,
    );
  });
});
