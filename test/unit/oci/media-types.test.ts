import { describe, expect, it } from 'vitest';
import { documentKind, formatLayerMediaType, layerMediaType } from '../../../src/oci/media-types.ts';

describe('layerMediaType', () => {
  const oci = 'application/vnd.oci.image.layer.v1.tar';
  const old = 'application/vnd.oci.image.layer.nondistributable.v1.tar';
  const docker = 'application/vnd.docker.image.rootfs.diff.tar';
  const foreign = 'application/vnd.docker.image.rootfs.foreign.diff.tar';
  it.each([
    [oci, 'none', true],
    [`${oci}+gzip`, 'gzip', true],
    [`${oci}+zstd`, 'zstd', true],
    [old, 'none', false],
    [`${old}+gzip`, 'gzip', false],
    [`${old}+zstd`, 'zstd', false],
    [docker, 'none', true],
    [`${docker}.gzip`, 'gzip', true],
    [`${docker}.zstd`, 'zstd', true],
    [foreign, 'none', false],
    [`${foreign}.gzip`, 'gzip', false],
  ] as const)('knows %s', (mediaType, compression, distributable) => {
    expect(layerMediaType(mediaType)).toEqual({ compression, distributable });
  });

  it.each([
    `${oci}+encrypted`,
    `${oci}+gzip+encrypted`,
    `${oci}.gzip`,
    `${docker}+gzip`,
    'application/json',
    '',
  ])('does not know %j', (mediaType) => {
    expect(layerMediaType(mediaType)).toBeUndefined();
  });

  it('is written as OCI', () => {
    expect(formatLayerMediaType('none')).toBe(oci);
    expect(formatLayerMediaType('gzip')).toBe(`${oci}+gzip`);
    expect(formatLayerMediaType('zstd')).toBe(`${oci}+zstd`);
  });
});

describe('documentKind', () => {
  it.each([
    ['application/vnd.oci.image.index.v1+json', 'index'],
    ['application/vnd.docker.distribution.manifest.list.v2+json', 'index'],
    ['application/vnd.oci.image.manifest.v1+json', 'manifest'],
    ['application/vnd.docker.distribution.manifest.v2+json', 'manifest'],
    ['application/vnd.docker.container.image.v1+json', 'config'],
    ['application/vnd.oci.image.config.v1+json', 'config'],
    ['application/vnd.docker.distribution.manifest.v1+prettyjws', 'schema1'],
    ['application/vnd.docker.distribution.manifest.v1+json', 'schema1'],
    ['application/vnd.oci.empty.v1+json', 'other'],
  ])('of %s is %s', (mediaType, kind) => {
    expect(documentKind(mediaType)).toBe(kind);
  });
});
