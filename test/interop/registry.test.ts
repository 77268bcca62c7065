/**
 * Images in a registry (Debian's docker-registry): what skopeo pushed is read, and what planish pushed is pulled by
 * skopeo and podman.
 */
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { build } from '../../src/ops/build/build.ts';
import { copy as copyImage } from '../../src/ops/copy/copy.ts';
import { digest } from '../../src/ops/hosts/digest.ts';
import { inspect } from '../../src/ops/look/inspect.ts';
import { verify } from '../../src/ops/verify/verify.ts';
import { DEMO } from '../support/cli.ts';
import { hasTool } from '../support/composefs-tools.ts';
import { makeLayout } from '../support/layout-maker.ts';
import { memoryDirectory } from '../support/memory-directory.ts';
import { hasRegistry, type Registry, startRegistry } from '../support/registry.ts';
import { asRoot } from '../support/root.ts';
import { run } from '../support/run.ts';
import { smallLayers } from '../support/small-repository.ts';

const WHAT = 'images in a registry';
const ready = hasRegistry(WHAT) && hasTool('skopeo', WHAT);
const work = memoryDirectory();
const at = (name: string): string => join(work, name);
const OPTIONS = { registry: { tlsVerify: false } };

async function copy(from: string, to: string, ...options: readonly string[]): Promise<void> {
  const tls = ['--src-tls-verify=false', '--dest-tls-verify=false'];
  await run('skopeo', ['copy', '-q', '--insecure-policy', ...tls, ...options, from, to]);
}

describe.skipIf(!ready)('docker-registry', () => {
  let registry: Registry;
  let image: string;

  beforeAll(async () => {
    registry = await startRegistry();
    image = `docker://${registry.host}/test/demo`;
    await copy(`oci-archive:${DEMO}`, `${image}:first`);
  });
  afterAll(() => registry?.stop());

  test('what skopeo pushed is the same image', async () => {
    const pushed = await digest(`${image}:first`, OPTIONS);
    expect({ ...pushed, source: '' }).toEqual({ ...(await digest(DEMO)), source: '' });
    const { manifest, layers } = await inspect(`${image}:first`, OPTIONS);
    expect(layers.map((layer) => layer.digest)).toEqual(
      (await inspect(DEMO)).layers.map((layer) => layer.digest),
    );
    const byDigest = await inspect(`${image}@${manifest.digest}`, OPTIONS);
    expect(byDigest.manifest).toEqual(manifest);
    expect((await verify(`${image}:first`, OPTIONS)).findings).toBe(0);
  });

  test('what planish pushed is what it writes to a layout, and what skopeo pulls', async () => {
    const options = { ...OPTIONS, compression: 'gzip' as const };
    const pushed = await build(`${image}:first`, { ...options, destination: `${image}:flat` });
    const written = await build(DEMO, { ...options, destination: `oci:${at('flat')}` });
    expect(pushed.manifest).toEqual(written.manifest);
    await copy(`${image}:flat`, `oci:${at('pulled')}:flat`, '--preserve-digests');
    const { manifest, findings } = await verify(`oci:${at('pulled')}`);
    expect({ manifest, findings }).toEqual({ manifest: pushed.manifest.digest, findings: 0 });
    // Into another repository, every layer is carried over by a word to the registry.
    const destination = `docker://${registry.host}/test/next:flat`;
    const next = await build(DEMO, { ...options, destination, previous: `${image}:flat` });
    expect(next.manifest).toEqual(pushed.manifest);
    expect(next.update).toMatchObject({ layers: 0, size: 0 });
    expect((await verify(destination, OPTIONS)).findings).toBe(0);
  });

  test('several platforms', async () => {
    const layers = smallLayers().map((tar) => ({ tar, compression: 'gzip' as const }));
    const manifests: { readonly digest: string; readonly size: number; readonly platform: object }[] = [];
    for (const architecture of ['amd64', 'arm64']) {
      const config = (document: object) => ({ ...document, architecture });
      const made = await makeLayout(at(architecture), layers, { config, tag: 'one' });
      await copy(made.reference, `${image}:${architecture}`);
      manifests.push({ ...made.manifest, platform: { os: 'linux', architecture } });
    }
    const mediaType = 'application/vnd.oci.image.index.v1+json';
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests }));
    const url = `http://${registry.host}/v2/test/demo/manifests/both`;
    const put = await fetch(url, { method: 'PUT', headers: { 'content-type': mediaType }, body: index });
    expect(put.status).toBe(201);
    const chosen = await inspect(`${image}:both`, { ...OPTIONS, platform: 'linux/arm64' });
    expect(chosen).toMatchObject({ platform: 'linux/arm64', manifest: { digest: manifests[1]?.digest } });
    // Whole, to another repository, and from there to a layout by skopeo.
    const mirror = `docker://${registry.host}/mirror/demo:both`;
    const whole = await copyImage(`${image}:both`, mirror, { ...OPTIONS, all: true });
    await copy(mirror, `oci:${at('whole')}:both`, '--all', '--preserve-digests');
    const back = await copyImage(`oci:${at('whole')}:both`, `oci-archive:${at('whole.tar')}`, { all: true });
    expect(back.manifest).toEqual(whole.manifest);
  });

  test('podman pulls what planish copied', async ({ skip }) => {
    if (!hasTool('podman', WHAT) || !asRoot('images that podman pulls')) return skip();
    const layers = smallLayers().map((tar) => ({ tar, compression: 'gzip' as const }));
    const made = await makeLayout(at('small'), layers, {});
    await copyImage(made.reference, `${image}:small`, OPTIONS);
    const root = ['--root', at('podman'), '--runroot', at('podman-run'), '--storage-driver', 'vfs'];
    const podman = [...root, '--cgroup-manager', 'cgroupfs', '--events-backend', 'file'];
    const name = `${registry.host}/test/demo:small`;
    const pulled = await run('podman', [...podman, 'pull', '-q', '--tls-verify=false', name]);
    expect(`sha256:${pulled.trim()}`).toBe(made.config.digest);
    const [inspected] = JSON.parse(await run('podman', [...podman, 'image', 'inspect', name]));
    expect(inspected.Digest).toBe(made.manifest.digest);
  });
});

describe.skipIf(!ready)('a registry that wants tokens', () => {
  const asked: string[] = [];
  const tokens = createServer((request: IncomingMessage, response) => {
    asked.push(
      `${request.headers.authorization ?? 'nobody'} ${new URL(request.url ?? '', 'http://x').searchParams.getAll('scope')}`,
    );
    response.end(JSON.stringify({ token: 'any', expires_in: 300 }));
  });
  let registry: Registry;

  beforeAll(async () => {
    await new Promise<void>((resolve) => tokens.listen(0, '127.0.0.1', resolve));
    registry = await startRegistry(`http://127.0.0.1:${(tokens.address() as AddressInfo).port}/token`);
  });
  afterAll(() => {
    registry?.stop();
    tokens.close();
  });

  test('is pushed to and pulled from with credentials of a file', async () => {
    const auth = Buffer.from('me:secret').toString('base64');
    writeFileSync(at('auth.json'), JSON.stringify({ auths: { [`${registry.host}/test`]: { auth } } }));
    const options = { registry: { tlsVerify: false, authFiles: [at('auth.json')] } };
    const destination = `docker://${registry.host}/test/app:1`;
    const made = await makeLayout(at('token'), [{ tar: smallLayers()[0] as Buffer }], {});
    const { manifest } = await copyImage(made.reference, destination, options);
    expect((await inspect(destination, options)).manifest.digest).toBe(manifest.digest);
    expect([...new Set(asked)]).toEqual([
      `Basic ${auth} repository:test/app:pull,push`,
      `Basic ${auth} repository:test/app:pull`,
    ]);
  });
});
