/** A registry in this process: honest, unless a test takes requests into its own hands. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { MEDIA_TYPES } from '../../src/oci/media-types.ts';

/** What was asked. */
export interface Asked {
  readonly method: string;
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** What a server with TLS needs, in PEM. */
export interface Certified {
  readonly key: Buffer;
  readonly cert: Buffer;
}

/** Answers a request; `undefined` leaves it to the honest registry. */
export type Intercept = (asked: Asked, response: ServerResponse) => true | undefined;

export const digestOf = (bytes: Uint8Array): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** An image of one layer, as its documents. */
export interface SmallImage {
  readonly layer: Buffer;
  readonly config: Buffer;
  readonly manifest: Buffer;
}

/** See the module. */
export class FakeRegistry {
  readonly asked: Asked[] = [];
  readonly blobs = new Map<string, Buffer>();
  /** By repository and reference, `app/latest`. */
  readonly manifests = new Map<string, { readonly type: string; readonly bytes: Buffer }>();
  /** Whether it keeps lists of referrers. */
  listsReferrers = false;
  intercept: Intercept = () => undefined;
  readonly #server: Server;
  #sessions = 0;

  private constructor(tls: Certified | undefined) {
    const serve = (request: IncomingMessage, response: ServerResponse): void =>
      void this.#serve(request, response);
    this.#server = tls === undefined ? createServer(serve) : createSecureServer(tls, serve);
  }

  /** With TLS if a certificate is given. */
  static async start(tls?: Certified): Promise<FakeRegistry> {
    const registry = new FakeRegistry(tls);
    await new Promise<void>((resolve) => registry.#server.listen(0, '127.0.0.1', resolve));
    return registry;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Requests as `METHOD PATH`, without those that find out how the registry is reached. */
  get lines(): string[] {
    return this.asked.map(({ method, url }) => `${method} ${url}`).filter((line) => line !== 'GET /v2/');
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** Adds an image under a tag of the repository `app`. */
  addImage(
    tag = 'latest',
    content = 'a layer',
    changes: (manifest: object) => object = (same) => same,
  ): SmallImage {
    const layer = Buffer.from(content);
    const config = Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
      }),
    );
    const describe = (mediaType: string, bytes: Buffer): object => ({
      mediaType,
      digest: digestOf(bytes),
      size: bytes.length,
    });
    const document = {
      schemaVersion: 2,
      mediaType: MEDIA_TYPES.ociManifest,
      config: describe(MEDIA_TYPES.ociConfig, config),
      layers: [describe(MEDIA_TYPES.ociLayer, layer)],
    };
    const manifest = Buffer.from(JSON.stringify(changes(document)));
    for (const blob of [layer, config]) this.blobs.set(digestOf(blob), blob);
    this.addManifest(tag, manifest);
    return { layer, config, manifest };
  }

  /** Adds a document under a tag, and under its digest. */
  addManifest(tag: string, bytes: Buffer, type: string = MEDIA_TYPES.ociManifest): void {
    for (const reference of [tag, digestOf(bytes)]) this.manifests.set(`app/${reference}`, { type, bytes });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = [];
    request.on('error', () => undefined);
    try {
      for await (const piece of request) pieces.push(piece);
    } catch {
      return;
    }
    const { method = '', url = '', headers } = request;
    const asked = { method, url, headers, body: Buffer.concat(pieces) };
    this.asked.push(asked);
    if (this.intercept(asked, response) === true) return;
    this.#answer(asked, response);
  }

  #answer(asked: Asked, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(asked.url, 'http://registry');
    const [, repository = '', kind, name = ''] =
      /^\/v2\/(.+)\/(blobs\/uploads|blobs|manifests|referrers)\/(.*)$/.exec(pathname) ?? [];
    if (pathname === '/v2/') reply(response, 200);
    else if (kind === 'blobs/uploads') this.#upload(asked, repository, searchParams, response);
    else if (kind === 'blobs') this.#blob(asked, name, response);
    else if (kind === 'manifests') this.#manifest(asked, `${repository}/${name}`, response);
    else if (kind === 'referrers' && this.listsReferrers) this.#referrers(repository, name, response);
    else reply(response, 404);
  }

  #blob({ method, headers }: Asked, digest: string, response: ServerResponse): true {
    const blob = this.blobs.get(digest);
    if (blob === undefined) return reply(response, 404);
    const start = Number(/^bytes=([0-9]+)-$/.exec(headers.range ?? '')?.[1] ?? 0);
    const range = start > 0 ? { 'content-range': `bytes ${start}-${blob.length - 1}/${blob.length}` } : {};
    const part = blob.subarray(start);
    response.writeHead(start > 0 ? 206 : 200, { 'content-length': part.length, ...range });
    response.end(method === 'HEAD' ? undefined : part);
    return true;
  }

  #manifest({ method, headers, body }: Asked, name: string, response: ServerResponse): true {
    if (method === 'PUT') {
      const stored = { type: headers['content-type'] ?? '', bytes: body };
      this.manifests.set(name, stored);
      this.manifests.set(`${name.replace(/[^/]*$/, '')}${digestOf(body)}`, stored);
      const { subject } = JSON.parse(body.toString());
      return reply(response, 201, this.listsReferrers && subject ? { 'oci-subject': subject.digest } : {});
    }
    const found = this.manifests.get(name);
    if (found === undefined) return reply(response, 404);
    response.writeHead(200, { 'content-type': found.type, 'content-length': found.bytes.length });
    response.end(found.bytes);
    return true;
  }

  #referrers(repository: string, subject: string, response: ServerResponse): true {
    const manifests = [...this.manifests].flatMap(([name, { type, bytes }]) => {
      const digest = digestOf(bytes);
      const isReferrer =
        name === `${repository}/${digest}` && JSON.parse(bytes.toString()).subject?.digest === subject;
      return isReferrer ? [{ mediaType: type, digest, size: bytes.length }] : [];
    });
    response.writeHead(200, { 'content-type': MEDIA_TYPES.ociIndex });
    response.end(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests }));
    return true;
  }

  #upload(
    { method, body }: Asked,
    repository: string,
    query: URLSearchParams,
    response: ServerResponse,
  ): true {
    if (method === 'DELETE') return reply(response, 204);
    if (method === 'POST') {
      if (query.has('from') && this.blobs.has(query.get('mount') ?? '')) return reply(response, 201);
      const location = `/v2/${repository}/blobs/uploads/${this.#sessions++}?_state=a%2Bb`;
      return reply(response, 202, { location });
    }
    const digest = query.get('digest') ?? '';
    if (digestOf(body) !== digest) return reply(response, 400);
    this.blobs.set(digest, body);
    return reply(response, 201);
  }
}

/** An answer without a body. */
export function reply(response: ServerResponse, status: number, headers: Record<string, string> = {}): true {
  response.writeHead(status, { 'content-length': 0, ...headers });
  response.end();
  return true;
}

/** An answer with a body. */
export function say(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Record<string, string> = {},
): true {
  response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers });
  response.end(body);
  return true;
}
