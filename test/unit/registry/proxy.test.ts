/** Registries that are reached by a proxy, and proxies that lie. */
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { createServer as createSecureServer, type Server as SecureServer } from 'node:tls';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { PlanishError } from '../../../src/errors.ts';
import { RegistryClient, type RegistryOptions } from '../../../src/registry/registry-client.ts';
import { FakeRegistry } from '../../support/fake-registry.ts';
import { keyBytes } from '../../support/test-keys.ts';

let registry: FakeRegistry;
/** The registry, with TLS. */
let secure: SecureServer;
let proxy: Server;
let asked: string[];
/** What the proxy does with CONNECT. */
let onConnect: (socket: Socket) => void;

const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;

beforeEach(async () => {
  registry = await FakeRegistry.start();
  asked = [];
  const [, port] = registry.host.split(':');
  secure = createSecureServer({ key: keyBytes('db.key'), cert: keyBytes('db.crt') }, (socket) => {
    const inner = connect(Number(port), '127.0.0.1');
    socket.on('error', () => inner.destroy()).pipe(inner);
    inner.on('error', () => socket.destroy()).pipe(socket);
  });
  onConnect = (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    const inner = connect(portOf(secure), '127.0.0.1');
    socket.on('error', () => inner.destroy()).pipe(inner);
    inner.on('error', () => socket.destroy()).pipe(socket);
  };
  proxy = createServer(forward);
  proxy.on('connect', ({ url, headers }, socket) => {
    asked.push(`CONNECT ${url} ${headers['proxy-authorization'] ?? ''}`.trim());
    onConnect(socket as Socket);
  });
  for (const server of [secure, proxy])
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
});

afterEach(() => {
  registry.stop();
  secure.close();
  proxy.close();
  proxy.closeAllConnections();
});

function forward({ method, url = '', headers }: IncomingMessage, response: ServerResponse): void {
  asked.push(`${method} ${url}`);
  request(url, { method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 0, answer.headers);
    answer.pipe(response);
  }).end();
}

/** Asks for a manifest; gives the status, and what the proxy was asked. */
async function ask(host: string, options: RegistryOptions, account = ''): Promise<number> {
  const address = new URL(`http://${account}127.0.0.1:${portOf(proxy)}`);
  const timing = { wait: async () => undefined };
  const client = new RegistryClient({
    proxy: () => address,
    timing,
    ...options,
    host,
    repository: 'app',
    actions: 'pull',
  });
  try {
    const answer = await client.send({ method: 'GET', path: client.path('manifests', 'v1') });
    answer.drop();
    return answer.status;
  } finally {
    client.close();
  }
}

it('are reached through a tunnel where they have TLS, with the name and password of the proxy', async () => {
  registry.addImage('v1');
  expect(await ask('reg.example:5000', { tlsVerify: false }, 'user:secret@')).toBe(200);
  const proof = Buffer.from('user:secret').toString('base64');
  expect([...new Set(asked)]).toEqual([`CONNECT reg.example:5000 Basic ${proof}`]);
  expect(registry.asked.map(({ headers }) => headers['proxy-authorization'])).toEqual([undefined, undefined]);
});

it('must have a certificate that is trusted behind a tunnel as well', async () => {
  const error = (await ask('reg.example:5000', {}).catch((thrown: unknown) => thrown)) as PlanishError;
  expect([error.code, error.message]).toEqual([
    'REGISTRY_UNREACHABLE',
    'the registry reg.example:5000 cannot be reached: its certificate is not trusted: DEPTH_ZERO_SELF_SIGNED_CERT',
  ]);
  expect(registry.asked).toEqual([]);
});

it('are asked by way of the proxy where they have no TLS', async () => {
  registry.addImage('v1');
  onConnect = (socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
  expect(await ask(registry.host, { tlsVerify: false })).toBe(200);
  expect(asked).toEqual([
    `CONNECT ${registry.host}`,
    `GET http://${registry.host}/v2/`,
    `GET http://${registry.host}/v2/app/manifests/v1`,
  ]);
});

it('do not get to speak through what a proxy says instead of leading on', async () => {
  const realm = `http://127.0.0.1:${portOf(proxy)}/token`;
  const challenge = `www-authenticate: Bearer realm="${realm}"`;
  onConnect = (socket) =>
    socket.end(`HTTP/1.1 401 Unauthorized\r\n${challenge}\r\ncontent-length: 0\r\n\r\n`);
  const error = (await ask('reg.example:5000', {}).catch((thrown: unknown) => thrown)) as PlanishError;
  expect([error.code, error.message]).toEqual([
    'REGISTRY_UNREACHABLE',
    'the registry reg.example:5000 cannot be reached: the proxy refuses: status 401',
  ]);
  expect(asked).toEqual(['CONNECT reg.example:5000']);
});
