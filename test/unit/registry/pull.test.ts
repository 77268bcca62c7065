/** Reading from a registry that does everything that it should not. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BlobDigest } from '../../../src/bytes/digest.ts';
import { bringBlob } from '../../../src/io/late-blob.ts';
import type { OpenedImage } from '../../../src/io/opened-image.ts';
import { findAttachments } from '../../../src/io/referrers.ts';
import { MEDIA_TYPES } from '../../../src/oci/media-types.ts';
import { parseSource, type RegistryReference } from '../../../src/oci/reference.ts';
import { findReferrersIndex } from '../../../src/registry/fetch-attachments.ts';
import { type OpenRegistryOptions, openRegistryImage } from '../../../src/registry/open-registry-image.ts';
import { RegistryClient } from '../../../src/registry/registry-client.ts';
import type { RegistryStore } from '../../../src/registry/registry-store.ts';
import { digestOf, FakeRegistry, reply, say } from '../../support/fake-registry.ts';
import { planishError } from '../../support/planish-error.ts';

let registry: FakeRegistry;
let waits: number[];
let directory: string;
/** Milliseconds without a byte after which a request has failed: no machine is so busy, where a test is not about that. */
let idleMs: number;

beforeEach(async () => {
  registry = await FakeRegistry.start();
  waits = [];
  idleMs = 60_000;
  directory = mkdtempSync(join(tmpdir(), 'planish-pull-'));
});

afterEach(() => {
  registry.stop();
  rmSync(directory, { recursive: true, force: true });
});

async function open(name = 'app:latest', options: Partial<OpenRegistryOptions> = {}): Promise<OpenedImage> {
  const reference = parseSource(`docker://${registry.host}/${name}`) as RegistryReference;
  return await openRegistryImage(reference, {
    architecture: 'x64',
    fetches: 2,
    temporaryDirectory: directory,
    ...options,
    registry: {
      tlsVerify: false,
      ...options.registry,
      timing: { idleMs, now: () => 0, wait: async (ms) => void waits.push(ms) },
    },
  });
}

/** Opens the image and reads its layer. */
async function pull(name?: string, options?: Partial<OpenRegistryOptions>): Promise<string> {
  const image = await open(name, options);
  try {
    const [layer] = image.layers;
    if (layer === undefined) throw new Error('no layer');
    await bringBlob(layer.blob);
    return readFileSync(layer.blob.file, 'latin1');
  } finally {
    image.close();
  }
}

describe('an honest registry', () => {
  it('gives documents when an image is opened, and layers when they are read', async () => {
    const { layer, config, manifest } = registry.addImage('v1');
    const image = await open('app:v1');
    expect(image.reference).toBe(`docker://${registry.host}/app:v1`);
    expect(image.name).toBe('v1');
    expect(image.manifest.descriptor.digest).toBe(digestOf(manifest));
    expect(registry.lines).toEqual(['GET /v2/app/manifests/v1', `GET /v2/app/blobs/${digestOf(config)}`]);
    const blob = image.layers[0]?.blob;
    if (blob === undefined) throw new Error('no layer');
    expect(existsSync(blob.file)).toBe(false);
    // Threads get plain data.
    expect(structuredClone(blob)).toMatchObject({ file: blob.file, offset: 0, size: layer.length });
    await Promise.all([bringBlob(blob), bringBlob(blob)]);
    expect(readFileSync(blob.file)).toEqual(layer);
    expect(registry.lines.filter((line) => line.endsWith(digestOf(layer)))).toHaveLength(1);
    image.close();
    expect(existsSync(blob.file)).toBe(false);
  });

  it('is asked by digest', async () => {
    const { manifest } = registry.addImage();
    expect(await pull(`app@${digestOf(manifest)}`)).toBe('a layer');
  });

  it('has no image of that name', async () => {
    expect(await planishError(open('app:none'))).toMatchObject({
      code: 'NO_SUCH_IMAGE',
      detail: { file: `docker://${registry.host}/app:none` },
    });
  });

  it('has an index of several platforms', async () => {
    const images = ['amd64', 'arm64', 'unstated'].map((tag) => registry.addImage(tag, tag).manifest);
    const entry = (bytes: Buffer, architecture?: string): object => ({
      mediaType: MEDIA_TYPES.ociManifest,
      digest: digestOf(bytes),
      size: bytes.length,
      ...(architecture === undefined ? {} : { platform: { os: 'linux', architecture } }),
    });
    const [amd, arm, other] = images as [Buffer, Buffer, Buffer];
    const inner = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [entry(arm, 'arm64')] }));
    const nested = { mediaType: MEDIA_TYPES.ociIndex, digest: digestOf(inner), size: inner.length };
    const index = { schemaVersion: 2, manifests: [entry(amd, 's390x'), nested, entry(other)] };
    registry.addManifest('inner', inner, MEDIA_TYPES.ociIndex);
    registry.addManifest('all', Buffer.from(JSON.stringify(index)), MEDIA_TYPES.dockerIndex);
    // The registry says amd64 of it only in its config.
    expect(await pull('app:all')).toBe('unstated');
    const platform = (architecture: string) => ({ platform: { os: 'linux', architecture } });
    expect(await pull('app:all', platform('arm64'))).toBe('arm64');
    expect(await pull('app:all', platform('s390x'))).toBe('amd64');
    expect((await planishError(open('app:all', platform('riscv64')))).code).toBe('NO_SUCH_IMAGE');
  });

  it('knows no media types', async () => {
    const { manifest } = registry.addImage();
    registry.addManifest('latest', manifest, 'application/json');
    expect(await pull()).toBe('a layer');
  });
});

describe('digests and sizes', () => {
  it('are not believed when the registry states them', async () => {
    registry.addImage();
    registry.intercept = ({ url }, response) => {
      if (url.includes('/manifests/'))
        response.setHeader('docker-content-digest', digestOf(Buffer.from('lie')));
      return undefined;
    };
    expect(await pull()).toBe('a layer');
  });

  it('are those that were asked for', async () => {
    const { manifest } = registry.addImage();
    registry.intercept = ({ url }, response) =>
      url.includes('/manifests/') ? say(response, 200, '{"schemaVersion":2}') : undefined;
    const error = await planishError(open(`app@${digestOf(manifest)}`));
    expect(error).toMatchObject({ code: 'DIGEST_MISMATCH', detail: { expected: digestOf(manifest) } });
  });

  it.each([
    ['other bytes', 'A layer', {}, 'a blob has not the digest that names it'],
    [
      'more bytes than there should be',
      'a layer and more',
      {},
      'a blob has not the size its descriptor states',
    ],
    ['fewer', 'a lay', {}, 'a blob has not the size its descriptor states'],
    [
      'fewer, without saying how many',
      'a lay',
      { 'transfer-encoding': 'chunked' },
      'a blob has not the size its descriptor states',
    ],
    [
      'more, without saying how many',
      'a layer and more',
      { 'transfer-encoding': 'chunked' },
      'a blob is longer than its descriptor states',
    ],
  ])('%s of a layer', async (_, body, headers, message) => {
    const { layer } = registry.addImage();
    registry.intercept = ({ url }, response) => {
      if (!url.endsWith(digestOf(layer))) return undefined;
      response.writeHead(200, 'transfer-encoding' in headers ? headers : { 'content-length': body.length });
      response.end(body);
      return true;
    };
    expect(await planishError(pull())).toMatchObject({ code: 'DIGEST_MISMATCH', message });
    expect(waits).toEqual([]);
  });

  it('end a body that does not', async () => {
    const { layer } = registry.addImage();
    registry.intercept = ({ url }, response) => {
      if (!url.endsWith(digestOf(layer))) return undefined;
      response.writeHead(200);
      const more = (): void => void (response.write('x'.repeat(65_536)) && setImmediate(more));
      response.on('drain', more);
      more();
      return true;
    };
    expect((await planishError(pull())).code).toBe('DIGEST_MISMATCH');
  });

  it('bound a manifest', async () => {
    registry.intercept = ({ url }, response) => {
      if (!url.includes('/manifests/')) return undefined;
      response.writeHead(200, { 'content-length': 2 ** 40 });
      response.write('{');
      return true;
    };
    expect(await planishError(open())).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      detail: { limit: 'jsonBytes', actual: 2 ** 40 },
    });
  });

  it('bound a config before it is asked for', async () => {
    const { manifest } = registry.addImage();
    const document = JSON.parse(manifest.toString());
    document.config.size = 2 ** 40;
    registry.addManifest('latest', Buffer.from(JSON.stringify(document)));
    expect((await planishError(open())).code).toBe('LIMIT_EXCEEDED');
    expect(registry.lines.some((line) => line.includes('/blobs/'))).toBe(false);
  });

  it('are of bytes that are not encoded again', async () => {
    registry.intercept = ({ url }, response) =>
      url.includes('/manifests/') ? say(response, 200, '{}', { 'content-encoding': 'gzip' }) : undefined;
    expect((await planishError(open())).code).toBe('REGISTRY_BAD_ANSWER');
  });

  it.each([['{'], ['[]'], ['{"schemaVersion":2}'], ['\xff']])('a manifest that is %s', async (text) => {
    registry.addManifest('latest', Buffer.from(text, 'latin1'));
    expect((await planishError(open())).code).toBe('JSON_BAD_DOCUMENT');
  });

  it('a layer that is not there', async () => {
    const { layer } = registry.addImage();
    registry.blobs.delete(digestOf(layer));
    expect((await planishError(pull())).code).toBe('BLOB_MISSING');
  });
});

describe('connections that are cut', () => {
  const content = 'abcdefghij'.repeat(1000);

  /** Cuts answers for the layer after so many bytes, so often. */
  function cut(layer: Buffer, after: number, times: number, honest: boolean): void {
    registry.intercept = ({ url, headers }, response) => {
      if (!url.endsWith(digestOf(layer)) || times-- <= 0) return undefined;
      const start = honest ? Number(/=([0-9]+)-/.exec(headers.range ?? '')?.[1] ?? 0) : 0;
      const range = start > 0 ? { 'content-range': `bytes ${start}-` } : {};
      response.writeHead(start > 0 ? 206 : 200, { 'content-length': layer.length - start, ...range });
      response.write(layer.subarray(start, start + after), () => response.destroy());
      return true;
    };
  }

  const ranges = () => registry.asked.flatMap(({ headers }) => headers.range ?? []);

  it('go on where they ended', async () => {
    const { layer } = registry.addImage('latest', content);
    cut(layer, 3000, 2, true);
    expect(await pull()).toBe(content);
    expect(ranges()).toEqual(['bytes=3000-', 'bytes=6000-']);
    expect(waits).toEqual([1000, 2000]);
  });

  it('begin anew where the registry gives no parts', async () => {
    const { layer } = registry.addImage('latest', content);
    let count = 0;
    registry.intercept = ({ url }, response) => {
      if (!url.endsWith(digestOf(layer))) return undefined;
      response.writeHead(200, { 'content-length': layer.length });
      if (count++ > 0) response.end(layer);
      else response.write(layer.subarray(0, 3000), () => response.destroy());
      return true;
    };
    expect(await pull()).toBe(content);
  });

  it('are given up when they are cut again and again', async () => {
    const { layer } = registry.addImage('latest', content);
    cut(layer, 100, 50, true);
    const error = await planishError(pull());
    expect(error).toMatchObject({ code: 'REGISTRY_UNREACHABLE' });
    expect(error.message).toBe(`the registry ${registry.host} cannot be reached: the connection was cut`);
    expect(waits).toEqual([1000, 2000, 4000, 8000]);
  });

  it('do not go on with another part', async () => {
    const { layer } = registry.addImage('latest', content);
    let count = 0;
    registry.intercept = ({ url }, response) => {
      if (!url.endsWith(digestOf(layer))) return undefined;
      if (count++ > 0) return say(response, 206, 'x', { 'content-range': 'bytes 7-7/10000' });
      response.writeHead(200, { 'content-length': layer.length });
      response.write(layer.subarray(0, 3000), () => response.destroy());
      return true;
    };
    expect(await planishError(pull())).toMatchObject({
      code: 'REGISTRY_BAD_ANSWER',
      detail: { expected: 3000, actual: '7' },
    });
  });

  it('count when nothing comes any more', async () => {
    idleMs = 2000;
    const { layer } = registry.addImage('latest', content);
    let count = 0;
    registry.intercept = ({ url }, response) => {
      if (!url.endsWith(digestOf(layer)) || count++ > 0) return undefined;
      response.writeHead(200, { 'content-length': layer.length });
      response.write(layer.subarray(0, 100));
      return true;
    };
    expect(await pull()).toBe(content);
    expect(ranges()).toEqual(['bytes=100-']);
  });

  it('count when an answer does not begin', async () => {
    idleMs = 2000;
    registry.addImage();
    let count = 0;
    registry.intercept = ({ url }) => (url.includes('/manifests/latest') && count++ === 0 ? true : undefined);
    expect(await pull()).toBe('a layer');
    expect(waits).toEqual([1000]);
  });

  it('end with the image', async () => {
    const { layer } = registry.addImage('latest', content);
    const image = await open();
    const asked = new Promise<void>((resolve) => {
      registry.intercept = ({ url }, response) => {
        if (!url.endsWith(digestOf(layer))) return undefined;
        response.writeHead(200, { 'content-length': layer.length });
        response.write('abc', () => resolve());
        return true;
      };
    });
    const reading = planishError(Promise.resolve(image.layers[0]).then((one) => one && bringBlob(one.blob)));
    await asked;
    image.close();
    expect((await reading).code).toBe('INTERRUPTED');
  });

  it('end with a signal', async () => {
    const controller = new AbortController();
    registry.intercept = ({ url }) => {
      if (url.includes('/manifests/')) controller.abort();
      return url.includes('/manifests/') ? true : undefined;
    };
    expect((await planishError(open('app:latest', { signal: controller.signal }))).code).toBe('INTERRUPTED');
  });
});

describe('answers that pass', () => {
  it('are waited for, as long as the registry says', async () => {
    registry.addImage();
    const answers = [
      [503, {}],
      [429, { 'retry-after': '7' }],
      [500, { 'retry-after': 'Thu, 01 Jan 1970 00:00:03 GMT' }],
    ] as const;
    let count = 0;
    registry.intercept = ({ url }, response) => {
      const answer = url.includes('/manifests/') ? answers[count++] : undefined;
      if (answer === undefined) return undefined;
      reply(response, answer[0], { ...answer[1] });
      return true;
    };
    expect(await pull()).toBe('a layer');
    expect(waits).toEqual([1000, 7000, 3000]);
  });

  it('are an error when they do not pass', async () => {
    registry.intercept = ({ url }, response) =>
      url.includes('/manifests/')
        ? say(response, 503, '{"errors":[{"code":"UNAVAILABLE","message":"on\\u001bstrike","detail":{}}]}')
        : undefined;
    const error = await planishError(open());
    expect(error.code).toBe('REGISTRY_UNREACHABLE');
    expect(error.message).toBe(
      `the registry ${registry.host} is not able to answer: status 503: UNAVAILABLE on\\x1bstrike`,
    );
    expect(waits).toEqual([1000, 2000, 4000, 8000]);
  });

  it.each([[400], [418], [501]])('do not include %s', async (status) => {
    registry.intercept = ({ url }, response) =>
      url.includes('/manifests/') ? say(response, status, '<html>') : undefined;
    expect(await planishError(open())).toMatchObject({
      code: 'REGISTRY_REFUSED',
      message: `a manifest is not given: status ${status}`,
    });
    expect(waits).toEqual([]);
  });
});

describe('headers', () => {
  it('are bounded', async () => {
    registry.intercept = ({ url }, response) =>
      url.includes('/manifests/') ? say(response, 200, '{}', { 'x-large': 'x'.repeat(80_000) }) : undefined;
    expect(await planishError(open())).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      detail: { limit: 'registryHeaderBytes' },
    });
  });

  it('are HTTP', async () => {
    registry.intercept = ({ url }, response) => {
      if (!url.includes('/manifests/')) return undefined;
      response.socket?.end('SSH-2.0-OpenSSH\r\n');
      return true;
    };
    expect((await planishError(open())).code).toBe('REGISTRY_BAD_ANSWER');
  });
});

describe('redirections', () => {
  it('to another host go without credentials', async () => {
    const { layer } = registry.addImage();
    const seen: (string | undefined)[] = [];
    const elsewhere = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.end(layer);
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
    const { port } = elsewhere.address() as AddressInfo;
    registry.intercept = ({ url, headers }, response) => {
      if (headers.authorization === undefined) return say(response, 401, '', { 'www-authenticate': 'Basic' });
      if (!url.endsWith(digestOf(layer))) return undefined;
      reply(response, 307, { location: `http://127.0.0.1:${port}/x?signature=secret` });
      return true;
    };
    const authFiles = [join(directory, 'auth.json')];
    writeAuth(authFiles[0] as string, { [registry.host]: 'user:password' });
    expect(await pull('app:latest', { registry: { authFiles } })).toBe('a layer');
    expect(seen).toEqual([undefined]);
    elsewhere.close();
  });

  it('within the registry keep them, and are followed so often', async () => {
    registry.intercept = ({ url }, response) => {
      if (!url.includes('/manifests/')) return undefined;
      reply(response, 302, { location: '/v2/app/manifests/round' });
      return true;
    };
    expect(await planishError(open())).toMatchObject({
      code: 'REGISTRY_BAD_ANSWER',
      message: 'the registry leads from one address to the next',
    });
    expect(registry.lines).toHaveLength(11);
  });

  it.each([['file:///etc/passwd'], ['ftp://x/'], ['http://['], ['javascript:1']])(
    'to %s',
    async (location) => {
      registry.intercept = ({ url }, response) => {
        if (!url.includes('/manifests/')) return undefined;
        reply(response, 302, { location });
        return true;
      };
      expect(await planishError(open())).toMatchObject({
        code: 'REGISTRY_BAD_ANSWER',
        message: 'the registry leads to an address that cannot be used',
      });
    },
  );

  it('keep their queries out of errors', async () => {
    const { layer } = registry.addImage();
    registry.intercept = ({ url }, response) => {
      if (url.includes('?')) return say(response, 403, '{}');
      if (!url.endsWith(digestOf(layer))) return undefined;
      reply(response, 307, { location: `${url}?signature=secret` });
      return true;
    };
    const error = await planishError(pull());
    expect(error.code).toBe('REGISTRY_DENIED');
    expect(JSON.stringify(error) + error.message + String(error.cause)).not.toContain('secret');
  });
});

describe('what is attached', () => {
  const artifact =
    (subject: Buffer, layer: Buffer): ((manifest: object) => object) =>
    (manifest) => ({
      ...manifest,
      artifactType: 'application/x-test',
      layers: [{ mediaType: 'text/plain', digest: digestOf(layer), size: layer.length }],
      subject: { mediaType: MEDIA_TYPES.ociManifest, digest: digestOf(subject), size: subject.length },
    });

  it.each([[true], [false]])('is found, whether the registry keeps lists (%s) or not', async (lists) => {
    registry.listsReferrers = lists;
    const { manifest } = registry.addImage();
    const note = Buffer.from('a note');
    registry.blobs.set(digestOf(note), note);
    const referrer = registry.addImage('note', 'unused', artifact(manifest, note)).manifest;
    const signature = registry.addImage(`${digestOf(manifest).replace(':', '-')}.sig`, 'signed').manifest;
    if (!lists) {
      const entry = { mediaType: MEDIA_TYPES.ociManifest, digest: digestOf(referrer), size: referrer.length };
      const index = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
      registry.addManifest(digestOf(manifest).replace(':', '-'), index, MEDIA_TYPES.ociIndex);
    }
    const image = await open('app:latest', { attachments: 'direct' });
    const layout = image.store as RegistryStore;
    const { signatures, referrers } = findAttachments(layout, image.manifest.descriptor.digest);
    expect(signatures?.descriptor.digest).toBe(digestOf(signature));
    expect(referrers.map(({ descriptor }) => descriptor.digest)).toEqual([digestOf(referrer)]);
    const payload = layout.find(digestOf(note) as never);
    expect(payload === undefined ? undefined : readFileSync(payload.file)).toEqual(note);
    image.close();
  });

  it.each([
    ['a page for any address', '<html>', 'text/html'],
    ['an index of no such type', '{"schemaVersion":2,"manifests":[]}', 'application/json'],
  ])('is looked for under the tag where the registry gives %s', async (_, body, type) => {
    const { manifest } = registry.addImage();
    const note = Buffer.from('a note');
    registry.blobs.set(digestOf(note), note);
    const referrer = registry.addImage('note', 'unused', artifact(manifest, note)).manifest;
    const entry = {
      mediaType: MEDIA_TYPES.ociManifest,
      digest: digestOf(referrer),
      size: referrer.length,
    };
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
    registry.addManifest(digestOf(manifest).replace(':', '-'), index, MEDIA_TYPES.ociIndex);
    registry.intercept = ({ url }, response) =>
      url.includes('/referrers/') ? say(response, 200, body, { 'content-type': type }) : undefined;
    const image = await open('app:latest', { attachments: 'direct' });
    const { referrers } = findAttachments(image.store as RegistryStore, image.manifest.descriptor.digest);
    expect(referrers.map(({ descriptor }) => descriptor.digest)).toEqual([digestOf(referrer)]);
    image.close();
  });

  it('is nothing where the registry takes the tag for a digest', async () => {
    const { manifest } = registry.addImage();
    const child = { mediaType: MEDIA_TYPES.ociManifest, digest: digestOf(manifest), size: manifest.length };
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: [child] }));
    registry.addManifest(digestOf(index).replace(':', '-'), index, MEDIA_TYPES.ociIndex);
    const { host } = registry;
    const client = new RegistryClient({ host, repository: 'app', actions: 'pull', tlsVerify: false });
    expect(await findReferrersIndex(client, digestOf(index) as BlobDigest)).toBeUndefined();
    client.close();
  });

  it('is listed on so many pages', async () => {
    registry.addImage();
    let pages = 0;
    registry.intercept = ({ url }, response) =>
      url.includes('/referrers/')
        ? say(response, 200, '{"schemaVersion":2,"manifests":[]}', {
            'content-type': MEDIA_TYPES.ociIndex,
            link: `<?page=${pages++ % 2}>; rel="next"`,
          })
        : undefined;
    const error = await planishError(open('app:latest', { attachments: 'direct' }));
    expect(error).toMatchObject({ code: 'LIMIT_EXCEEDED', detail: { limit: 'registryPages' } });
    expect(pages).toBe(256);
  });

  it('is listed in so many bytes', async () => {
    registry.addImage();
    const annotations = { filler: 'x'.repeat(12 * 2 ** 20) };
    const page = JSON.stringify({ schemaVersion: 2, manifests: [], annotations });
    registry.intercept = ({ url }, response) =>
      url.includes('/referrers/')
        ? say(response, 200, page, { 'content-type': MEDIA_TYPES.ociIndex, link: '<?page=2>; rel="next"' })
        : undefined;
    const error = await planishError(open('app:latest', { attachments: 'direct' }));
    expect(error).toMatchObject({ code: 'LIMIT_EXCEEDED', detail: { limit: 'jsonBytes' } });
    expect(registry.lines.filter((line) => line.includes('/referrers/'))).toHaveLength(3);
  });

  it('is not listed elsewhere', async () => {
    registry.addImage();
    registry.intercept = ({ url }, response) =>
      url.includes('/referrers/')
        ? say(response, 200, '{"schemaVersion":2,"manifests":[]}', {
            'content-type': MEDIA_TYPES.ociIndex,
            link: '<http://127.0.0.1:1/>; rel="next"',
          })
        : undefined;
    expect((await planishError(open('app:latest', { attachments: 'direct' }))).code).toBe(
      'REGISTRY_BAD_ANSWER',
    );
  });
});

function writeAuth(file: string, pairs: Readonly<Record<string, string>>): void {
  const auths = Object.entries(pairs).map(([host, pair]) => [
    host,
    { auth: Buffer.from(pair).toString('base64') },
  ]);
  writeFileSync(file, JSON.stringify({ auths: Object.fromEntries(auths) }));
}
