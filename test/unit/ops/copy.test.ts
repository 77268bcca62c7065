/** `copy`: the same bytes elsewhere, whatever the two places are. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BlobDigest } from '../../../src/bytes/digest.ts';
import { referrersTag } from '../../../src/oci/attachments.ts';
import { MEDIA_TYPES } from '../../../src/oci/media-types.ts';
import { type CopyOptions, copy } from '../../../src/ops/copy/copy.ts';
import { digest } from '../../../src/ops/hosts/digest.ts';
import { inspect } from '../../../src/ops/look/inspect.ts';
import type { Warning } from '../../../src/warnings.ts';
import { FakeRegistry, reply, say } from '../../support/fake-registry.ts';
import { digestOf, makeLayout } from '../../support/layout-maker.ts';
import { planishError } from '../../support/planish-error.ts';
import { smallLayers } from '../../support/small-repository.ts';

let registry: FakeRegistry;
let directory: string;

beforeEach(async () => {
  registry = await FakeRegistry.start();
  directory = mkdtempSync(join(tmpdir(), 'planish-copy-'));
});

afterEach(() => {
  registry.stop();
  rmSync(directory, { recursive: true, force: true });
});

const at = (name: string): string => join(directory, name);
const there = (name: string): string => `docker://${registry.host}/${name}`;
const OPTIONS: CopyOptions = { registry: { tlsVerify: false } };

const made = (name = 'image', text = 'a') =>
  makeLayout(at(name), [{ tar: Buffer.alloc(1024, text), compression: 'gzip' }, { tar: Buffer.alloc(2048) }]);

/** Names of blobs, by which their bytes were verified when they were written. */
const blobsOf = (layout: string): string[] => readdirSync(at(`${layout}/blobs/sha256`)).sort();

describe('one image', () => {
  it('goes through every kind of place and comes back as it was', async () => {
    const { reference, manifest, layers, config } = await made();
    const steps = [
      `oci:${at('second')}:v1`,
      `oci-archive:${at('third.tar')}:v2`,
      there('app:v3'),
      `oci:${at('back')}`,
    ];
    let from = reference;
    for (const to of steps) {
      const result = await copy(from, to, OPTIONS);
      expect(result).toEqual({
        source: from,
        destination: to,
        manifest: { mediaType: MEDIA_TYPES.ociManifest, digest: manifest.digest, size: manifest.size },
        documents: 1,
        blobs: { count: 3, size: config.size + layers.reduce((sum, { size }) => sum + size, 0) },
        referrers: [],
      });
      from = to;
    }
    expect(blobsOf('back')).toEqual(blobsOf('image'));
    // Nothing else is left beside the destinations.
    expect(readdirSync(directory).sort()).toEqual(['back', 'image', 'second', 'third.tar']);
    expect((await inspect(there('app:v3'), OPTIONS)).manifest.digest).toBe(manifest.digest);
  });

  it('is taken over within a registry without being read', async () => {
    registry.addImage('v1');
    registry.intercept = ({ method }, response) => (method === 'HEAD' ? reply(response, 404) : undefined);
    await copy(there('app:v1'), there('mirror/app:v1'), OPTIONS);
    expect(registry.lines.filter((line) => line.startsWith('GET') && line.includes('/blobs/'))).toEqual([]);
    expect(registry.lines.filter((line) => line.includes('from=app'))).toHaveLength(2);
    expect(registry.lines.at(-1)).toBe('PUT /v2/mirror/app/manifests/v1');
  });

  it('of which the layer cache knows the layers is digested without fetching any', async () => {
    const { reference, layers } = await makeLayout(at('image'), [{ tar: smallLayers()[0] as Buffer }]);
    await copy(reference, there('app:v1'), OPTIONS);
    const fetched = (): string[] => registry.lines.filter((line) => line.endsWith(`${layers[0]?.digest}`));
    const before = fetched().length;
    const options = { ...OPTIONS, cache: at('cache') };
    const first = await digest(there('app:v1'), options);
    expect(fetched()).toHaveLength(before + 1);
    expect(await digest(there('app:v1'), options)).toEqual(first);
    expect(fetched()).toHaveLength(before + 1);
    expect(first.tree).toBe((await digest(reference)).tree);
  });

  it('replaces what had the name, and leaves the others', async () => {
    const { reference } = await made();
    const other = await made('other', 'b');
    await copy(reference, `oci:${at('both')}:a`, OPTIONS);
    await copy(reference, `oci:${at('both')}:b`, OPTIONS);
    await copy(other.reference, `oci:${at('both')}:b`, OPTIONS);
    const { manifests } = JSON.parse(readFileSync(at('both/index.json'), 'utf8'));
    expect(manifests[1]).toEqual({
      mediaType: MEDIA_TYPES.ociManifest,
      digest: other.manifest.digest,
      size: other.manifest.size,
      annotations: { 'org.opencontainers.image.ref.name': 'b' },
    });
    expect(manifests).toHaveLength(2);
  });

  it('that is damaged goes nowhere', async () => {
    const { reference } = await makeLayout(at('image'), [
      { tar: Buffer.alloc(1024), spoil: (blob) => Buffer.from(blob.map((byte) => byte ^ 1)) },
    ]);
    for (const to of [`oci:${at('second')}`, `oci-archive:${at('third.tar')}`, there('app:v3')])
      expect((await planishError(copy(reference, to, OPTIONS))).code).toBe('DIGEST_MISMATCH');
    expect(readdirSync(directory)).toEqual(['image']);
    expect([...registry.manifests.keys()]).toEqual([]);
  });

  it('that is none is refused', async () => {
    mkdirSync(at('root'));
    writeFileSync(at('dump'), '');
    for (const source of [`rootfs:${at('root')}`, `dump:${at('dump')}`, at('root')]) {
      expect(await planishError(copy(source, `oci:${at('out')}`))).toMatchObject({
        code: 'IMAGE_UNSUPPORTED',
        detail: { hint: 'build makes an image of it' },
      });
    }
    expect(readdirSync(directory).sort()).toEqual(['dump', 'root']);
  });

  it('that nobody has leaves the destination as it was', async () => {
    expect((await planishError(copy(there('app:none'), `oci:${at('out')}`, OPTIONS))).code).toBe(
      'NO_SUCH_IMAGE',
    );
    expect(readdirSync(directory)).toEqual([]);
  });

  it('ends with a signal', async () => {
    const { reference } = await made();
    const controller = new AbortController();
    registry.intercept = ({ method }) => {
      if (method === 'HEAD') controller.abort();
      return method === 'HEAD' ? true : undefined;
    };
    const copied = copy(reference, there('app:v1'), { ...OPTIONS, signal: controller.signal });
    expect((await planishError(copied)).code).toBe('INTERRUPTED');
    expect(readdirSync(directory)).toEqual(['image']);
  });
});

describe('several images', () => {
  /** A layout whose tag names an index of two images, one of which states its platform in its config alone. */
  async function index(): Promise<{ reference: string; digest: string; images: string[] }> {
    const config = (architecture: string) => (document: object) => ({ ...document, architecture });
    const layers = [{ tar: Buffer.alloc(1024) }];
    const first = await makeLayout(at('all'), layers, { tag: '', config: config('amd64') });
    const second = await makeLayout(at('all'), layers, { tag: '', config: config('arm64') });
    const manifests = [
      { ...first.manifest, platform: { os: 'linux', architecture: 'amd64' } },
      second.manifest,
    ];
    const bytes = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests }),
    );
    writeFileSync(at(`all/blobs/sha256/${digestOf(bytes).slice(7)}`), bytes);
    const entry = {
      mediaType: MEDIA_TYPES.ociIndex,
      digest: digestOf(bytes),
      size: bytes.length,
      annotations: { 'org.opencontainers.image.ref.name': 'all' },
    };
    writeFileSync(at('all/index.json'), JSON.stringify({ schemaVersion: 2, manifests: [entry] }));
    const images = [first.manifest.digest, second.manifest.digest];
    return { reference: `oci:${at('all')}:all`, digest: digestOf(bytes), images };
  }

  it('are copied whole, or one of them', async () => {
    const { reference, digest, images } = await index();
    const whole = await copy(reference, there('app:all'), { ...OPTIONS, all: true });
    expect(whole).toMatchObject({ documents: 3, manifest: { digest }, blobs: { count: 3 } });
    const puts = registry.lines.filter((line) => /^PUT .*manifests/.test(line));
    expect(puts.map((line) => line.replace(/.*\//, ''))).toEqual([...images, 'all']);
    await copy(there('app:all'), `oci-archive:${at('all.tar')}`, { ...OPTIONS, all: true });
    const back = await copy(`oci-archive:${at('all.tar')}`, `oci:${at('back')}:all`, { all: true });
    expect(back.manifest.digest).toBe(digest);
    expect(blobsOf('back')).toEqual(blobsOf('all'));
    for (const source of [reference, there('app:all')]) {
      const one = await copy(source, `oci:${at('one')}`, { ...OPTIONS, platform: 'linux/arm64' });
      expect(one).toMatchObject({ documents: 1, manifest: { digest: images[1] } });
    }
  });

  it('of which one is missing are not copied whole', async () => {
    const { reference, images } = await index();
    rmSync(at(`all/blobs/sha256/${(images[1] as string).slice(7)}`));
    expect((await planishError(copy(reference, there('app:all'), { ...OPTIONS, all: true }))).code).toBe(
      'BLOB_MISSING',
    );
    expect([...registry.manifests.keys()]).toEqual([]);
  });
});

describe('what is attached', () => {
  /** An image in the registry with a note, a note of that note, and signatures of cosign's kind. */
  function attached(): { manifest: Buffer; notes: Buffer[]; signatures: Buffer } {
    const { manifest } = registry.addImage('v1');
    const notes: Buffer[] = [];
    let subject = manifest;
    for (const text of ['first note', 'second note']) {
      const about = { mediaType: MEDIA_TYPES.ociManifest, digest: digestOf(subject), size: subject.length };
      const artifact = (document: object) => ({
        ...document,
        artifactType: 'application/x-note',
        subject: about,
      });
      subject = registry.addImage(text, text, artifact).manifest;
      notes.push(subject);
    }
    const tag = `${digestOf(manifest).replace(':', '-')}.sig`;
    return { manifest, notes, signatures: registry.addImage(tag, 'signed').manifest };
  }

  it.each([[true], [false]])('comes along, whether the registry keeps lists (%s) or not', async (lists) => {
    registry.listsReferrers = true;
    const { manifest, notes, signatures } = attached();
    const digests = [signatures, ...notes].map(digestOf);
    const options = { ...OPTIONS, referrers: true };
    const down = await copy(there('app:v1'), `oci:${at('out')}:v1`, options);
    expect(down.referrers).toEqual(digests);
    registry.listsReferrers = lists;
    const up = await copy(`oci:${at('out')}:v1`, there('mirror:v1'), options);
    expect(up.referrers).toEqual(digests);
    const names = [...registry.manifests.keys()].filter((name) => name.startsWith('mirror/'));
    const list = referrersTag(digestOf(manifest) as BlobDigest);
    expect(names.includes(`mirror/${list}`)).toBe(!lists);
    // The image is there before what is attached to it, and its tag comes last of all.
    const puts = registry.lines.filter((line) => line.startsWith('PUT /v2/mirror/manifests/'));
    expect(puts.at(0)).toBe(`PUT /v2/mirror/manifests/${digestOf(manifest)}`);
    expect(puts.at(-1)).toBe('PUT /v2/mirror/manifests/v1');
    const { attached: found } = await inspect(there('mirror:v1'), OPTIONS);
    expect(found.map(({ digest, how }) => `${how} ${digest}`)).toEqual([
      `tag ${digests[0]}`,
      `subject ${digests[1]}`,
    ]);
    const again = await copy(there('mirror:v1'), `oci-archive:${at('out.tar')}`, options);
    expect(again.referrers).toEqual(digests);
  });

  it('is left out when it is damaged, with a warning', async () => {
    registry.listsReferrers = true;
    const { notes } = attached();
    const [first] = notes as [Buffer];
    registry.intercept = ({ url }, response) =>
      url.endsWith(`manifests/${digestOf(first)}`) ? say(response, 200, '{}') : undefined;
    const warnings: Warning[] = [];
    const options = {
      ...OPTIONS,
      referrers: true,
      onWarning: (warning: Warning) => void warnings.push(warning),
    };
    const { referrers } = await copy(there('app:v1'), `oci:${at('out')}:v1`, options);
    expect(referrers).toHaveLength(1);
    expect(warnings).toMatchObject([{ code: 'REFERRER_IGNORED' }]);
  });

  it('does not replace signatures that the destination has', async () => {
    const { manifest } = attached();
    const tag = `mirror/${digestOf(manifest).replace(':', '-')}.sig`;
    const others = { type: MEDIA_TYPES.ociManifest, bytes: Buffer.from('{"schemaVersion":2}') };
    registry.manifests.set(tag, others);
    const warnings: Warning[] = [];
    const options = {
      ...OPTIONS,
      referrers: true,
      onWarning: (warning: Warning) => void warnings.push(warning),
    };
    await copy(there('app:v1'), there('mirror:v1'), options);
    expect(registry.manifests.get(tag)).toBe(others);
    expect(warnings).toMatchObject([{ code: 'REFERRER_IGNORED' }]);
  });
});
