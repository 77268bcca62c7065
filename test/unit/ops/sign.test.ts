/** `sign`: what it writes, and what it refuses. */
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../src/errors.ts';
import { inspect } from '../../../src/ops/look/inspect.ts';
import { type SignOptions, type SignResult, sign } from '../../../src/ops/sign/sign.ts';
import { keyFile } from '../../support/test-keys.ts';
import { Blobs, failure, named, tarOf } from '../io/sample-image.ts';

const work = mkdtempSync(join(tmpdir(), 'planish-test-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const IDENTITY = 'registry.example/team/demo';
const P256: SignOptions = { key: keyFile('p256.key'), identity: IDENTITY };
const RSA: SignOptions = { key: keyFile('rsa3072.key'), identity: IDENTITY };
const CREATED = '2026-05-28T20:26:40Z';

const blobs = new Blobs();
const image = blobs.image('demo', { created: CREATED });
const plain = join(work, 'plain');
cpSync(blobs.layout([named(image, 'flat')]), plain, { recursive: true });
const DIGEST = image.digest;
const HEX = DIGEST.slice('sha256:'.length);

let serial = 0;
/** A fresh copy of the unsigned layout. */
function layout(): string {
  const path = join(work, `layout-${serial++}`);
  cpSync(plain, path, { recursive: true });
  return path;
}

/** Every file of a layout with its digest. */
function fingerprint(path: string): string[] {
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files
    .map(({ parentPath, name }) => join(parentPath, name))
    .map(
      (file) => `${file.slice(path.length)} ${createHash('sha256').update(readFileSync(file)).digest('hex')}`,
    )
    .sort();
}

// biome-ignore lint/suspicious/noExplicitAny: documents of many shapes.
function blob(path: string, digest: string): any {
  return JSON.parse(readFileSync(join(path, 'blobs', digest.replace(':', '/')), 'utf8'));
}

// biome-ignore lint/suspicious/noExplicitAny: as above.
function entries(path: string): any[] {
  return JSON.parse(readFileSync(join(path, 'index.json'), 'utf8')).manifests;
}

describe('sign', () => {
  it('writes both forms beside the image, and changes nothing else', async () => {
    const path = layout();
    const result = await sign(`oci:${path}:flat`, P256);
    expect(result.manifest).toBe(DIGEST);
    expect(result.signatures).toHaveLength(2);
    const [own, signatures, referrers] = entries(path);
    const refName = 'org.opencontainers.image.ref.name';
    expect(own.annotations).toEqual({ [refName]: 'flat', kind: 'dev.cosignproject.cosign/image' });
    expect(signatures.annotations).toEqual({
      [refName]: `sha256-${HEX}.sig`,
      kind: 'dev.cosignproject.cosign/sigs',
    });
    expect(referrers.annotations).toEqual({ [refName]: `sha256-${HEX}` });
    const [listed] = blob(path, referrers.digest).manifests;
    expect(listed).toMatchObject({
      artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      digest: result.signatures[1]?.manifest,
    });
    expect(blob(path, listed.digest)).toMatchObject({
      subject: { digest: DIGEST },
      annotations: {
        'dev.sigstore.bundle.content': 'dsse-envelope',
        'dev.sigstore.bundle.predicateType': 'https://sigstore.dev/cosign/sign/v1',
        'org.opencontainers.image.created': CREATED,
      },
    });
    const [payload] = blob(path, signatures.digest).layers;
    expect(blob(path, payload.digest).critical.identity['docker-reference']).toBe(IDENTITY);
    const before = fingerprint(plain).filter((line) => !line.startsWith('/index.json'));
    expect(fingerprint(path)).toEqual(expect.arrayContaining(before));
  });

  it.each([
    ['ECDSA', P256],
    ['RSA', RSA],
  ])('gives the same bytes elsewhere and changes nothing again, with %s', async (_name, key) => {
    const [first, second] = [layout(), layout()];
    for (const path of [first, second]) await sign(`oci:${path}:flat`, key);
    expect(fingerprint(second)).toEqual(fingerprint(first));
    const again = await sign(`oci:${first}:flat`, key);
    expect(again.signatures.map(({ added }) => added)).toEqual([false, false]);
    expect(fingerprint(first)).toEqual(fingerprint(second));
  });

  it('adds the signature of a second key to that of the first', async () => {
    const path = layout();
    for (const key of [P256, RSA]) await sign(`oci:${path}:flat`, key);
    const [, signatures, referrers] = entries(path);
    expect(blob(path, signatures.digest).layers).toHaveLength(2);
    expect(blob(path, blob(path, signatures.digest).config.digest).rootfs.diff_ids).toHaveLength(2);
    expect(blob(path, referrers.digest).manifests).toHaveLength(2);
    expect(entries(path)).toHaveLength(3);
  });

  it('is shown by inspect', async () => {
    const reference = `oci:${layout()}:flat`;
    expect((await inspect(reference)).attached).toEqual([]);
    const { signatures } = await sign(reference, P256);
    await sign(reference, RSA);
    const attached = (await inspect(reference)).attached;
    expect(attached.map(({ how, type, layers, error }) => [how, type, layers, error])).toEqual([
      ['tag', 'application/vnd.oci.image.config.v1+json', 2, undefined],
      ['subject', 'application/vnd.dev.sigstore.bundle.v0.3+json', 1, undefined],
      ['subject', 'application/vnd.dev.sigstore.bundle.v0.3+json', 1, undefined],
    ]);
    expect(attached[1]?.digest).toBe(signatures[1]?.manifest);
  });

  it('marks signatures for cosign, unless their image has been replaced', async () => {
    const path = layout();
    await sign(`oci:${path}:flat`, P256);
    const next = blobs.image('next');
    for (const [digest, bytes] of blobs.map)
      writeFileSync(join(path, 'blobs', digest.replace(':', '/')), bytes);
    const index = JSON.parse(readFileSync(join(path, 'index.json'), 'utf8'));
    index.manifests[0] = named(next, 'flat');
    writeFileSync(join(path, 'index.json'), JSON.stringify(index));
    await sign(`oci:${path}:flat`, P256);
    const kinds = entries(path).map(({ annotations }) => annotations.kind);
    expect(kinds).toEqual([
      'dev.cosignproject.cosign/image',
      undefined,
      undefined,
      'dev.cosignproject.cosign/sigs',
      undefined,
    ]);
  });

  it('writes one form when asked', async () => {
    const path = layout();
    const bundle = await sign(`oci:${path}:flat`, { key: P256.key, forms: ['bundle'] });
    expect(bundle.signatures.map(({ form }) => form)).toEqual(['bundle']);
    expect(entries(path)).toHaveLength(2);
    await sign(`oci:${path}:flat`, { ...P256, forms: ['cosign'] });
    expect(entries(path)).toHaveLength(3);
  });

  it('signs an archive, with the same signatures', async () => {
    const archive = join(work, 'demo.tar');
    writeFileSync(archive, tarOf(blobs.members([named(image, 'flat')])));
    const one = await sign(`oci:${layout()}:flat`, P256);
    const other = await sign(archive, P256);
    expect(other.signatures).toEqual(one.signatures);
    expect((await sign(`oci-archive:${archive}:flat`, P256)).manifest).toBe(DIGEST);
  });

  it('signs an index and all images of it, or the one of a platform', async () => {
    const other = blobs.image('other', { architecture: 'arm64' });
    const platform = (architecture: string) => ({ platform: { os: 'linux', architecture } });
    const list = blobs.index([
      { ...image, ...platform('amd64') },
      { ...other, ...platform('arm64') },
    ]);
    const digestsOf = ({ signatures }: SignResult): string[] =>
      signatures.filter(({ form }) => form === 'cosign').map(({ subject }) => subject);
    const path = blobs.layout([named(list, 'both')]);
    const one = await sign(`oci:${path}:both`, { ...P256, platform: 'linux/arm64' });
    expect(digestsOf(one)).toEqual([other.digest]);
    const all = await sign(`oci:${path}:both`, { ...P256, platform: undefined });
    expect(digestsOf(all).sort()).toEqual([list.digest, image.digest, other.digest].sort());
    expect(all.signatures.filter(({ added }) => !added)).toHaveLength(2);
    expect(entries(path)[0].annotations.kind).toBe('dev.cosignproject.cosign/imageIndex');
    const before = fingerprint(path);
    await sign(`oci:${path}:both`, P256);
    expect(fingerprint(path)).toEqual(before);
  });

  it('asks a command, which never gives more than the signature', async () => {
    const [path, direct] = [layout(), layout()];
    const key = keyFile('rsa3072.key');
    const command = `openssl pkeyutl -sign -inkey '${key}' -pkeyopt digest:sha256`;
    const exec = { ...RSA, key: undefined, signWith: `exec:${command}`, publicKey: keyFile('rsa3072.crt') };
    await sign(`oci:${path}:flat`, exec);
    await sign(`oci:${direct}:flat`, RSA);
    expect(fingerprint(path)).toEqual(fingerprint(direct));
  });

  it('keeps a random signature of a command that is still good', async () => {
    const path = layout();
    const command = `openssl pkeyutl -sign -inkey '${keyFile('p256.key')}' -pkeyopt digest:sha256`;
    const exec = { ...P256, key: undefined, signWith: `exec:${command}`, publicKey: keyFile('p256.crt') };
    await sign(`oci:${path}:flat`, exec);
    const before = fingerprint(path);
    await sign(`oci:${path}:flat`, exec);
    await sign(`oci:${path}:flat`, P256);
    expect(fingerprint(path)).toEqual(before);
  });

  it('takes a key of cosign with its passphrase', async () => {
    const options = { ...P256, key: keyFile('cosign.key') };
    const reference = `oci:${layout()}:flat`;
    const wrong = { ...options, environment: { PLANISH_KEY_PASSPHRASE: 'wrong' } };
    expect((await failure(() => sign(reference, wrong))).code).toBe('KEY_BAD');
    const file = join(work, 'passphrase');
    writeFileSync(file, 'secret\n');
    const first = await sign(reference, { ...options, passphraseFile: file });
    const second = await sign(reference, { ...options, environment: { PLANISH_KEY_PASSPHRASE: 'secret' } });
    expect(second.key).toBe(first.key);
  });

  const wrongCommand = `exec:openssl pkeyutl -sign -inkey '${keyFile('db.key')}' -pkeyopt digest:sha256`;
  const refused: readonly [string, SignOptions, ErrorCode][] = [
    ['no identity', { key: P256.key }, 'BAD_OPTION'],
    ['an identity with a tag', { ...P256, identity: 'a/b:1' }, 'BAD_OPTION'],
    ['an identity in capitals', { ...P256, identity: 'a/B' }, 'BAD_OPTION'],
    ['a curve that images are not signed with', { ...P256, key: keyFile('p384.key') }, 'KEY_BAD'],
    ['a small key', { ...P256, key: keyFile('small.key') }, 'KEY_BAD'],
    ['a key that is none', { ...P256, key: keyFile('p256.crt') }, 'KEY_BAD'],
    ['no such file', { ...P256, key: join(work, 'none') }, 'SYSCALL_FAILED'],
    ['another public key', { ...P256, publicKey: keyFile('rsa3072.crt') }, 'KEY_MISMATCH'],
    ['a command without public key', { ...P256, key: undefined, signWith: 'exec:true' }, 'BAD_OPTION'],
    ['a key and a command', { ...P256, signWith: 'exec:true' }, 'BAD_OPTION'],
    ['neither', { identity: IDENTITY }, 'BAD_OPTION'],
    [
      'a command that fails',
      { ...P256, key: undefined, signWith: 'exec:false', publicKey: keyFile('p256.crt') },
      'SIGNER_FAILED',
    ],
    [
      'a command with another key',
      { ...RSA, key: undefined, signWith: wrongCommand, publicKey: keyFile('rsa3072.crt') },
      'SIGNER_FAILED',
    ],
    ['a token', { ...P256, key: undefined, signWith: 'pkcs11:token=x' }, 'BAD_OPTION'],
  ];
  it.each(refused)('refuses %s, and changes nothing', async (_name, options, code) => {
    const path = layout();
    expect((await failure(() => sign(`oci:${path}:flat`, options))).code).toBe(code);
    expect(fingerprint(path)).toEqual(fingerprint(plain));
  });

  it('refuses what has no place for signatures', async () => {
    const archive = join(work, 'docker.tar');
    const config = Buffer.from(
      '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}',
    );
    const manifest = Buffer.from('[{"Config":"c.json","RepoTags":["a/b:1"],"Layers":[]}]');
    writeFileSync(
      archive,
      tarOf([
        ['manifest.json', manifest],
        ['c.json', config],
      ]),
    );
    for (const reference of [`docker-archive:${archive}`, `rootfs:${work}`]) {
      expect((await failure(() => sign(reference, P256))).code).toBe('IMAGE_UNSUPPORTED');
    }
    expect((await failure(() => sign(`oci:${plain}:other`, P256))).code).toBe('NO_SUCH_IMAGE');
  });
});
