import { describe, expect, it } from 'vitest';
import { isPlanishError, type PlanishError } from '../../../src/errors.ts';
import {
  checkLayerCount,
  configHistory,
  configLabels,
  configPlatform,
  parseImageConfig,
  runtimeConfig,
} from '../../../src/oci/config.ts';
import { annotation, parseDescriptor } from '../../../src/oci/descriptor.ts';
import { formatJson } from '../../../src/oci/json.ts';
import { buildManifest, emptyIndex, parseIndex, parseManifest } from '../../../src/oci/manifest.ts';
import { MEDIA_TYPES } from '../../../src/oci/media-types.ts';
import { placeImage } from '../../../src/oci/place-image.ts';

const A = `sha256:${'a'.repeat(64)}`;
const B = `sha512:${'b'.repeat(128)}`;
const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));
const text = (value: unknown): string => Buffer.from(formatJson(value)).toString();

function failure(run: () => unknown): PlanishError {
  try {
    run();
  } catch (error) {
    if (isPlanishError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const config = { mediaType: MEDIA_TYPES.ociConfig, digest: A, size: 2 };
const layer = { mediaType: MEDIA_TYPES.ociLayerGzip, digest: B, size: 0 };
const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociManifest, config, layers: [layer] };

describe('parseDescriptor', () => {
  it('keeps fields that it does not know, and drops null ones that it does', () => {
    const value = {
      mediaType: 'a/b',
      digest: A,
      size: 7,
      'x-vendor': [1],
      annotations: null,
      platform: null,
    };
    expect(parseDescriptor(value, 'd')).toEqual({ mediaType: 'a/b', digest: A, size: 7, 'x-vendor': [1] });
  });

  it.each([
    [{ ...config, digest: 'sha256:abc' }, 'd.digest is not a sha256 or sha512 digest'],
    [{ ...config, digest: A.toUpperCase() }, 'd.digest is not a sha256 or sha512 digest'],
    [{ ...config, digest: 5 }, 'd.digest is not a sha256 or sha512 digest'],
    [{ ...config, size: -1 }, 'd.size is no size in bytes'],
    [{ ...config, size: 1.5 }, 'd.size is no size in bytes'],
    [{ ...config, size: 2 ** 53 }, 'd.size is no size in bytes'],
    [{ ...config, size: '2' }, 'd.size is no size in bytes'],
    [{ ...config, mediaType: '' }, 'd.mediaType is no non-empty string'],
    [{ ...config, annotations: { a: 1 } }, 'd.annotations["a"] is no string'],
    [{ ...config, platform: { os: 'linux' } }, 'd.platform.architecture is no string'],
    [[], 'd is no object'],
    [null, 'd is no object'],
  ])('refuses %j', (value, message) => {
    expect(failure(() => parseDescriptor(value, 'd'))).toMatchObject({ code: 'JSON_BAD_DOCUMENT', message });
  });

  it('finds only annotations that are its own', () => {
    expect(annotation({ annotations: { a: '1' } }, 'a')).toBe('1');
    expect(annotation({ annotations: {} }, 'constructor')).toBeUndefined();
    expect(annotation({}, 'a')).toBeUndefined();
  });
});

describe('parseManifest', () => {
  it('gives back what it was given', () => {
    const full = { ...manifest, annotations: { k: 'v' }, 'x-vendor': { z: null } };
    expect(parseManifest(json(full), 'm')).toEqual(full);
    expect(text(parseManifest(json(manifest), 'm'))).toBe(JSON.stringify(manifest));
  });

  it('takes null layers for none, as Go writes them', () => {
    expect(parseManifest(json({ ...manifest, layers: null }), 'm').layers).toEqual([]);
  });

  it('takes a Docker manifest and one without media type', () => {
    const docker = { ...manifest, mediaType: MEDIA_TYPES.dockerManifest };
    expect(parseManifest(json(docker), 'm').mediaType).toBe(MEDIA_TYPES.dockerManifest);
    expect(parseManifest(json({ schemaVersion: 2, config, layers: [] }), 'm').mediaType).toBeUndefined();
  });

  it.each([
    [{ ...manifest, schemaVersion: 3 }, 'm: schemaVersion is not 2'],
    [{ config, layers: [] }, 'm: schemaVersion is not 2'],
    [{ ...manifest, mediaType: MEDIA_TYPES.ociIndex }, 'm: mediaType is not that of an image manifest'],
    [{ ...manifest, manifests: [] }, 'm: manifests has no place in a manifest'],
    [{ ...manifest, layers: {} }, 'm: layers is no array'],
    [{ ...manifest, layers: [layer, { ...layer, size: null }] }, 'm: layers[1].size is no size in bytes'],
    [{ schemaVersion: 2, layers: [] }, 'm: config is no object'],
    [{ ...manifest, annotations: [] }, 'm: annotations is no object'],
  ])('refuses %j', (value, message) => {
    expect(failure(() => parseManifest(json(value), 'm'))).toMatchObject({
      code: 'JSON_BAD_DOCUMENT',
      message,
    });
  });

  it.each([
    { schemaVersion: 1, name: 'x', tag: 'y', fsLayers: [] },
    { schemaVersion: 2, mediaType: MEDIA_TYPES.dockerSchema1Signed },
  ])('refuses Docker schema 1 by name', (value) => {
    expect(failure(() => parseManifest(json(value), 'manifest x'))).toMatchObject({
      code: 'IMAGE_UNSUPPORTED',
      message: 'manifest x is a Docker schema 1 manifest, which has no config',
    });
  });

  it('refuses more layers than the limit', () => {
    const layers = new Array(4097).fill(layer);
    expect(failure(() => parseManifest(json({ ...manifest, layers }), 'm'))).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      detail: { limit: 'imageLayers', expected: 4096, actual: 4097 },
    });
  });

  it('is written in the order of the specification', () => {
    const parts = parseManifest(json(manifest), 'm');
    expect(text(buildManifest({ ...parts, annotations: { b: '1', a: '2' } }))).toBe(
      `{"schemaVersion":2,"mediaType":"${MEDIA_TYPES.ociManifest}","config":${JSON.stringify(config)},` +
        `"layers":[${JSON.stringify(layer)}],"annotations":{"b":"1","a":"2"}}`,
    );
    expect(text(buildManifest({ ...parts, annotations: {} }))).toBe(JSON.stringify(manifest));
  });
});

describe('parseIndex', () => {
  it('refuses an index that is a manifest as well', () => {
    for (const field of ['layers', 'config']) {
      const value = { schemaVersion: 2, manifests: [], [field]: [] };
      expect(failure(() => parseIndex(json(value), 'i')).message).toBe(
        `i: ${field} has no place in an index`,
      );
    }
  });

  it('takes a Docker manifest list', () => {
    const list = { schemaVersion: 2, mediaType: MEDIA_TYPES.dockerIndex, manifests: [config] };
    expect(parseIndex(json(list), 'i')).toEqual(list);
  });
});

describe('parseImageConfig', () => {
  const image = {
    created: '2024-01-01T00:00:00Z',
    architecture: 'arm64',
    os: 'linux',
    variant: 'v8',
    config: { Entrypoint: ['/x'], Labels: { a: 'b' }, Healthcheck: { Test: ['CMD', 'y'] } },
    rootfs: { type: 'layers', diff_ids: [A] },
    history: [{ created_by: 'z' }],
    'io.vendor.field': { deep: [1, { n: null }] },
  };

  it('keeps every field, in order', () => {
    expect(text(parseImageConfig(json(image), 'c'))).toBe(JSON.stringify(image));
  });

  it('has accessors that take null and absence for nothing', () => {
    const full = parseImageConfig(json(image), 'c');
    expect(configLabels(full)).toEqual({ a: 'b' });
    expect(runtimeConfig(full)['Entrypoint']).toEqual(['/x']);
    expect(configHistory(full)).toEqual([{ created_by: 'z' }]);
    expect(configPlatform(full)).toEqual({ os: 'linux', architecture: 'arm64', variant: 'v8' });
    const bare = parseImageConfig(json({ ...image, config: null, history: null, variant: '' }), 'c');
    expect(configLabels(bare)).toEqual({});
    expect(configHistory(bare)).toEqual([]);
    expect(configPlatform(bare)).toEqual({ os: 'linux', architecture: 'arm64' });
  });

  it.each([
    [{ ...image, os: undefined }, 'c: os is no non-empty string'],
    [{ ...image, architecture: '' }, 'c: architecture is no non-empty string'],
    [{ ...image, rootfs: { type: 'x', diff_ids: [] } }, 'c: rootfs.type is not "layers"'],
    [
      { ...image, rootfs: { type: 'layers', diff_ids: ['x'] } },
      'c: rootfs.diff_ids[0] is not a sha256 or sha512 digest',
    ],
    [{ ...image, config: { Labels: { a: 1 } } }, 'c: config.Labels["a"] is no string'],
    [{ ...image, history: [1] }, 'c: history[0] is no object'],
  ])('refuses %j', (value, message) => {
    expect(failure(() => parseImageConfig(json(value), 'c'))).toMatchObject({
      code: 'JSON_BAD_DOCUMENT',
      message,
    });
  });

  it('must name as many layers as the manifest', () => {
    const parsed = parseImageConfig(json(image), 'c');
    expect(() => checkLayerCount(parseManifest(json(manifest), 'm'), parsed, 'c')).not.toThrow();
    const empty = parseManifest(json({ ...manifest, layers: [] }), 'm');
    expect(failure(() => checkLayerCount(empty, parsed, 'c'))).toMatchObject({
      code: 'JSON_BAD_DOCUMENT',
      message: 'c: rootfs.diff_ids names 1 layers, the manifest 0',
    });
  });
});

describe('placeImage', () => {
  const entry = (digit: string, name?: string) =>
    parseDescriptor(
      {
        mediaType: MEDIA_TYPES.ociManifest,
        digest: `sha256:${digit.repeat(64)}`,
        size: 1,
        ...(name === undefined ? {} : { annotations: { 'org.opencontainers.image.ref.name': name } }),
      },
      'e',
    );
  const index = {
    ...emptyIndex(),
    'x-vendor': 1,
    manifests: [entry('1', 'a'), entry('2'), entry('3', 'b'), entry('4', 'a')],
  };

  it('replaces a tag where it stands, and every other entry of the tag', () => {
    const placed = placeImage(index, entry('5'), 'a');
    expect(placed.manifests).toEqual([entry('5', 'a'), entry('2'), entry('3', 'b')]);
    expect(placed['x-vendor']).toBe(1);
  });

  it('appends a new tag, and a new image without one', () => {
    expect(placeImage(index, entry('5'), 'c').manifests).toEqual([...index.manifests, entry('5', 'c')]);
    expect(placeImage(index, entry('5', 'old'), undefined).manifests).toEqual([
      ...index.manifests,
      entry('5'),
    ]);
  });

  it('does not double an unnamed image', () => {
    expect(placeImage(index, entry('2'), undefined)).toEqual(index);
  });
});
