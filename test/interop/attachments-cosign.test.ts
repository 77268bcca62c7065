/**
 * What cosign 2 attaches to an image, through a repository: attestations under `.att`, bills of materials under `.sbom`, and
 * signatures of the latter. What comes back is what cosign verified before, and composefs-rs finds the repository sound.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BlobDigest } from '../../src/bytes/digest.ts';
import { attachmentTag } from '../../src/oci/attachments.ts';
import { emit } from '../../src/ops/repository/emit.ts';
import { repoExport } from '../../src/ops/repository/repo-export.ts';
import { repoFsck } from '../../src/ops/repository/repo-fsck.ts';
import { hasTool, runTool } from '../support/composefs-tools.ts';
import { fingerprint } from '../support/layout-fingerprint.ts';
import { digestOf, makeLayout } from '../support/layout-maker.ts';
import { memoryDirectory } from '../support/memory-directory.ts';
import { hasRegistry, type Registry, startRegistry } from '../support/registry.ts';
import { copyTag, mustRun, run } from '../support/registry-tools.ts';
import { smallLayers } from '../support/small-repository.ts';
import { keyFile } from '../support/test-keys.ts';
import { trixieFile } from '../support/trixie.ts';

const WHAT = 'attestations and bills of materials of cosign';
const skopeo = trixieFile('bin/skopeo', WHAT) ?? '';
const cosign = trixieFile('bin/cosign', WHAT) ?? '';
const ready = skopeo !== '' && cosign !== '' && hasRegistry(WHAT);
const cfsctl = ready && hasTool('cfsctl', WHAT);

const work = memoryDirectory();
const at = (name: string): string => join(work, name);
const PASSWORD = { COSIGN_PASSWORD: 'secret' };
const KEY = ['--key', keyFile('cosign.key')];
const PUBLIC_KEY = ['--key', keyFile('cosign.pub'), '--insecure-ignore-tlog=true'];
const REGISTRY = '--allow-insecure-registry';

describe.skipIf(!ready)('what cosign attached', () => {
  let registry: Registry;
  let tags: string[];
  let repository: string;

  beforeAll(async () => {
    registry = await startRegistry();
    repository = `${registry.host}/test/first`;
    const layers = smallLayers().map((tar) => ({ tar, compression: 'gzip' as const }));
    const { manifest, directory } = await makeLayout(at('image'), layers, { tag: 'latest' });
    const image = manifest.digest as BlobDigest;
    mustCopy(`oci:${directory}:latest`, `docker://${repository}:latest`);
    const materials = attachAll(`${repository}@${image}`);
    const kept = [attachmentTag(image, 'att'), attachmentTag(image, 'sbom'), attachmentTag(materials, 'sig')];
    tags = ['latest', ...kept.map(String)];
    mkdirSync(at('pulled'));
    for (const tag of tags) mustCopy(`docker://${repository}:${tag}`, `oci:${at('pulled')}:${tag}`);
  });
  afterAll(() => registry?.stop());

  function mustCopy(from: string, to: string): void {
    expect(copyTag(skopeo, from, to)).toEqual({ ok: true, text: '' });
  }

  /** Attests, attaches a bill of materials and signs that; gives its digest. */
  function attachAll(target: string): BlobDigest {
    writeFileSync(at('predicate'), '{"built": "here"}');
    writeFileSync(at('materials'), '{"spdxVersion": "SPDX-2.3"}');
    const offline = ['-y', '--tlog-upload=false', REGISTRY, ...KEY];
    mustRun(
      cosign,
      ['attest', ...offline, '--type', 'custom', '--predicate', at('predicate'), target],
      PASSWORD,
    );
    mustRun(cosign, ['attach', 'sbom', REGISTRY, '--sbom', at('materials'), target]);
    mustRun(cosign, ['sign', ...offline, '--attachment', 'sbom', target], PASSWORD);
    const tag = attachmentTag(target.slice(target.indexOf('@') + 1) as BlobDigest, 'sbom');
    const reference = `docker://${repository}:${tag}`;
    return digestOf(
      runTool(skopeo, ['inspect', '--raw', '--tls-verify=false', reference]).stdout,
    ) as BlobDigest;
  }

  const attested = (image: string) =>
    run(cosign, ['verify-attestation', ...PUBLIC_KEY, REGISTRY, '--type', 'custom', image]);
  const materialsSigned = (image: string) =>
    run(cosign, ['verify', ...PUBLIC_KEY, REGISTRY, '--attachment', 'sbom', image]);

  test('is in the layout, and cosign verifies it', () => {
    expect(attested(`${repository}:latest`)).toMatchObject({ ok: true });
    expect(materialsSigned(`${repository}:latest`)).toMatchObject({ ok: true });
  });

  test('goes into a repository and comes back, and cosign verifies it again', async () => {
    const warnings: string[] = [];
    const onWarning = ({ code }: { code: string }): void => {
      if (code === 'REFERRER_IGNORED') warnings.push(code);
    };
    const source = `oci:${at('pulled')}:latest`;
    const options = { repository: at('repository'), tag: 'os', verity: 'none', onWarning } as const;
    expect((await emit(source, options)).referrers).toHaveLength(3);
    expect((await repoFsck(at('repository'))).findings).toEqual([]);
    const back = { destination: `oci:${at('back')}:latest`, onWarning };
    expect((await repoExport(at('repository'), 'os', back)).referrers).toHaveLength(3);
    expect(warnings).toEqual([]);
    const { 'index.json': _, ...blobs } = fingerprint(at('pulled'));
    expect(fingerprint(at('back'))).toMatchObject(blobs);

    const second = `${registry.host}/test/second`;
    for (const tag of tags) mustCopy(`oci:${at('back')}:${tag}`, `docker://${second}:${tag}`);
    expect(attested(`${second}:latest`)).toMatchObject({ ok: true });
    expect(materialsSigned(`${second}:latest`)).toMatchObject({ ok: true });
  });

  test.skipIf(!cfsctl)('is sound for composefs-rs', () => {
    for (const verb of [['fsck'], ['oci', 'fsck']]) {
      const { status, stdout } = runTool('cfsctl', ['--repo', at('repository'), ...verb]);
      expect([status, stdout.toString().includes('status: ok')]).toEqual([0, true]);
    }
  });
});
