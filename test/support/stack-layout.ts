/** OCI layouts put together from files: tars of any size as layers, and layers on top of an image that is there. */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  createReadStream,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

const LAYER = 'application/vnd.oci.image.layer.v1.tar';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** A layer: a tar in a file or in memory. */
export type LayerTar = string | Buffer;

/** Writes a layout with one image, tagged `t`, of these layers. Files are linked where that is possible. */
export async function layoutOfTars(directory: string, tars: readonly LayerTar[]): Promise<void> {
  const layers: Descriptor[] = [];
  for (const tar of tars) layers.push(await addLayer(directory, tar));
  const diffIds = layers.map(({ digest }) => digest);
  const config = {
    architecture: 'amd64',
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: diffIds },
  };
  finish(directory, layers, config);
}

/** Writes a layout with the image that another layout has under a tag, and layers on top of it, tagged `t`. */
export async function layoutOnTop(
  directory: string,
  below: string,
  tag: string,
  tars: readonly LayerTar[],
): Promise<void> {
  const blobs = join(below, 'blobs/sha256');
  mkdirSync(join(directory, 'blobs/sha256'), { recursive: true });
  for (const name of readdirSync(blobs)) place(join(blobs, name), join(directory, 'blobs/sha256', name));
  const read = (file: string): Record<string, unknown> => JSON.parse(readFileSync(file, 'utf8'));
  const document = ({ digest }: Descriptor): Record<string, unknown> => read(join(blobs, digest.slice(7)));
  const manifests = read(join(below, 'index.json'))['manifests'] as (Descriptor & {
    annotations?: Record<string, string>;
  })[];
  const found = manifests.find((one) => one.annotations?.['org.opencontainers.image.ref.name'] === tag);
  if (found === undefined) throw new Error(`${below} has no ${tag}`);
  const manifest = document(found);
  const config = document(manifest['config'] as Descriptor);
  const rootfs = config['rootfs'] as { diff_ids: string[] };
  const layers = [...(manifest['layers'] as Descriptor[])];
  for (const tar of tars) {
    const layer = await addLayer(directory, tar);
    layers.push(layer);
    rootfs.diff_ids.push(layer.digest);
  }
  finish(directory, layers, { ...config, history: undefined });
}

function finish(directory: string, layers: readonly Descriptor[], config: object): void {
  const manifest = {
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: addBytes(directory, CONFIG, Buffer.from(JSON.stringify(config))),
    layers,
  };
  const annotations = { 'org.opencontainers.image.ref.name': 't' };
  const described = addBytes(directory, MANIFEST, Buffer.from(JSON.stringify(manifest)));
  const index = { schemaVersion: 2, manifests: [{ ...described, annotations }] };
  writeFileSync(join(directory, 'index.json'), JSON.stringify(index));
  writeFileSync(join(directory, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
}

async function addLayer(directory: string, tar: LayerTar): Promise<Descriptor> {
  mkdirSync(join(directory, 'blobs/sha256'), { recursive: true });
  if (typeof tar !== 'string') return addBytes(directory, LAYER, tar);
  const hash = createHash('sha256');
  for await (const piece of createReadStream(tar, { highWaterMark: 2 ** 20 })) hash.update(piece as Buffer);
  const hex = hash.digest('hex');
  place(tar, join(directory, 'blobs/sha256', hex));
  return { mediaType: LAYER, digest: `sha256:${hex}`, size: statSync(tar).size };
}

function addBytes(directory: string, mediaType: string, bytes: Buffer): Descriptor {
  const hex = createHash('sha256').update(bytes).digest('hex');
  writeFileSync(join(directory, 'blobs/sha256', hex), bytes);
  return { mediaType, digest: `sha256:${hex}`, size: bytes.length };
}

function place(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}
