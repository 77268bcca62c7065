/** Writing to a registry: in which order, and what is left when it fails. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BlobDigest } from '../../../src/bytes/digest.ts';
import { wholeFile } from '../../../src/io/blob-file.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { formatJson } from '../../../src/oci/json.ts';
import { MEDIA_TYPES } from '../../../src/oci/media-types.ts';
import { parseDestination, type RegistryReference } from '../../../src/oci/reference.ts';
import { openRegistryWriter, type RegistryWriter } from '../../../src/registry/registry-writer.ts';
import { RemoteBlob } from '../../../src/registry/remote-blob.ts';
import { digestOf, FakeRegistry, reply, say } from '../../support/fake-registry.ts';
import { planishError } from '../../support/planish-error.ts';

let registry: FakeRegistry;
let directory: string;
let waits: number[];

beforeEach(async () => {
  registry = await FakeRegistry.start();
  directory = mkdtempSync(join(tmpdir(), 'planish-push-'));
  waits = [];
});

afterEach(() => {
  registry.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function writer(): Promise<RegistryWriter> {
  const destination = parseDestination(`docker://${registry.host}/app`) as RegistryReference;
  return await openRegistryWriter(destination, {
    jobs: 1,
    temporaryDirectory: directory,
    registry: {
      tlsVerify: false,
      timing: { now: () => 0, wait: async (ms) => void waits.push(ms) },
    },
  });
}

const LAYER = Buffer.from('a layer');
const ID = digestOf(LAYER) as BlobDigest;

/** Writes an image of one layer. */
async function push(to: RegistryWriter, subject?: Descriptor): Promise<Descriptor> {
  const config = await to.addBytes(formatJson({ os: 'linux' }));
  const document = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config: { mediaType: MEDIA_TYPES.ociConfig, ...config },
    layers: [{ mediaType: MEDIA_TYPES.ociLayer, digest: ID, size: LAYER.length }],
    ...(subject === undefined ? {} : { artifactType: 'application/x-test', subject }),
  };
  const descriptor = { mediaType: MEDIA_TYPES.ociManifest, ...(await to.addBytes(formatJson(document))) };
  const file = to.createBlobFile('layer');
  writeFileSync(file, LAYER);
  await to.addBlobFile(file, ID, LAYER.length);
  await to.commit({ descriptor, refName: 'v1' });
  return descriptor;
}

describe('pushing', () => {
  it('puts blobs there first, and the tag last', async () => {
    const to = await writer();
    const { digest } = await push(to);
    const config = digestOf(Buffer.from('{"os":"linux"}'));
    expect(registry.lines).toEqual([
      // Whether it may.
      'POST /v2/app/blobs/uploads/',
      'DELETE /v2/app/blobs/uploads/0?_state=a%2Bb',
      `HEAD /v2/app/blobs/${ID}`,
      'POST /v2/app/blobs/uploads/',
      `PUT /v2/app/blobs/uploads/1?_state=a%2Bb&digest=${encodeURIComponent(ID)}`,
      `HEAD /v2/app/blobs/${config}`,
      'POST /v2/app/blobs/uploads/',
      `PUT /v2/app/blobs/uploads/2?_state=a%2Bb&digest=${encodeURIComponent(config)}`,
      'PUT /v2/app/manifests/v1',
    ]);
    const put = registry.asked.find(({ url }) => url === '/v2/app/manifests/v1');
    expect(put?.headers['content-type']).toBe(MEDIA_TYPES.ociManifest);
    expect(registry.manifests.get(`app/${digest}`)?.bytes).toEqual(put?.body);
    expect(readdirSync(directory)).toEqual([]);
  });

  it('begins with a file before it is taken in, and says when it commits that it failed', async () => {
    const to = await writer();
    const file = to.createBlobFile('layer');
    writeFileSync(file, LAYER);
    const sent = new Promise<void>((resolve) => {
      registry.intercept = ({ method, url }, response) => {
        if (method !== 'PUT' || !url.includes('uploads')) return undefined;
        resolve();
        return say(response, 400, '{}');
      };
    });
    to.announceBlobFile(file, ID, LAYER.length);
    await sent;
    expect(await planishError(push(to))).toMatchObject({ code: 'REGISTRY_REFUSED' });
    expect([...registry.manifests.keys()]).toEqual([]);
    to.abort();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('sends nothing that is there', async () => {
    await push(await writer());
    registry.asked.length = 0;
    await push(await writer());
    expect(registry.lines.filter((line) => line.startsWith('PUT'))).toEqual(['PUT /v2/app/manifests/v1']);
  });

  it('has blobs taken from another repository of the registry', async () => {
    registry.blobs.set('elsewhere', LAYER);
    const place = {
      host: registry.host,
      repository: 'base',
      digest: ID,
      file: '/nowhere',
      size: LAYER.length,
    };
    const fetched: string[] = [];
    const blob = new RemoteBlob(place, async () => void fetched.push(ID));
    registry.intercept = ({ method, url }, response) => {
      if (method !== 'POST' || !url.includes('mount')) return undefined;
      reply(response, 201);
      return true;
    };
    const to = await writer();
    await to.copyBlob(blob, ID);
    expect(registry.lines.at(-1)).toBe(
      `POST /v2/app/blobs/uploads/?mount=${encodeURIComponent(ID)}&from=base`,
    );
    expect(fetched).toEqual([]);
    to.abort();
  });

  it.each([[401], [403], [404], [405]])('sends them where that is answered by %s', async (status) => {
    registry.intercept = ({ method, url }, response) => {
      if (method !== 'POST' || !url.includes('mount')) return undefined;
      return say(response, status, '{}', status === 401 ? { 'www-authenticate': 'Basic' } : {});
    };
    const file = join(directory, 'fetched');
    const place = { host: registry.host, repository: 'base', digest: ID, file, size: LAYER.length };
    const to = await writer();
    await to.copyBlob(new RemoteBlob(place, async () => writeFileSync(file, LAYER)), ID);
    expect(registry.blobs.get(ID)).toEqual(LAYER);
    to.abort();
  });

  it('sends them where that is not done', async () => {
    const file = join(directory, 'fetched');
    const place = { host: registry.host, repository: 'base', digest: ID, file, size: LAYER.length };
    const blob = new RemoteBlob(place, async () => writeFileSync(file, LAYER));
    const to = await writer();
    await to.copyBlob(blob, ID);
    expect(registry.blobs.get(ID)).toEqual(LAYER);
    to.abort();
  });

  it.each([
    ['relative', (path: string) => path],
    ['absolute', (path: string) => `http://${registry.host}${path}`],
    // As behind a proxy that ends TLS; here the reverse.
    ['of another protocol', (path: string) => `https://${registry.host}${path}`],
  ])('goes on at an address that is %s', async (_, make) => {
    registry.intercept = ({ method }, response) => {
      if (method !== 'POST') return undefined;
      reply(response, 202, { location: make('/v2/app/blobs/uploads/x') });
      return true;
    };
    await push(await writer());
    expect(registry.blobs.get(ID)).toEqual(LAYER);
  });

  it('begins anew what was cut, or refused for now', async () => {
    const to = await writer();
    let count = 0;
    registry.intercept = ({ method, url }, response) => {
      if (method !== 'PUT' || !url.includes('uploads')) return undefined;
      count++;
      if (count === 1) response.socket?.destroy();
      else if (count === 2) reply(response, 503, { 'retry-after': '9' });
      else return undefined;
      return true;
    };
    await push(to);
    expect(waits).toEqual([1000, 9000]);
    expect(registry.blobs.get(ID)).toEqual(LAYER);
  });
});

describe('what fails', () => {
  const untagged = (): void => expect([...registry.manifests.keys()]).toEqual([]);

  it.each([
    [400, 'REGISTRY_REFUSED', 'a blob is not taken: status 400: DIGEST_INVALID no'],
    [413, 'REGISTRY_REFUSED', 'a blob is not taken: status 413: DIGEST_INVALID no'],
    [503, 'REGISTRY_UNREACHABLE', 'a blob is not taken: status 503: DIGEST_INVALID no'],
  ])('an upload by %s leaves nothing tagged', async (status, code, message) => {
    const to = await writer();
    registry.intercept = ({ method, url }, response) =>
      method === 'PUT' && url.includes('uploads')
        ? say(response, status, '{"errors":[{"code":"DIGEST_INVALID","message":"no"}]}')
        : undefined;
    expect(await planishError(push(to))).toMatchObject({ code, message });
    untagged();
    to.abort();
    expect(readdirSync(directory)).toEqual([]);
  });

  it('a registry that takes no uploads is found out at once', async () => {
    registry.intercept = ({ method }, response) => (method === 'POST' ? say(response, 405, '{}') : undefined);
    expect(await planishError(writer())).toMatchObject({
      code: 'REGISTRY_REFUSED',
      message: 'the registry takes no uploads: status 405',
    });
    expect(readdirSync(directory)).toEqual([]);
  });

  it('and so is one that does not let us', async () => {
    registry.intercept = ({ method }, response) => (method === 'POST' ? say(response, 403, '{}') : undefined);
    expect((await planishError(writer())).code).toBe('REGISTRY_DENIED');
  });

  it('an upload that goes on nowhere', async () => {
    registry.intercept = ({ method }, response) => {
      if (method !== 'POST') return undefined;
      reply(response, 202);
      return true;
    };
    expect((await planishError(writer())).code).toBe('REGISTRY_BAD_ANSWER');
  });

  it('a blob that is not what it should be is not completed', async () => {
    const to = await writer();
    const file = join(directory, 'other');
    writeFileSync(file, 'A LAYER');
    expect((await planishError(to.copyBlob(wholeFile(file), ID))).code).toBe('DIGEST_MISMATCH');
    expect(registry.blobs.has(ID)).toBe(false);
    to.abort();
  });

  it('a manifest that is refused', async () => {
    const to = await writer();
    registry.intercept = ({ method, url }, response) =>
      method === 'PUT' && url.includes('manifests')
        ? say(response, 400, '{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN"}]}')
        : undefined;
    expect(await planishError(push(to))).toMatchObject({
      code: 'REGISTRY_REFUSED',
      message: 'a manifest is not taken: status 400: MANIFEST_BLOB_UNKNOWN',
    });
    untagged();
  });
});

describe('referrers', () => {
  const subject = {
    mediaType: MEDIA_TYPES.ociManifest,
    digest: `sha256:${'1'.repeat(64)}` as BlobDigest,
    size: 7,
  };
  const tag = `app/sha256-${'1'.repeat(64)}`;

  it('are listed by the registry, or by an index under a tag', async () => {
    registry.listsReferrers = true;
    await push(await writer(), subject);
    expect(registry.manifests.has(tag)).toBe(false);
    registry.listsReferrers = false;
    const { digest, size } = await push(await writer(), subject);
    const entry = { mediaType: MEDIA_TYPES.ociManifest, digest, size, artifactType: 'application/x-test' };
    const index = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests: [entry] };
    expect(JSON.parse(registry.manifests.get(tag)?.bytes.toString() ?? '')).toEqual(index);
    // Once more changes nothing.
    registry.asked.length = 0;
    await push(await writer(), subject);
    expect(registry.lines.filter((line) => line === `PUT /v2/${tag}`)).toEqual([]);
  });
});
