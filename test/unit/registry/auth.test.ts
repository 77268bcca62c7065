/** Proving who asks: what is sent to whom, and what registries and token servers can do wrong. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RegistryClient } from '../../../src/registry/registry-client.ts';
import { type Asked, FakeRegistry, reply, say } from '../../support/fake-registry.ts';
import { planishError } from '../../support/planish-error.ts';

let registry: FakeRegistry;
let tokens: Server;
let tokenRequests: Asked[];
let giveToken: (response: ServerResponse) => void;
let directory: string;
let now: number;
let waits: number[];

beforeEach(async () => {
  registry = await FakeRegistry.start();
  registry.addImage();
  directory = mkdtempSync(join(tmpdir(), 'planish-auth-'));
  tokenRequests = [];
  now = 0;
  waits = [];
  let count = 0;
  giveToken = (response) =>
    void say(response, 200, JSON.stringify({ token: `t${++count}`, expires_in: 300 }));
  tokens = createServer((request, response) => void serveToken(request, response));
  await new Promise<void>((resolve) => tokens.listen(0, '127.0.0.1', resolve));
});

async function serveToken(request: Parameters<typeof readAll>[0], response: ServerResponse): Promise<void> {
  const { method = '', url = '', headers } = request;
  tokenRequests.push({ method, url, headers, body: await readAll(request) });
  giveToken(response);
}

async function readAll(request: import('node:http').IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece);
  return Buffer.concat(pieces);
}

afterEach(() => {
  vi.unstubAllEnvs();
  registry.stop();
  tokens.closeAllConnections();
  tokens.close();
  rmSync(directory, { recursive: true, force: true });
});

const realm = () => `http://127.0.0.1:${(tokens.address() as AddressInfo).port}/token`;

/** The registry wants a token that `accepts` knows. */
function demand(accepts: (header: string | undefined) => boolean, challenge?: string): void {
  const wanted = challenge ?? `Bearer realm="${realm()}",service="the registry"`;
  registry.intercept = ({ headers }, response) =>
    accepts(headers.authorization) ? undefined : say(response, 401, '', { 'www-authenticate': wanted });
}

function client(authFiles: readonly string[] = []): RegistryClient {
  const timing = {
    now: () => now,
    wait: async (ms: number) => void waits.push(ms),
  };
  const { host } = registry;
  return new RegistryClient({
    host,
    repository: 'app',
    actions: 'pull',
    tlsVerify: false,
    authFiles,
    timing,
  });
}

async function get(asking = client()): Promise<number> {
  const answer = await asking.send({ method: 'GET', path: asking.path('manifests', 'latest') });
  answer.drop();
  return answer.status;
}

function authFile(document: object): string[] {
  const file = join(directory, 'auth.json');
  writeFileSync(file, JSON.stringify(document));
  return [join(directory, 'absent.json'), file];
}

const auth = (pair: string) => ({ auth: Buffer.from(pair).toString('base64') });
const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`;

describe('tokens', () => {
  it('are asked for once, and again when they are old', async () => {
    demand((header) => header?.startsWith('Bearer t') === true);
    const asking = client();
    expect(await get(asking)).toBe(200);
    expect(await get(asking)).toBe(200);
    expect(tokenRequests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /token?service=the+registry&scope=repository%3Aapp%3Apull',
    ]);
    now = 300_000;
    expect(await get(asking)).toBe(200);
    expect(tokenRequests).toHaveLength(2);
    // Of the three, none was refused: what is wanted was learned at first.
    expect(registry.lines).toHaveLength(3);
  });

  it('are shared by those who ask at once', async () => {
    demand((header) => header === 'Bearer t1');
    const asking = client();
    expect(await Promise.all([get(asking), get(asking), get(asking)])).toEqual([200, 200, 200]);
    expect(tokenRequests).toHaveLength(1);
  });

  it('live for a minute where nothing is said', async () => {
    demand((header) => header === 'Bearer a');
    giveToken = (response) => void say(response, 200, '{"access_token":"a","expires_in":1}');
    const asking = client();
    await get(asking);
    now = 59_999;
    await get(asking);
    expect(tokenRequests).toHaveLength(1);
  });

  it('that are refused are replaced, once', async () => {
    demand(
      (header) => header === 'Bearer t2',
      `Bearer realm="${realm()}",scope="repository:app:pull repository:x:pull"`,
    );
    expect(await get()).toBe(200);
    expect(tokenRequests[1]?.url).toBe('/token?scope=repository%3Aapp%3Apull&scope=repository%3Ax%3Apull');
  });

  it('that are refused again and again end it', async () => {
    demand((header) => header === 'never');
    const error = await planishError(get());
    expect(error).toMatchObject({
      code: 'REGISTRY_DENIED',
      message: `the registry ${registry.host} denies access: status 401`,
      detail: { hint: `there are no credentials for it: podman login ${registry.host}, or --authfile FILE` },
    });
    expect(registry.lines).toHaveLength(2);
    expect(tokenRequests).toHaveLength(2);
  });

  it.each([
    ['no JSON', '<html>secret'],
    ['nothing', '{}'],
    ['no text', '{"token":{"secret":1}}'],
    ['a header of its own', '{"token":"secret\\r\\nx: y"}'],
    ['no letters', '{"token":"sécret"}'],
    ['too much', JSON.stringify({ token: 's'.repeat(2 ** 20) })],
  ])('that are %s', async (_, body) => {
    demand(() => false);
    giveToken = (response) => void say(response, 200, body);
    const error = await planishError(get());
    expect(error.kind).toBe('input');
    expect(error.message + JSON.stringify(error.detail)).not.toContain('secret');
  });

  it('are not given', async () => {
    demand(() => false);
    giveToken = (response) =>
      void say(response, 401, '{"errors":[{"code":"DENIED","message":"who are you"}]}');
    expect(await planishError(get())).toMatchObject({
      code: 'REGISTRY_DENIED',
      message: `no token for the registry ${registry.host} is given: status 401: DENIED who are you`,
    });
    expect(tokenRequests).toHaveLength(1);
  });

  it('are waited for', async () => {
    demand((header) => header === 'Bearer late');
    let count = 0;
    giveToken = (response) =>
      count++ < 2 ? reply(response, 502) : void say(response, 200, '{"token":"late"}');
    expect(await get()).toBe(200);
    expect(waits).toEqual([1000, 2000]);
  });

  it('are at an address where redirections lead nowhere', async () => {
    demand(() => false);
    giveToken = (response) => reply(response, 302, { location: 'http://127.0.0.1:1/' });
    expect((await planishError(get())).code).toBe('REGISTRY_REFUSED');
  });

  it.each([
    ['', ''],
    ['file:///x', ''],
    ['ftp://x/', ''],
    ['http://user:secret@127.0.0.1/', ''],
    ['no address', ''],
  ])('are at no address like "%s"', async (address) => {
    demand(() => false, `Bearer realm="${address}"`);
    const error = await planishError(get());
    expect(error.code).toBe('REGISTRY_BAD_ANSWER');
    expect(error.message + JSON.stringify(error.detail)).not.toContain('secret');
  });

  it.each([[''], ['Digest realm=x'], ['"']])('are not what is wanted with "%s"', async (challenge) => {
    demand(() => false, challenge);
    expect(await planishError(get())).toMatchObject({
      code: 'REGISTRY_DENIED',
      message: 'the registry wants credentials of a kind that is not known',
    });
  });
});

describe('credentials', () => {
  it('are sent for a token, and only those for the registry', async () => {
    demand((header) => header === 'Bearer t1');
    const host = new URL(realm()).host;
    const files = authFile({ auths: { [registry.host]: auth('me:pass'), [host]: auth('other:secret') } });
    expect(await get(client(files))).toBe(200);
    expect(tokenRequests[0]?.headers.authorization).toBe(basic('me:pass'));
    expect(tokenRequests[0]?.url).toBe(
      '/token?service=the+registry&scope=repository%3Aapp%3Apull&account=me',
    );
    expect(JSON.stringify([tokenRequests, registry.asked])).not.toContain(auth('other:secret').auth);
    // The password itself never goes to the registry.
    expect(JSON.stringify(registry.asked)).not.toContain(auth('me:pass').auth);
  });

  it('are not sent anywhere where the registry has none of its own', async () => {
    demand((header) => header === 'Bearer t1');
    const host = new URL(realm()).host;
    expect(await get(client(authFile({ auths: { [host]: auth('other:secret') } })))).toBe(200);
    expect(tokenRequests[0]?.headers.authorization).toBeUndefined();
  });

  it('may be a token by which others are asked for', async () => {
    demand((header) => header === 'Bearer t1');
    const files = authFile({ auths: { [registry.host]: { identitytoken: 'i&d' } } });
    expect(await get(client(files))).toBe(200);
    expect(tokenRequests[0]?.method).toBe('POST');
    expect(tokenRequests[0]?.url).toBe('/token');
    expect(tokenRequests[0]?.body.toString()).toBe(
      'grant_type=refresh_token&service=the+registry&client_id=planish&scope=repository%3Aapp%3Apull&refresh_token=i%26d',
    );
  });

  it('may be a token for the registry itself', async () => {
    demand((header) => header === 'Bearer own');
    expect(await get(client(authFile({ auths: { [registry.host]: { registrytoken: 'own' } } })))).toBe(200);
    expect(tokenRequests).toEqual([]);
  });

  it('are sent with every request where the registry wants a password', async () => {
    demand((header) => header === basic('me:pass'), 'Basic realm="x"');
    const files = authFile({ auths: { [`${registry.host}/app`]: auth('me:pass') } });
    expect(await get(client(files))).toBe(200);
    const denied = await planishError(
      get(client(authFile({ auths: { [registry.host]: auth('me:secret') } }))),
    );
    expect(denied).toMatchObject({
      code: 'REGISTRY_DENIED',
      detail: { hint: 'there are credentials for it, but they do not suffice' },
    });
    expect(denied.message + JSON.stringify(denied.detail)).not.toContain('secret');
  });

  it('are not sent before anybody asks', async () => {
    expect(await get(client(authFile({ auths: { [registry.host]: auth('me:pass') } })))).toBe(200);
    expect(registry.asked.every(({ headers }) => headers.authorization === undefined)).toBe(true);
  });

  it('that are malformed are an error only where they are wanted', async () => {
    writeFileSync(join(directory, 'auth.json'), '{secret');
    const files = [join(directory, 'auth.json')];
    expect(await get(client(files))).toBe(200);
    demand(() => false);
    const error = await planishError(get(client(files)));
    expect(error).toMatchObject({ code: 'CREDENTIALS_BAD', detail: { file: files[0] } });
    expect(error.message).not.toContain('secret');
  });
});

describe('credential helpers', () => {
  function helper(script: string): string[] {
    const file = join(directory, 'docker-credential-fake');
    writeFileSync(file, `#!/bin/sh\n${script}\n`);
    chmodSync(file, 0o755);
    vi.stubEnv('PATH', `${directory}${delimiter}${process.env['PATH']}`);
    demand((header) => header === basic('me:pass'), 'Basic');
    return authFile({ credHelpers: { [registry.host]: 'fake' } });
  }

  it('are asked for the host', async () => {
    const files = helper(
      `[ "$1" = get ] && read -r host; [ "$host" = "${registry.host}" ] && echo '{"Username":"me","Secret":"pass"}'`,
    );
    expect(await get(client(files))).toBe(200);
  });

  it('may have none', async () => {
    const files = helper('echo "credentials not found in native keychain"; exit 1');
    expect((await planishError(get(client(files)))).code).toBe('REGISTRY_DENIED');
  });

  it.each([
    ['exit 3', 'the credential helper docker-credential-fake failed with status 3'],
    ['echo secret', 'the credential helper fake answers nothing that is known'],
    ['yes secret', 'the credential helper docker-credential-fake answers too much'],
  ])('that do "%s"', async (script, message) => {
    expect(await planishError(get(client(helper(script))))).toMatchObject({
      code: 'CREDENTIALS_BAD',
      message,
    });
  });

  it('are not there', async () => {
    // Elsewhere there may be directories that this user cannot look into, which is another errno.
    vi.stubEnv('PATH', directory);
    demand(() => false, 'Basic');
    expect(await planishError(get(client(authFile({ credsStore: 'nowhere-to-be-found' }))))).toMatchObject({
      code: 'CREDENTIALS_BAD',
      message: 'the credential helper docker-credential-nowhere-to-be-found cannot be run: ENOENT',
    });
  });
});
