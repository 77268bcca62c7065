/** Small image layouts made from tar bytes, right or wrong in whatever way a test needs. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compress } from '../../src/compress/compress.ts';
import type { CompressionKind } from '../../src/compress/kind.ts';
import { DEFAULT_LEVEL } from '../../src/compress/level.ts';
import { MEDIA_TYPES } from '../../src/oci/media-types.ts';

/** A layer: by default an honest one. What is given replaces what would be true. */
export interface LayerSpec {
  readonly tar: Uint8Array;
  readonly compression?: CompressionKind;
  /** Several gzip members or zstd frames of about the same size. Default 1. */
  readonly members?: number;
  /** Changes the blob before its digest is taken: the manifest stays true to it. */
  readonly reshape?: (blob: Buffer) => Uint8Array;
  /** Changes the blob after its digest was taken: the manifest lies about it. */
  readonly spoil?: (blob: Buffer) => Uint8Array;
  /** Leaves the blob out. */
  readonly missing?: boolean;
  /** Fields of the descriptor that replace the true ones. */
  readonly descriptor?: Readonly<Record<string, unknown>>;
  readonly diffId?: string;
}

/** The documents around the layers; each may be changed before its digest is taken. */
export interface LayoutSpec {
  /** Default `latest`; empty for none. */
  readonly tag?: string;
  readonly config?: (document: Document) => object;
  readonly manifest?: (document: Document) => object;
  readonly index?: (document: Document) => object;
}

// biome-ignore lint/suspicious/noExplicitAny: documents are changed at will.
type Document = any;

/** What was written. */
export interface MadeLayout {
  readonly directory: string;
  readonly reference: string;
  /** Descriptors as the manifest has them. */
  readonly layers: readonly { readonly digest: string; readonly size: number }[];
  readonly manifest: { readonly digest: string; readonly size: number };
  readonly config: { readonly digest: string; readonly size: number };
}

export const digestOf = (bytes: Uint8Array): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

const LAYER_TYPES: Readonly<Record<CompressionKind, string>> = {
  none: MEDIA_TYPES.ociLayer,
  gzip: MEDIA_TYPES.ociLayerGzip,
  zstd: MEDIA_TYPES.ociLayerZstd,
};

/** Writes a layout of one image into a new directory. */
export async function makeLayout(
  directory: string,
  layers: readonly LayerSpec[],
  spec: LayoutSpec = {},
): Promise<MadeLayout> {
  mkdirSync(join(directory, 'blobs/sha256'), { recursive: true });
  const descriptors: { digest: string; size: number }[] = [];
  for (const layer of layers) descriptors.push(await addLayer(directory, layer));
  const config = addDocument(directory, MEDIA_TYPES.ociConfig, spec.config, {
    architecture: 'amd64',
    os: 'linux',
    config: { Cmd: ['/bin/sh'] },
    rootfs: { type: 'layers', diff_ids: layers.map(({ tar, diffId }) => diffId ?? digestOf(tar)) },
  });
  const manifest = addDocument(directory, MEDIA_TYPES.ociManifest, spec.manifest, {
    schemaVersion: 2,
    mediaType: MEDIA_TYPES.ociManifest,
    config,
    layers: descriptors,
  });
  const tag = spec.tag ?? 'latest';
  const annotations = tag === '' ? {} : { annotations: { 'org.opencontainers.image.ref.name': tag } };
  const index = { schemaVersion: 2, manifests: [{ ...manifest, ...annotations }] };
  writeFileSync(join(directory, 'index.json'), JSON.stringify(spec.index?.(index) ?? index));
  writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  const reference = tag === '' ? `oci:${directory}` : `oci:${directory}:${tag}`;
  return { directory, reference, layers: descriptors, manifest, config };
}

/** Changes the manifest of a layout that holds one image. */
export function replaceManifest(directory: string, change: (document: Document) => object): void {
  const path = join(directory, 'index.json');
  const index = JSON.parse(readFileSync(path, 'utf8'));
  const [entry] = index.manifests;
  const manifest = JSON.parse(readFileSync(blobPath(directory, entry.digest), 'utf8'));
  const changed = addDocument(directory, entry.mediaType, change, manifest);
  writeFileSync(path, JSON.stringify({ ...index, manifests: [{ ...entry, ...changed }] }));
}

/** Where a blob of a layout lies. */
export function blobPath(directory: string, digest: string): string {
  return join(directory, 'blobs', ...digest.split(':'));
}

async function addLayer(directory: string, spec: LayerSpec): Promise<{ digest: string; size: number }> {
  const compression = spec.compression ?? 'none';
  const honest = Buffer.from(await compressParts(spec.tar, compression, spec.members ?? 1));
  const blob = Buffer.from(spec.reshape?.(honest) ?? honest);
  const descriptor = {
    mediaType: LAYER_TYPES[compression],
    digest: digestOf(blob),
    size: blob.length,
    ...spec.descriptor,
  };
  const path = blobPath(directory, digestOf(blob));
  if (spec.missing !== true) writeFileSync(path, spec.spoil?.(Buffer.from(blob)) ?? blob);
  return descriptor;
}

async function compressParts(tar: Uint8Array, kind: CompressionKind, members: number): Promise<Uint8Array> {
  const step = Math.ceil(tar.length / members);
  const parts = Array.from({ length: members }, (_, index) => tar.subarray(index * step, (index + 1) * step));
  return Buffer.concat(await Promise.all(parts.map((part) => compressed(part, kind))));
}

/** By planish, whose bytes are the same everywhere: tests name offsets in them. Its levels are those of `build`. */
export async function compressed(bytes: Uint8Array, kind: CompressionKind): Promise<Uint8Array> {
  if (kind === 'none') return bytes;
  const pieces: Uint8Array[] = [];
  for await (const piece of compress(once(bytes), { kind, level: DEFAULT_LEVEL[kind] }))
    pieces.push(Uint8Array.from(piece));
  return Buffer.concat(pieces);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

function addDocument(
  directory: string,
  mediaType: string,
  change: ((document: Document) => object) | undefined,
  document: object,
): { mediaType: string; digest: string; size: number } {
  const bytes = Buffer.from(JSON.stringify(change?.(document) ?? document));
  const digest = digestOf(bytes);
  writeFileSync(blobPath(directory, digest), bytes);
  return { mediaType, digest, size: bytes.length };
}
