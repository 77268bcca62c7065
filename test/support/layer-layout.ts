/** The smallest OCI layout around tars of layer entries, for programs that read images. */
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { END_OF_ARCHIVE, encodeTarHeader, paddingLength } from '../../src/tar/writer.ts';
import type { LayerEntry } from '../../src/tree/entry.ts';

/** A tar of the entries; contents must be inline. */
export function tarOf(entries: readonly LayerEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  for (const entry of entries) {
    const content = entry.content?.kind === 'inline' ? entry.content.bytes : new Uint8Array(0);
    parts.push(
      encodeTarHeader({ ...entry, size: content.length }),
      content,
      Buffer.alloc(paddingLength(content.length)),
    );
  }
  return Buffer.concat([...parts, END_OF_ARCHIVE]);
}

const sha256 = (data: Uint8Array | string): string => createHash('sha256').update(data).digest('hex');

/** Writes an OCI layout with one image tagged `t`. */
export function writeLayout(directory: string, tars: readonly Buffer[]): void {
  const blobs = join(directory, 'blobs/sha256');
  mkdirSync(blobs, { recursive: true });
  const blob = (mediaType: string, data: Uint8Array | string): object => {
    writeFileSync(join(blobs, sha256(data)), data);
    return { mediaType, digest: `sha256:${sha256(data)}`, size: Buffer.byteLength(data) };
  };
  const rootfs = { type: 'layers', diff_ids: tars.map((tar) => `sha256:${sha256(tar)}`) };
  const config = JSON.stringify({ architecture: 'amd64', os: 'linux', config: {}, rootfs });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: blob('application/vnd.oci.image.config.v1+json', config),
    layers: tars.map((tar) => blob('application/vnd.oci.image.layer.v1.tar', tar)),
  });
  const annotations = { 'org.opencontainers.image.ref.name': 't' };
  const manifests = [{ ...blob('application/vnd.oci.image.manifest.v1+json', manifest), annotations }];
  writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(join(directory, 'index.json'), JSON.stringify({ schemaVersion: 2, manifests }));
}
