/** `verify` over the whole chain: what holds, what does not, and what nothing that was given can check. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { editLayout } from '../../../src/io/layout-editor.ts';
import { addReferrer, EMPTY_BYTES, referrerEntry, referrersTag } from '../../../src/oci/attachments.ts';
import type { Descriptor } from '../../../src/oci/descriptor.ts';
import { formatJson } from '../../../src/oci/json.ts';
import type { Manifest } from '../../../src/oci/manifest.ts';
import { MEDIA_TYPES } from '../../../src/oci/media-types.ts';
import { placeImage } from '../../../src/oci/place-image.ts';
import { digest } from '../../../src/ops/hosts/digest.ts';
import { seal } from '../../../src/ops/seal/seal.ts';
import { sign } from '../../../src/ops/sign/sign.ts';
import { signComposefs } from '../../../src/ops/sign/sign-composefs.ts';
import { type VerifyOptions, verify } from '../../../src/ops/verify/verify.ts';
import { SEALING_ARTIFACT, SEALING_SIGNATURE } from '../../../src/sign/sealing.ts';
import { bootableTar } from '../../support/bootable-root.ts';
import { blobPath, digestOf, makeLayout } from '../../support/layout-maker.ts';
import { archive, directory, file } from '../../support/tar-maker.ts';
import { keyFile } from '../../support/test-keys.ts';
import { makePe, makeUki } from '../../support/uki-maker.ts';
import { failure } from '../io/sample-image.ts';

const work = mkdtempSync(join(tmpdir(), 'planish-test-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const IDENTITY = 'registry.example/os';
const P256 = { key: keyFile('p256.key'), identity: IDENTITY };
const RSA = { key: keyFile('rsa3072.key'), identity: IDENTITY };
const VERITY = { key: keyFile('db.key'), certificate: keyFile('db.crt') };
const KEYS = [keyFile('p256.crt')];
const CERTIFICATES = [keyFile('db.crt')];

const TREE = [
  directory('./'),
  directory('boot/'),
  directory('boot/EFI/'),
  directory('boot/EFI/Linux/'),
  directory('sysroot/'),
  directory('usr/'),
  file('usr/tool', 'x'.repeat(5000)),
];

let serial = 0;
const fresh = (): string => join(work, `image-${serial++}`);

async function image(
  entries: readonly Buffer[] = TREE,
  spec: Parameters<typeof makeLayout>[2] = {},
): Promise<{ directory: string; reference: string }> {
  return await makeLayout(fresh(), [{ tar: archive(...entries) }], spec);
}

/** Outcomes of all checks that are not a match: kind, outcome, and why. */
async function complaints(reference: string, options: VerifyOptions = {}): Promise<string[]> {
  const { checks, findings } = await verify(reference, { jobs: 1, ...options });
  const failed = checks.filter(({ outcome }) => !['match', 'ignored', 'excused'].includes(outcome));
  expect(findings).toBe(failed.length);
  return failed.map(({ check, outcome, reason, error }) => {
    const why = error === undefined ? reason : error.code;
    return `${check} ${outcome}${why === undefined ? '' : `: ${why}`}`;
  });
}

async function proved(reference: string, options: VerifyOptions = {}): Promise<string[]> {
  const { links } = await verify(reference, { jobs: 1, ...options });
  return links.filter(({ outcome }) => outcome === 'proved').map(({ link }) => link);
}

const CONTENT = ['manifest', 'config', 'blob', 'diffid'];

describe('signatures of images', () => {
  it('prove who signed, and need a key', async () => {
    const { reference } = await image();
    expect(await complaints(reference)).toEqual([]);
    expect(await proved(reference)).toEqual(CONTENT);
    await sign(reference, P256);
    const unchecked = 'signature unchecked: no key was given';
    expect(await complaints(reference)).toEqual([unchecked, unchecked]);
    expect(await complaints(reference, { excuse: ['signature'] })).toEqual([]);
    expect(await complaints(reference, { keys: KEYS })).toEqual([]);
    expect(await proved(reference, { keys: KEYS })).toEqual(['signature', ...CONTENT]);
    expect(await complaints(reference, { keys: [keyFile('other.crt'), ...KEYS] })).toEqual([]);
  });

  it('by another key, or none, are not enough where a key is given', async () => {
    const { reference } = await image();
    const missing = 'signature missing: there is no signature by any of the keys';
    expect(await complaints(reference, { keys: KEYS })).toEqual([missing]);
    expect(await complaints(reference, { keys: KEYS, excuse: ['signature'] })).toEqual([missing]);
    await sign(reference, RSA);
    expect(await complaints(reference, { keys: KEYS })).toEqual([missing]);
    await sign(reference, P256);
    expect(await complaints(reference, { keys: KEYS })).toEqual([]);
    expect(await complaints(reference, { require: ['signature'], keys: KEYS })).toEqual([]);
  });

  it('can be required without a key, which then says which is wanted', async () => {
    const { reference } = await image();
    expect(await complaints(reference, { require: ['signature', 'uki'] })).toEqual([
      'signature missing: it is required, and not there',
      'uki missing: it is required, and not there',
    ]);
  });

  it('prove the repository when it is asked for', async () => {
    const { reference } = await image();
    await sign(reference, P256);
    expect(await complaints(reference, { keys: KEYS, identity: IDENTITY })).toEqual([]);
    expect(await complaints(reference, { keys: KEYS, identity: 'registry.example/other' })).toEqual([
      'signature missing: there is no signature by any of the keys for registry.example/other',
    ]);
    expect((await failure(() => verify(reference, { identity: IDENTITY }))).code).toBe('BAD_OPTION');
  });

  it('do not carry over to another image', async () => {
    const one = await makeLayout(fresh(), [{ tar: archive(...TREE) }]);
    const other = await makeLayout(fresh(), [{ tar: archive(...TREE, file('usr/more', 'more')) }]);
    await sign(one.reference, P256);
    const hex = (digest: string): string => digest.slice('sha256:'.length);
    cpSync(join(one.directory, 'blobs'), join(other.directory, 'blobs'), { recursive: true });
    const index = readFileSync(join(one.directory, 'index.json'), 'utf8');
    const moved = index
      .replaceAll(hex(one.manifest.digest), hex(other.manifest.digest))
      .replace(`"size":${one.manifest.size}`, `"size":${other.manifest.size}`);
    writeFileSync(join(other.directory, 'index.json'), moved);
    expect(await complaints(other.reference, { keys: KEYS })).toEqual([
      `signature mismatch: of ${one.manifest.digest}`,
      'signature missing: there is no signature by any of the keys',
    ]);
  });

  it('whose blobs were changed or are gone are findings', async () => {
    const { reference, directory: path } = await image();
    const { signatures } = await sign(reference, P256);
    const manifest = JSON.parse(readFileSync(blobPath(path, signatures[0]?.manifest ?? ''), 'utf8'));
    const payload = blobPath(path, manifest.layers[0].digest);
    const bytes = readFileSync(payload);
    bytes[20] = (bytes[20] ?? 0) ^ 1;
    writeFileSync(payload, bytes);
    expect(await complaints(reference, { keys: KEYS })).toEqual(['signature unreadable: DIGEST_MISMATCH']);
    rmSync(payload);
    rmSync(blobPath(path, signatures[1]?.manifest ?? ''));
    expect(await complaints(reference, { keys: KEYS })).toEqual([
      'signature unreadable: BLOB_MISSING',
      'signature missing: there is no signature by any of the keys',
      'artifact unreadable: BLOB_MISSING',
    ]);
  });
});

describe('composefs metadata', () => {
  it.each(['inline', 'artifact'] as const)('%s is recomputed, and its signatures checked', async (mode) => {
    const { reference } = await image();
    const first = await signComposefs(reference, { ...VERITY, mode });
    expect(await signComposefs(reference, { ...VERITY, mode })).toEqual({
      ...first,
      replaced: undefined,
    });
    const own = mode === 'inline' ? ['key', 'merged', 'document'] : ['artifact'];
    const content = mode === 'inline' ? [...CONTENT, ...own] : [...CONTENT, ...own];
    expect(await proved(reference, { certificates: CERTIFICATES })).toEqual([
      ...content,
      'verity-signature',
      'certificate',
    ]);
    expect(await complaints(reference, { certificates: CERTIFICATES })).toEqual([]);
    const unchecked = await complaints(reference);
    expect(new Set(unchecked)).toEqual(new Set(['verity-signature unchecked: no certificate was given']));
    expect(unchecked).toHaveLength(mode === 'inline' ? 3 : 4);
    expect(await complaints(reference, { excuse: ['verity-signature'] })).toEqual([]);
    const others = await complaints(reference, { certificates: [keyFile('other.crt')] });
    expect(others.at(-1)).toBe('verity-signature missing: nothing is signed by any of the certificates');
    expect(others).toHaveLength(unchecked.length + 1);
  });

  it('is written for both trees, in the order of the specification', async () => {
    const { reference, directory: path } = await image();
    const { artifact, digests } = await signComposefs(reference, { ...VERITY, mode: 'artifact' });
    const keys = ['manifest', 'config', 'merged.erofs.v1', 'merged.bootable.erofs.v1'];
    const expected = keys.map((key) => `composefs.${key}.fsverity-sha512-12`);
    expect(Object.keys(digests)).toEqual(expected);
    const manifest = JSON.parse(readFileSync(blobPath(path, artifact ?? ''), 'utf8'));
    expect(manifest.artifactType).toBe(SEALING_ARTIFACT);
    expect(manifest.layers.map((layer: Descriptor) => Object.keys(layer.annotations ?? {})[0])).toEqual(
      expected,
    );
  });

  it('inline replaces the manifest under its name, and stale claims', async () => {
    const stale = { 'composefs.merged.erofs.v1.fsverity-sha256-12': 'a'.repeat(64), other: 'kept' };
    const { reference } = await image(TREE, {
      manifest: (document) => ({ ...document, annotations: stale }),
    });
    expect(await complaints(reference)).toEqual(['merged mismatch']);
    await sign(reference, P256);
    const { manifest, replaced } = await signComposefs(reference, { ...VERITY, mode: 'inline' });
    expect(replaced).not.toBe(manifest);
    expect(await complaints(reference, { certificates: CERTIFICATES })).toEqual([]);
    const missing = 'signature missing: there is no signature by any of the keys';
    expect(await complaints(reference, { keys: KEYS, certificates: CERTIFICATES })).toEqual([missing]);
    await sign(reference, P256);
    expect(await complaints(reference, { keys: KEYS, certificates: CERTIFICATES })).toEqual([]);
  });

  it('has no place in one image of an index, but beside it', async () => {
    const { reference, directory: path, manifest } = await makeLayout(fresh(), [{ tar: archive(...TREE) }]);
    const entry = { ...manifest, mediaType: MEDIA_TYPES.ociManifest } as Descriptor;
    await editLayout({ kind: 'oci', path }, async ({ index, addBytes }) => {
      const list = formatJson({ ...index, manifests: [entry] });
      const listed = { mediaType: MEDIA_TYPES.ociIndex, ...(await addBytes(list)) };
      return { ...index, manifests: placeImage({ ...index, manifests: [] }, listed, 'latest').manifests };
    });
    const error = await failure(() => signComposefs(reference, { ...VERITY, mode: 'inline' }));
    expect(error.code).toBe('IMAGE_UNSUPPORTED');
    await signComposefs(reference, { ...VERITY, mode: 'artifact' });
    expect(await complaints(reference, { certificates: CERTIFICATES })).toEqual([]);
  });

  it.each([
    [
      'composefs.merged.erofs.v9.fsverity-sha512-12',
      'annotation unchecked: nothing here knows what it claims',
    ],
    ['composefs.manifest.fsverity-sha512-12', 'annotation unchecked: nothing here knows what it claims'],
    ['composefs.merged.erofs.v2.fsverity-sha512-12', 'merged mismatch'],
    [
      'composefs.merged.erofs.v1.fsverity-sha512-12.sig',
      'verity-signature mismatch: there is no digest that it could be of',
    ],
  ])('%s that is not so is a finding', async (key, finding) => {
    const annotations = { [key]: '0'.repeat(128) };
    const { reference } = await image(TREE, { manifest: (document) => ({ ...document, annotations }) });
    expect(await complaints(reference)).toEqual([finding]);
    const kind = finding.startsWith('annotation') ? [] : [finding];
    expect(await complaints(reference, { excuse: ['annotation'] })).toEqual(kind);
  });

  it('in the label is compared with all that hosts may have written', async () => {
    const right = await digest((await image()).reference);
    const labelled = (value: string) =>
      image(TREE, {
        config: (document) => ({
          ...document,
          config: { Labels: { 'containers.composefs.fsverity': value } },
        }),
      });
    expect(await proved((await labelled(right.container ?? '')).reference)).toContain('label');
    expect(await complaints((await labelled('f'.repeat(128))).reference)).toEqual(['label mismatch']);
  });

  it('needs a certificate of the key', async () => {
    const { reference } = await image();
    const options = { key: keyFile('p256.key'), certificate: keyFile('db.crt'), mode: 'inline' } as const;
    expect((await failure(() => signComposefs(reference, options))).code).toBe('KEY_MISMATCH');
  });

  it('is not written for layers that are not what the image says', async () => {
    const spoil = (blob: Buffer): Buffer => {
      const at = blob.indexOf('xxxx');
      blob[at] = 0x79;
      return blob;
    };
    const { reference } = await makeLayout(fresh(), [{ tar: archive(...TREE), spoil }]);
    const error = await failure(() => signComposefs(reference, { ...VERITY, mode: 'artifact' }));
    expect(error.code).toBe('DIGEST_MISMATCH');
  });
});

describe('artifacts that are not as they must be', () => {
  /** Attaches what a change makes of a good artifact. */
  async function altered(change: (manifest: Manifest) => Manifest): Promise<string> {
    const { reference, directory: path } = await image();
    const { artifact = '' } = await signComposefs(reference, { ...VERITY, mode: 'artifact' });
    const manifest: Manifest = JSON.parse(readFileSync(blobPath(path, artifact), 'utf8'));
    const { subject } = manifest;
    if (subject === undefined) throw new Error('no subject');
    await editLayout({ kind: 'oci', path }, async ({ index, addBytes }) => {
      const changed = change(manifest);
      await addBytes(EMPTY_BYTES);
      await addBytes(Buffer.from('garbage'));
      const descriptor = { mediaType: MEDIA_TYPES.ociManifest, ...(await addBytes(formatJson(changed))) };
      const list = addReferrer(undefined, referrerEntry(descriptor, changed));
      const listed = { mediaType: MEDIA_TYPES.ociIndex, ...(await addBytes(formatJson(list))) };
      return placeImage(index, listed, referrersTag(subject.digest));
    });
    return reference;
  }
  const trusted = { certificates: CERTIFICATES };
  const malformed = 'artifact unreadable: SIGNATURE_BAD_FORMAT';
  const missing = 'verity-signature missing: nothing is signed by any of the certificates';
  const withLayers = (edit: (layers: readonly Descriptor[]) => Descriptor[]) => (manifest: Manifest) => ({
    ...manifest,
    layers: edit(manifest.layers),
  });

  it.each<[string, (manifest: Manifest) => Manifest]>([
    ['in another order', withLayers((layers) => [...layers].reverse())],
    ['without the config', withLayers((layers) => layers.filter((_, at) => at !== 1))],
    ['without any', withLayers(() => [])],
    ['twice', withLayers((layers) => [...layers, ...layers])],
    ['of another type', withLayers((layers) => layers.map((layer) => ({ ...layer, mediaType: 'a/b' })))],
    ['without digests', withLayers((layers) => layers.map((layer) => ({ ...layer, annotations: {} })))],
    [
      'of several algorithms',
      withLayers(([first, ...rest]) => [
        { ...first, annotations: { 'composefs.manifest.fsverity-sha256-12': '0'.repeat(64) } } as Descriptor,
        ...rest,
      ]),
    ],
    [
      'with no digest in them',
      withLayers(([first, ...rest]) => [
        { ...first, annotations: { 'composefs.manifest.fsverity-sha512-12': 'x' } } as Descriptor,
        ...rest,
      ]),
    ],
    [
      'with a config',
      (manifest) => ({
        ...manifest,
        config: { ...manifest.config, digest: manifest.layers[0]?.digest ?? manifest.config.digest },
      }),
    ],
  ])('%s', async (_name, change) => {
    expect(await complaints(await altered(change), trusted)).toEqual([malformed, missing]);
  });

  it('of another image', async () => {
    const reference = await altered(
      withLayers((layers) =>
        layers.map((layer) => {
          const [key = '', value = ''] = Object.entries(layer.annotations ?? {})[0] ?? [];
          return {
            ...layer,
            annotations: { [key]: value.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) },
          };
        }),
      ),
    );
    const found = await complaints(reference, trusted);
    expect(found.filter((line) => line === 'artifact mismatch')).toHaveLength(4);
    expect(found.filter((line) => line.startsWith('verity-signature mismatch: '))).toHaveLength(4);
    expect(found.at(-1)).toBe(missing);
  });

  it('with signatures that are none', async () => {
    const garbage = { digest: digestOf(Buffer.from('garbage')), size: 7, mediaType: SEALING_SIGNATURE };
    const reference = await altered(
      withLayers((layers) => layers.map((layer) => ({ ...layer, ...garbage }) as Descriptor)),
    );
    expect(await complaints(reference, trusted)).toEqual([
      ...Array(4).fill('verity-signature unreadable: CMS_BAD_DATA'),
      missing,
    ]);
  });

  it('of another kind say nothing of the image', async () => {
    expect(
      await complaints(await altered((manifest) => ({ ...manifest, artifactType: 'application/sbom' }))),
    ).toEqual([]);
  });
});

describe('UKIs', () => {
  const withUki = (cmdline: string) =>
    image([...TREE, file('boot/EFI/Linux/6.12.efi', makeUki({ cmdline }))]);

  it('must name the tree that hosts boot', async () => {
    const { bootable = '' } = await digest((await image()).reference);
    const sealed = await withUki(`rw composefs=${bootable}`);
    expect(await complaints(sealed.reference)).toEqual([]);
    expect(await proved(sealed.reference, { require: ['uki'] })).toEqual([...CONTENT, 'uki']);
    const other = await withUki(`composefs=${'0'.repeat(128)}`);
    expect(await complaints(other.reference)).toEqual(['uki mismatch']);
    const twice = await withUki(`composefs=${bootable} composefs=${'0'.repeat(128)}`);
    expect(await complaints(twice.reference)).toEqual(['uki mismatch']);
    const optional = await withUki(`composefs=?${bootable}`);
    expect(await complaints(optional.reference)).toEqual([
      `uki mismatch: composefs=?${bootable} does not insist on verity: the image is not sealed`,
    ]);
    const none = await withUki('composefs=abc');
    expect(await complaints(none.reference)).toEqual(['uki mismatch: composefs=abc names no digest']);
  });

  it('with profiles may boot something else', async () => {
    const { bootable = '' } = await digest((await image()).reference);
    const uki = makePe([
      ['.osrel', 'ID=test\n'],
      ['.cmdline', `composefs=${bootable}`],
      ['.linux', 'a kernel'],
      ['.initrd', 'an initrd'],
      ['.profile', 'ID=rescue\n'],
      ['.cmdline', 'composefs=0'],
    ]);
    const { reference } = await image([...TREE, file('boot/EFI/Linux/6.12.efi', uki)]);
    expect(await complaints(reference)).toEqual([
      'uki unchecked: it has profiles (.profile), whose command lines are not looked at',
    ]);
    expect(await complaints(reference, { excuse: ['uki'] })).toEqual([]);
  });

  it('that name no tree claim nothing, unless it is required', async () => {
    const { reference } = await withUki('rw quiet');
    expect(await complaints(reference)).toEqual([]);
    expect(await complaints(reference, { require: ['uki'] })).toEqual([
      'uki missing: it is required, and not there',
    ]);
  });

  it('that are malformed are findings', async () => {
    const { reference } = await image([...TREE, file('boot/EFI/Linux/6.12.efi', 'MZ'.repeat(100))]);
    expect(await complaints(reference)).toEqual(['uki unreadable: PE_BAD_IMAGE']);
  });
});

describe('a sealed image', () => {
  let sealed: string;
  beforeAll(async () => {
    const source = join(work, 'root.tar');
    writeFileSync(source, bootableTar());
    sealed = `oci:${join(work, 'sealed')}:os`;
    const key = { key: keyFile('db.key'), certificate: keyFile('db.crt') };
    await seal(`tar:${source}`, { destination: sealed, compression: 'none', jobs: 1, ...key });
  });

  it('is verified from key to command line', async () => {
    await sign(sealed, P256);
    await signComposefs(sealed, { ...VERITY, mode: 'artifact' });
    const trust = { keys: KEYS, identity: IDENTITY, certificates: CERTIFICATES };
    expect(await complaints(sealed, { ...trust, require: ['uki', 'uki-signature', 'artifact'] })).toEqual([]);
    expect(await proved(sealed, trust)).toEqual([
      'signature',
      ...CONTENT,
      'key',
      'merged',
      'artifact',
      'verity-signature',
      'uki',
      'uki-signature',
      'certificate',
    ]);
  });

  it('has a signature of its UKI that needs a certificate, and the right one', async () => {
    const excuse = ['signature', 'verity-signature'] as const;
    expect(await complaints(sealed, { excuse })).toEqual([
      'uki-signature unchecked: no certificate was given',
    ]);
    expect(await complaints(sealed, { excuse: [...excuse, 'uki-signature'] })).toEqual([]);
    const others = await complaints(sealed, { excuse, certificates: [keyFile('other.crt')] });
    expect(others).toContain('uki-signature mismatch: the certificate of CN=planish test db is not trusted');
  });

  it('is refused when any byte of its UKI is another, though every digest fits', async () => {
    const path = join(work, 'sealed');
    const index = JSON.parse(readFileSync(join(path, 'index.json'), 'utf8'));
    const manifest = JSON.parse(readFileSync(blobPath(path, index.manifests[0].digest), 'utf8'));
    const layer = readFileSync(blobPath(path, manifest.layers.at(-1).digest));
    const at = layer.indexOf('PRETTY_NAME="A test"');
    expect(at).toBeGreaterThan(0);
    layer[at + 14] = 0x42;
    const forged = await makeLayout(fresh(), [
      ...manifest.layers
        .slice(0, -1)
        .map(({ digest }: Descriptor) => ({ tar: readFileSync(blobPath(path, digest)) })),
      { tar: layer },
    ]);
    expect(await complaints(forged.reference, { certificates: CERTIFICATES })).toEqual([
      expect.stringMatching(/^uki-signature (?:mismatch|unreadable): /),
      'verity-signature missing: nothing is signed by any of the certificates',
    ]);
  });
});
