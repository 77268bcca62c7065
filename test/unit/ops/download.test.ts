import { describe, expect, test } from 'vitest';
import { download } from '../../../src/ops/look/download.ts';
import { buildPlain, plainTar } from '../../support/plain-images.ts';

const FILES = { 'etc/conf': 'conf', 'opt/a/data': 'a'.repeat(3000), 'opt/b/data': 'b'.repeat(2000) };
const NEXT = { ...FILES, 'etc/conf': 'CONF' };

describe('download', () => {
  test('is nothing between images of the same layers', async () => {
    const { reference } = await buildPlain(plainTar(FILES));
    const result = await download(reference, reference);
    expect(result.fresh).toEqual({ layers: 0, size: 0 });
    expect([result.best, result.commonLayers]).toEqual([0, 3]);
  });

  test('is the layers that are new, of what has changed in them', async () => {
    const first = await buildPlain(plainTar(FILES), { maxLayers: 2, compression: 'none' });
    const next = await buildPlain(plainTar(NEXT), { maxLayers: 2, compression: 'none' });
    expect(first.layers.map(({ components }) => components)).toEqual([
      ['rest/opt/a'],
      ['rest/etc', 'rest/opt/b'],
    ]);
    const { size = 0, digest } = next.layers[1] ?? {};
    const result = await download(first.reference, next.reference);
    // As estimated: 32 bytes for each entry, and a fifth of 4 and 2000.
    const [etc, b] = [Math.round((size * 33) / 465), Math.round((size * 432) / 465)];
    expect(result).toEqual({
      a: first.reference,
      b: next.reference,
      layers: [
        {
          digest: first.layers[0]?.digest,
          size: first.layers[0]?.size,
          fresh: false,
          changed: [],
          unchanged: [],
        },
        {
          digest,
          size,
          fresh: true,
          changed: [{ key: 'rest/etc', size: etc }],
          unchanged: [{ key: 'rest/opt/b', size: b }],
        },
      ],
      total: { layers: 2, size: next.after.size },
      fresh: { layers: 1, size },
      commonLayers: 1,
      best: etc,
    });
  });

  test('names no components where images were measured with different algorithms', async () => {
    const first = await buildPlain(plainTar(FILES));
    const next = await buildPlain(plainTar(NEXT), { algorithm: 'sha256' });
    const { layers, best, fresh } = await download(first.reference, next.reference);
    expect(fresh).toEqual({ layers: 1, size: layers[0]?.size });
    expect(layers[0]?.changed?.map(({ key }) => key)).toEqual(['rest/etc']);
    expect(best).toBe(layers[0]?.size);
  });

  test('throws where a source is no image', async () => {
    const { reference } = await buildPlain(plainTar(FILES));
    await expect(download('rootfs:/proc/self', reference)).rejects.toMatchObject({
      code: 'IMAGE_UNSUPPORTED',
    });
  });
});
