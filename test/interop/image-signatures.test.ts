/**
 * Signatures of images against cosign 2 and 3 and skopeo, over a registry on loopback: what planish signed is accepted
 * by all, and refused with another key, a changed payload, another repository; what they signed, planish verifies.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BlobDigest } from '../../src/bytes/digest.ts';
import { referrersTag } from '../../src/oci/attachments.ts';
import { emit } from '../../src/ops/repository/emit.ts';
import { repoExport } from '../../src/ops/repository/repo-export.ts';
import { sign } from '../../src/ops/sign/sign.ts';
import { verify } from '../../src/ops/verify/verify.ts';
import { blobPath, digestOf, makeLayout } from '../support/layout-maker.ts';
import { hasRegistry, type Registry, startRegistry } from '../support/registry.ts';
import { type Answer, copyTag, mustRun, run } from '../support/registry-tools.ts';
import { smallTar } from '../support/tar-maker.ts';
import { keyFile } from '../support/test-keys.ts';
import { trixieFile } from '../support/trixie.ts';

const WHAT = 'signatures of images';
const skopeo = trixieFile('bin/skopeo', WHAT);
const cosign2 = trixieFile('bin/cosign', WHAT);
const cosign3 = findCosign3();
const ready = skopeo !== undefined && cosign2 !== undefined && hasRegistry(WHAT);

function findCosign3(): string | undefined {
  if (spawnSync('cosign3', ['version']).status === 0) return 'cosign3';
  process.stderr.write(`SKIPPED: ${WHAT} against cosign 3: cosign3 is not on PATH (see .ci/run)\n`);
  return undefined;
}

const work = mkdtempSync(join(tmpdir(), 'planish-test-'));
let registry: Registry;
beforeAll(async () => {
  if (ready) registry = await startRegistry();
});
afterAll(() => {
  if (ready) registry.stop();
  rmSync(work, { recursive: true, force: true });
});

const EC = { name: 'p256', key: keyFile('p256.key'), cert: keyFile('p256.crt') };
const RSA = { name: 'rsa3072', key: keyFile('rsa3072.key'), cert: keyFile('rsa3072.crt') };

/** The public key alone, as the others want it. */
function publicKey(cert: string): string {
  const file = join(work, `${cert.replace(/.*\//, '')}.pub`);
  const run = spawnSync('openssl', ['x509', '-in', cert, '-pubkey', '-noout', '-out', file]);
  if (run.status !== 0) throw new Error(String(run.stderr));
  return file;
}

let serial = 0;
/** A fresh image in a layout, its repository on the registry, and its digest. */
async function image(): Promise<{ path: string; repository: string; digest: BlobDigest }> {
  const name = `test/image-${serial++}`;
  const made = await makeLayout(join(work, name), [{ tar: smallTar(), compression: 'gzip' }], {
    // Every image is another, so that none has the signatures of another.
    config: (document) => ({ ...document, config: { Labels: { name } } }),
  });
  return {
    path: made.directory,
    repository: `${registry.host}/${name}`,
    digest: made.manifest.digest as BlobDigest,
  };
}

/** Tags as skopeo copies them, whatever they are of. */
const copy = (from: string, to: string): Answer => copyTag(skopeo ?? '', from, to);

/** Pushes the image and all that is attached to it. */
function push(path: string, repository: string, digest: BlobDigest): void {
  const tags = [referrersTag(digest), `${referrersTag(digest)}.sig`];
  for (const tag of ['latest', ...tags]) {
    const { ok, text } = copy(`oci:${path}:${tag}`, `docker://${repository}:${tag}`);
    if (!ok && !text.includes('no descriptor found')) throw new Error(text);
  }
}

const COSIGN = ['--insecure-ignore-tlog=true', '--allow-insecure-registry'];

function cosignAnswer(program: string | undefined, key: string, repository: string): Answer {
  return run(program ?? '', ['verify', '--key', key, ...COSIGN, `${repository}:latest`]);
}

/** Whether skopeo takes the image by a policy that demands a signature for its repository. */
function skopeoAnswer(key: string, repository: string): Answer {
  const directory = mkdtempSync(join(work, 'policy-'));
  const requirement = { type: 'sigstoreSigned', keyPath: key, signedIdentity: { type: 'matchRepository' } };
  const policy = {
    default: [{ type: 'reject' }],
    transports: { docker: { [registry.host]: [requirement] } },
  };
  writeFileSync(join(directory, 'policy.json'), JSON.stringify(policy));
  mkdirSync(join(directory, 'registries.d'));
  const attachments = `docker: {"${registry.host}": {use-sigstore-attachments: true}}\n`;
  writeFileSync(join(directory, 'registries.d/default.yaml'), attachments);
  const files = [
    '--policy',
    join(directory, 'policy.json'),
    '--registries.d',
    join(directory, 'registries.d'),
  ];
  const target = `dir:${join(directory, 'out')}`;
  return run(skopeo ?? '', [
    ...files,
    'copy',
    '-q',
    '--src-tls-verify=false',
    `docker://${repository}:latest`,
    target,
  ]);
}

/** What planish says of the layout. */
async function planishAnswer(path: string, keys: readonly string[], identity?: string): Promise<boolean> {
  return (await verify(`oci:${path}:latest`, { keys, identity, jobs: 1 })).findings === 0;
}

// biome-ignore lint/suspicious/noExplicitAny: documents are changed at will.
type Document = any;

const readJson = (path: string, digest: string): Document =>
  JSON.parse(readFileSync(blobPath(path, digest), 'utf8'));

function put(path: string, bytes: Buffer): { digest: string; size: number } {
  const digest = digestOf(bytes);
  writeFileSync(blobPath(path, digest), bytes);
  return { digest, size: bytes.length };
}

const putJson = (path: string, document: Document) => put(path, Buffer.from(JSON.stringify(document)));

/** Changes what was signed, in both forms, without the key: every digest fits, only the signatures do not. */
function forge(path: string, change: (text: string) => string): void {
  const index = JSON.parse(readFileSync(join(path, 'index.json'), 'utf8'));
  const [, attachment, list] = index.manifests;
  const signatures = readJson(path, attachment.digest);
  const [payload] = signatures.layers;
  const changed = change(readFileSync(blobPath(path, payload.digest), 'utf8'));
  Object.assign(payload, put(path, Buffer.from(changed)));
  const config = readJson(path, signatures.config.digest);
  config.rootfs.diff_ids = [payload.digest];
  Object.assign(signatures.config, putJson(path, config));
  Object.assign(attachment, putJson(path, signatures));
  const referrers = readJson(path, list.digest);
  const [entry] = referrers.manifests;
  const artifact = readJson(path, entry.digest);
  const bundle = readJson(path, artifact.layers[0].digest);
  const statement = Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString();
  bundle.dsseEnvelope.payload = Buffer.from(
    statement.replace('"predicate":{}', '"predicate":{"a":1}'),
  ).toString('base64');
  Object.assign(artifact.layers[0], putJson(path, bundle));
  Object.assign(entry, putJson(path, artifact));
  Object.assign(list, putJson(path, referrers));
  writeFileSync(join(path, 'index.json'), JSON.stringify(index));
}

describe.skipIf(!ready)('what planish signed', () => {
  it.each([EC, RSA])('with $name is accepted by all, and refused with another key', async ({ key, cert }) => {
    const { path, repository, digest } = await image();
    await sign(`oci:${path}:latest`, { key, identity: repository });
    push(path, repository, digest);
    const good = publicKey(cert);
    const other = publicKey(keyFile('other.crt'));
    expect(cosignAnswer(cosign2, good, repository)).toMatchObject({ ok: true });
    expect(skopeoAnswer(good, repository)).toMatchObject({ ok: true });
    expect(await planishAnswer(path, [cert], repository)).toBe(true);
    expect(cosignAnswer(cosign2, other, repository)).toMatchObject({ ok: false });
    expect(skopeoAnswer(other, repository).text).toContain('cryptographic signature verification failed');
    expect(await planishAnswer(path, [keyFile('other.crt')])).toBe(false);
    if (cosign3 === undefined) return;
    expect(cosignAnswer(cosign3, good, repository)).toMatchObject({ ok: true });
    expect(cosignAnswer(cosign3, other, repository)).toMatchObject({ ok: false });
  });

  it('is accepted by cosign out of the layout itself', async () => {
    const { path, repository } = await image();
    await sign(`oci:${path}:latest`, { key: EC.key, identity: repository });
    const options = ['verify', '--insecure-ignore-tlog=true', '--local-image'];
    for (const program of [cosign2, ...(cosign3 === undefined ? [] : [cosign3])]) {
      expect(run(program ?? '', [...options, '--key', publicKey(EC.cert), path])).toMatchObject({ ok: true });
      expect(run(program ?? '', [...options, '--key', publicKey(RSA.cert), path])).toMatchObject({
        ok: false,
      });
    }
  });

  it('is accepted by all when it comes back out of a repository', async () => {
    const { path, repository, digest } = await image();
    await sign(`oci:${path}:latest`, { key: EC.key, identity: repository });
    const hosts = join(work, 'hosts');
    await emit(`oci:${path}:latest`, { repository: hosts, verity: 'none' });
    const copied = join(work, 'copied');
    await repoExport(hosts, 'latest', { destination: `oci:${copied}:latest` });
    push(copied, repository, digest);
    for (const [cert, ok] of [
      [EC.cert, true],
      [RSA.cert, false],
    ] as const) {
      expect(skopeoAnswer(publicKey(cert), repository).ok).toBe(ok);
      expect(cosignAnswer(cosign2, publicKey(cert), repository).ok).toBe(ok);
      if (cosign3 !== undefined) expect(cosignAnswer(cosign3, publicKey(cert), repository).ok).toBe(ok);
      expect(await planishAnswer(copied, [cert], repository)).toBe(ok);
    }
  });

  it('as a bundle alone satisfies cosign 3, as an attachment alone the others', async () => {
    const { path, repository, digest } = await image();
    await sign(`oci:${path}:latest`, { key: EC.key, forms: ['bundle'] });
    push(path, repository, digest);
    const key = publicKey(EC.cert);
    expect(cosignAnswer(cosign2, key, repository).ok).toBe(false);
    expect(skopeoAnswer(key, repository).text).toContain('no signature exists');
    expect(await planishAnswer(path, [EC.cert])).toBe(true);
    if (cosign3 !== undefined) expect(cosignAnswer(cosign3, key, repository)).toMatchObject({ ok: true });
  });

  it('and was changed since is refused by all', async () => {
    const { path, repository, digest } = await image();
    await sign(`oci:${path}:latest`, { key: EC.key, identity: `${repository}x` });
    forge(path, (text) => text.replace(`${repository}x`, repository));
    push(path, repository, digest);
    const key = publicKey(EC.cert);
    expect(cosignAnswer(cosign2, key, repository).ok).toBe(false);
    expect(skopeoAnswer(key, repository).text).toContain('cryptographic signature verification failed');
    expect(await planishAnswer(path, [EC.cert])).toBe(false);
    if (cosign3 !== undefined) expect(cosignAnswer(cosign3, key, repository).ok).toBe(false);
  });

  it('for another repository is refused by skopeo and planish, which compare it; cosign does not', async () => {
    const { path, repository, digest } = await image();
    await sign(`oci:${path}:latest`, { key: EC.key, forms: ['cosign'], identity: `${repository}x` });
    push(path, repository, digest);
    const key = publicKey(EC.cert);
    expect(skopeoAnswer(key, repository).text).toContain('is not accepted');
    expect(await planishAnswer(path, [EC.cert], repository)).toBe(false);
    expect(await planishAnswer(path, [EC.cert], `${repository}x`)).toBe(true);
    expect(cosignAnswer(cosign2, key, repository).ok).toBe(true);
  });

  it('not at all is refused by all', async () => {
    const { path, repository, digest } = await image();
    push(path, repository, digest);
    const key = publicKey(EC.cert);
    expect(cosignAnswer(cosign2, key, repository).ok).toBe(false);
    expect(skopeoAnswer(key, repository).text).toContain('no signature exists');
    expect(await planishAnswer(path, [EC.cert])).toBe(false);
  });
});

describe.skipIf(!ready)('what cosign signed', () => {
  /** Brings the image back with what is attached to it. */
  function pull(repository: string, digest: BlobDigest): string {
    const path = join(work, `pulled-${serial++}`);
    for (const tag of ['latest', referrersTag(digest), `${referrersTag(digest)}.sig`])
      copy(`docker://${repository}:${tag}`, `oci:${path}:${tag}`);
    return path;
  }

  const versions = [
    ['2', cosign2, ['--tlog-upload=false']],
    ['3', cosign3, ['--tlog-upload=false', '--use-signing-config=false']],
  ] as const;
  const there = versions.flatMap(([version, program, options]) =>
    program === undefined ? [] : [[version, program, options] as const],
  );

  it.each(there)('version %s is verified, and kept beside ours', async (_version, program, options) => {
    const { path, repository, digest } = await image();
    push(path, repository, digest);
    const password = { COSIGN_PASSWORD: 'secret' };
    const key = ['--key', keyFile('cosign.key')];
    const target = `${repository}@${digest}`;
    mustRun(program, ['sign', '-y', ...key, ...options, '--allow-insecure-registry', target], password);
    const pulled = pull(repository, digest);
    expect(await planishAnswer(pulled, [keyFile('cosign.pub')])).toBe(true);
    expect(await planishAnswer(pulled, [EC.cert])).toBe(false);
    const kept = join(work, `kept-${serial++}`);
    cpSync(pulled, kept, { recursive: true });
    await sign(`oci:${kept}:latest`, { key: EC.key, identity: repository });
    expect(await planishAnswer(kept, [keyFile('cosign.pub')])).toBe(true);
    expect(await planishAnswer(kept, [EC.cert], repository)).toBe(true);
    push(kept, repository, digest);
    expect(cosignAnswer(program, publicKey(EC.cert), repository)).toMatchObject({ ok: true });
    expect(cosignAnswer(program, keyFile('cosign.pub'), repository)).toMatchObject({ ok: true });
  });
});
