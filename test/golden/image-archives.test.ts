/** Archives as skopeo, umoci and podman wrote them, and what Python's tarfile finds in them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readSmallBlob } from '../../src/io/blob-file.ts';
import { openSource } from '../../src/io/open-image.ts';
import { recognizePath } from '../../src/io/recognize.ts';
import { parseSource } from '../../src/oci/reference.ts';
import { digestOf } from '../unit/io/sample-image.ts';

interface Expected {
  readonly kind: string;
  readonly images: readonly {
    readonly names: readonly string[];
    readonly manifest?: string;
    readonly config: string;
    readonly layers: readonly {
      readonly compression: string;
      readonly digest: string;
      readonly size: number;
      readonly diffId: string;
      readonly offset: number;
    }[];
  }[];
}

const folder = fileURLToPath(new URL('../../fixtures/oci/', import.meta.url));
const archives = readdirSync(folder).filter((name) => /\.tar(\.gz)?$/.test(name));
const SUFFIX = { none: '', gzip: '+gzip' } as Record<string, string>;

describe.each(archives)('%s', (archive) => {
  const file = join(folder, archive);
  const expected: Expected = JSON.parse(readFileSync(file.replace(/\.tar(\.gz)?$/, '.expect.json'), 'utf8'));

  it('is recognised', async () => {
    expect(await recognizePath(file)).toBe(expected.kind);
  });

  it.each(expected.images.flatMap((image) => image.names.map((name) => [name, image] as const)))(
    'holds %s',
    async (name, image) => {
      const opened = await openSource(parseSource(`${expected.kind}:${file}:${name}`), {
        architecture: 'x64',
      });
      if (opened.kind !== 'image') throw new Error(opened.kind);
      if (image.manifest !== undefined) expect(opened.manifest.descriptor.digest).toBe(image.manifest);
      expect(opened.config.descriptor.digest).toBe(image.config);
      expect(digestOf(opened.config.bytes)).toBe(image.config);
      const found = opened.layers.map(({ descriptor, diffId, blob }) => ({
        ...descriptor,
        diffId,
        offset: blob.offset,
      }));
      const wanted = image.layers.map(({ compression, ...layer }) => ({
        ...layer,
        mediaType: `application/vnd.oci.image.layer.v1.tar${SUFFIX[compression]}`,
      }));
      expect(found).toEqual(wanted);
      for (const { blob, descriptor, diffId } of opened.layers) {
        const bytes = readSmallBlob(blob, 1e6);
        expect(digestOf(bytes)).toBe(descriptor.digest);
        expect(digestOf(bytes[0] === 0x1f ? gunzipSync(bytes) : bytes)).toBe(diffId);
      }
      opened.close();
    },
  );
});

it('there are archives', () => {
  expect(archives).toHaveLength(5);
});
