/** Images whose documents lie: one clear error, the right exit status, the destination as it was. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  blobPath,
  type LayerSpec,
  type LayoutSpec,
  type MadeLayout,
  makeLayout,
} from '../support/layout-maker.ts';
import { Arena, expectations } from '../support/refusal.ts';
import {
  archive,
  claiming,
  directory,
  file,
  flipped,
  hardlink,
  smallTar,
  symlink,
} from '../support/tar-maker.ts';

let arena: Arena;
beforeAll(async () => {
  arena = await Arena.create();
});
afterAll(() => arena.close());

const good: LayerSpec[] = [{ tar: smallTar(), compression: 'gzip' }];
interface Case extends LayoutSpec {
  /** Default: one good layer. */
  layers?: LayerSpec[];
  /** Spoils what was written. */
  after?: (made: MadeLayout) => void;
  options?: string[];
  reference?: (made: MadeLayout) => string;
}
const path = (made: MadeLayout, name: string) => join(made.directory, name);
const replace = (file: string, change: (b: Buffer) => Uint8Array) =>
  writeFileSync(file, change(readFileSync(file)));
const REF = 'org.opencontainers.image.ref.name';

const cases: [string, Case][] = [
  ['no layer blob', { layers: [{ tar: smallTar(), missing: true }] }],
  ['no second layer blob', { layers: [...good, { tar: archive(file('x', 'x')), missing: true }] }],
  ['no config blob', { after: (m) => unlinkSync(blobPath(m.directory, m.config.digest)) }],
  ['no manifest blob', { after: (m) => unlinkSync(blobPath(m.directory, m.manifest.digest)) }],
  ['no index.json', { after: (m) => unlinkSync(path(m, 'index.json')) }],
  ['no oci-layout', { after: (m) => unlinkSync(path(m, 'oci-layout')) }],
  ['no blobs', { after: (m) => rmSync(path(m, 'blobs'), { recursive: true }) }],
  [
    'another layout version',
    { after: (m) => writeFileSync(path(m, 'oci-layout'), '{"imageLayoutVersion":"2.0.0"}') },
  ],
  [
    'a changed manifest',
    {
      after: (m) =>
        replace(blobPath(m.directory, m.manifest.digest), (b) =>
          Buffer.from(b.toString().replace('"schemaVersion":2', '"schemaVersion":1')),
        ),
    },
  ],
  [
    'a changed config',
    { after: (m) => replace(blobPath(m.directory, m.config.digest), (b) => flipped(b, 30, 1)) },
  ],
  [
    'a longer config',
    { after: (m) => replace(blobPath(m.directory, m.config.digest), (b) => Buffer.concat([b, b])) },
  ],
  ['an index that is no JSON', { after: (m) => writeFileSync(path(m, 'index.json'), '{"schemaVersion":2,') }],
  ['an empty index.json', { after: (m) => writeFileSync(path(m, 'index.json'), '') }],
  ['an index that is a list', { index: () => [] }],
  ['an index of nothing', { index: () => ({ schemaVersion: 2, manifests: [] }) }],
  [
    'an index that nests 100,000 deep',
    { after: (m) => writeFileSync(path(m, 'index.json'), `${'['.repeat(100_000)}${']'.repeat(100_000)}`) },
  ],
  [
    'an index that is no UTF-8',
    {
      after: (m) =>
        writeFileSync(path(m, 'index.json'), Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
    },
  ],
  [
    'an index of 33 MiB',
    { after: (m) => writeFileSync(path(m, 'index.json'), Buffer.alloc(33 * 2 ** 20, ' ')) },
  ],
  [
    'an index of 20,000 manifests',
    { index: (d) => ({ ...d, manifests: Array.from({ length: 20_000 }, () => d.manifests[0]) }) },
  ],
  [
    'an index that is a directory',
    {
      after: (m) => {
        unlinkSync(path(m, 'index.json'));
        mkdirSync(path(m, 'index.json'));
      },
    },
  ],
  [
    'an index that is a FIFO',
    {
      after: (m) => {
        unlinkSync(path(m, 'index.json'));
        execFileSync('mkfifo', [path(m, 'index.json')]);
      },
    },
  ],
  [
    'a layer that is a FIFO',
    {
      after: (m) => {
        const p = blobPath(m.directory, m.layers[0]?.digest ?? '');
        unlinkSync(p);
        execFileSync('mkfifo', [p]);
      },
    },
  ],
  [
    'a layer that is a link out of the layout',
    {
      after: (m) => {
        const p = blobPath(m.directory, m.layers[0]?.digest ?? '');
        unlinkSync(p);
        symlinkSync('/etc/passwd', p);
      },
    },
  ],
  [
    'a layer that is a link to itself',
    {
      after: (m) => {
        const p = blobPath(m.directory, m.layers[0]?.digest ?? '');
        unlinkSync(p);
        symlinkSync(p, p);
      },
    },
  ],
  [
    'a digest that is a path',
    { index: (d) => ({ ...d, manifests: [{ ...d.manifests[0], digest: 'sha256:../../../../etc/passwd' }] }) },
  ],
  [
    'a digest of an unknown algorithm',
    { manifest: (d) => ({ ...d, config: { ...d.config, digest: 'md5:d41d8cd98f00b204e9800998ecf8427e' } }) },
  ],
  ['a negative size', { manifest: (d) => ({ ...d, layers: [{ ...d.layers[0], size: -1 }] }) }],
  ['a size of 2^60', { manifest: (d) => ({ ...d, layers: [{ ...d.layers[0], size: 2 ** 60 }] }) }],
  ['a size that is no number', { manifest: (d) => ({ ...d, layers: [{ ...d.layers[0], size: '12' }] }) }],
  [
    'a manifest size of 64 GB',
    { index: (d) => ({ ...d, manifests: [{ ...d.manifests[0], size: 64 * 2 ** 30 }] }) },
  ],
  ['a manifest without config', { manifest: ({ config, ...d }) => d }],
  ['a manifest without layers', { manifest: ({ layers, ...d }) => d }],
  ['a manifest that is an index as well', { manifest: (d) => ({ ...d, manifests: [] }) }],
  ['a manifest of schema 1', { manifest: () => ({ schemaVersion: 1, name: 'x', fsLayers: [] }) }],
  ['5000 layers', { manifest: (d) => ({ ...d, layers: Array.from({ length: 5000 }, () => d.layers[0]) }) }],
  ['fewer diffIDs than layers', { config: (d) => ({ ...d, rootfs: { type: 'layers', diff_ids: [] } }) }],
  [
    'more diffIDs than layers',
    {
      config: (d) => ({
        ...d,
        rootfs: { ...d.rootfs, diff_ids: [...d.rootfs.diff_ids, ...d.rootfs.diff_ids] },
      }),
    },
  ],
  ['a diffID that is no digest', { config: (d) => ({ ...d, rootfs: { type: 'layers', diff_ids: ['x'] } }) }],
  ['a config without rootfs', { config: ({ rootfs, ...d }) => d }],
  ['a config without architecture', { config: ({ architecture, ...d }) => d }],
  [
    'an artifact',
    {
      manifest: (d) => ({
        ...d,
        artifactType: 'application/x-thing',
        config: { ...d.config, mediaType: 'application/vnd.oci.empty.v1+json' },
      }),
    },
  ],
  [
    'an encrypted layer',
    {
      layers: [
        {
          tar: smallTar(),
          descriptor: { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip+encrypted' },
        },
      ],
    },
  ],
  [
    'a media type that drives the terminal',
    { layers: [{ tar: smallTar(), descriptor: { mediaType: 'x/\u001b[2J\nplanish: done\u202e' } }] },
  ],
  [
    'a foreign layer that is not there',
    {
      layers: [
        {
          tar: smallTar(),
          missing: true,
          descriptor: { mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip' },
        },
      ],
    },
  ],
  ['no such tag', { reference: (m) => `oci:${m.directory}:other` }],
  ['no such digest', { reference: (m) => `oci:${m.directory}@sha256:${'0'.repeat(64)}` }],
  [
    'two images and no tag',
    {
      index: (d) => ({
        ...d,
        manifests: ['a', 'b'].map((name, i) => ({
          ...d.manifests[0],
          digest: `sha256:${String(i).repeat(64)}`,
          annotations: { [REF]: name },
        })),
      }),
      reference: (m) => `oci:${m.directory}`,
    },
  ],
  ['a platform that it is not of', { options: ['--platform', 'linux/s390x'] }],
  [
    'a nested index that is not there',
    {
      index: (d) => ({
        ...d,
        manifests: [
          {
            ...d.manifests[0],
            mediaType: 'application/vnd.oci.image.index.v1+json',
            digest: `sha256:${'1'.repeat(64)}`,
          },
        ],
      }),
      reference: (m) => `oci:${m.directory}`,
    },
  ],
];

const expected = expectations(
  'images',
  cases.map(([name]) => name),
);

describe('an image with', () => {
  test.each(cases)('%s', async (name, { layers = good, after, options, reference, ...spec }) => {
    const made = await makeLayout(arena.source(), layers, spec);
    after?.(made);
    const refusal = await arena.refuse(reference?.(made) ?? made.reference, options, made);
    expect(refusal).toEqual(expected(name));
  });
});

const ZEROS = `sha256:${'0'.repeat(64)}`;
const archives: [string, string, Uint8Array | undefined][] = [
  ['no file', 'oci-archive', undefined],
  ['an empty file', 'oci-archive', Buffer.alloc(0)],
  ['garbage', 'oci-archive', Buffer.from('garbage '.repeat(1000))],
  ['garbage (docker)', 'docker-archive', Buffer.from('garbage '.repeat(1000))],
  ['garbage (bare)', '', Buffer.from('garbage '.repeat(1000))],
  ['garbage (tar)', 'tar', Buffer.from('garbage '.repeat(1000))],
  ['garbage (dump)', 'dump', Buffer.from('garbage '.repeat(1000))],
  ['a tar of other things', 'oci-archive', archive(file('a', 'a'))],
  ['a tar of other things (docker)', 'docker-archive', archive(file('a', 'a'))],
  ['a member of 64 GB', 'oci-archive', archive(claiming('oci-layout', '\x80\0\0\0\0\0\0\x10\0\0\0\0'))],
  [
    'a marker behind links in a circle',
    'oci-archive',
    archive(symlink('oci-layout', 'a'), symlink('a', 'oci-layout'), file('index.json', '{}')),
  ],
  [
    'a marker behind a link out of it',
    'oci-archive',
    archive(symlink('oci-layout', '../../etc/passwd'), hardlink('index.json', '/etc/passwd')),
  ],
  [
    'names that climb out',
    'oci-archive',
    archive(file('../oci-layout', '{"imageLayoutVersion":"1.0.0"}'), file('x/../../index.json', '{}')),
  ],
  [
    'a truncated member',
    'oci-archive',
    archive(
      file('oci-layout', '{"imageLayoutVersion":"1.0.0"}'),
      file('index.json', 'x'.repeat(5000)),
    ).subarray(0, 3000),
  ],
  ['a manifest.json that is no list', 'docker-archive', archive(file('manifest.json', '{}'))],
  ['a manifest.json of nothing', 'docker-archive', archive(file('manifest.json', '[]'))],
  [
    'no config (docker)',
    'docker-archive',
    archive(
      file('manifest.json', JSON.stringify([{ Config: 'c.json', RepoTags: ['a:b'], Layers: ['l.tar'] }])),
    ),
  ],
  [
    'no layer (docker)',
    'docker-archive',
    archive(
      file(
        'c.json',
        JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [ZEROS] } }),
      ),
      file('manifest.json', JSON.stringify([{ Config: 'c.json', RepoTags: ['a:b'], Layers: ['l.tar'] }])),
    ),
  ],
  [
    'a layer of another diffID (docker)',
    'docker-archive',
    archive(
      file('l.tar', smallTar()),
      file(
        'c.json',
        JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [ZEROS] } }),
      ),
      file('manifest.json', JSON.stringify([{ Config: 'c.json', RepoTags: ['a:b'], Layers: ['l.tar'] }])),
    ),
  ],
  [
    'a layer that is a directory (docker)',
    'docker-archive',
    archive(
      directory('l.tar/'),
      file(
        'c.json',
        JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [ZEROS] } }),
      ),
      file('manifest.json', JSON.stringify([{ Config: 'c.json', RepoTags: ['a:b'], Layers: ['l.tar'] }])),
    ),
  ],
  [
    'a config out of it (docker)',
    'docker-archive',
    archive(
      file('manifest.json', JSON.stringify([{ Config: '../../etc/passwd', RepoTags: ['a:b'], Layers: [] }])),
    ),
  ],
  ['legacy repositories only (docker)', 'docker-archive', archive(file('repositories', '{}'))],
  ['a cut gzip', 'oci-archive', Buffer.from('1f8b08000000000000034bcc', 'hex')],
];
const expectedArchives = expectations(
  'archives',
  archives.map(([name]) => name),
);

describe('a file with', () => {
  test.each(archives)('%s', async (name, kind, bytes) => {
    const directory = arena.source();
    const path = join(directory, 'file');
    if (bytes !== undefined) writeFileSync(path, bytes);
    const refusal = await arena.refuse(kind === '' ? path : `${kind}:${path}`);
    expect(refusal).toEqual(expectedArchives(name));
  });
});
