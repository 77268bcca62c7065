/** Small images made by hand, without the code under test but for tar headers. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import { byteString, fromUtf8 } from '../../../src/bytes/byte-string.ts';
import { EPOCH, NO_XATTRS } from '../../../src/bytes/stat.ts';
import { isPlanishError, type PlanishError } from '../../../src/errors.ts';
import { MEDIA_TYPES } from '../../../src/oci/media-types.ts';
import { END_OF_ARCHIVE, encodeTarHeader, paddingLength } from '../../../src/tar/writer.ts';

export const REF = 'org.opencontainers.image.ref.name';

const made: string[] = [];
afterEach(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
});

/** A directory that is removed after the test. */
export function scratch(): string {
  const path = mkdtempSync(join(tmpdir(), 'planish-test-'));
  made.push(path);
  return path;
}

export const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
export const digestOf = (bytes: Uint8Array): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

export interface SampleDescriptor {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
  platform?: Record<string, string>;
  artifactType?: string;
}

export type Member = [name: string, content: Uint8Array | { link: string; hard?: boolean }];

/** A tar of regular files and links, by the writer of planish. */
export function tarOf(members: readonly Member[]): Buffer {
  const pieces: Uint8Array[] = [];
  for (const [name, content] of members) {
    const isFile = content instanceof Uint8Array;
    const size = isFile ? content.length : 0;
    const type = isFile ? 'regular' : content.hard === true ? 'hardlink' : 'symlink';
    const linkTarget = isFile ? byteString('') : fromUtf8(content.link);
    const path = fromUtf8(name);
    const common = { mode: 0o644, uid: 0, gid: 0, mtime: EPOCH, xattrs: NO_XATTRS, major: 0, minor: 0 };
    pieces.push(encodeTarHeader({ type, path, linkTarget, size, ...common }));
    if (isFile) pieces.push(content, new Uint8Array(paddingLength(size)));
  }
  return Buffer.concat([...pieces, END_OF_ARCHIVE]);
}

/** Blobs by digest, and descriptors of what was put in. */
export class Blobs {
  readonly map = new Map<string, Uint8Array>();

  add(mediaType: string, bytes: Uint8Array): SampleDescriptor {
    const digest = digestOf(bytes);
    this.map.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  }

  /** An image of one layer that holds one file named after it. */
  image(name: string, config: object = {}): SampleDescriptor {
    const layer = tarOf([[name, Buffer.from(`content of ${name}\n`)]]);
    const document = {
      architecture: 'amd64',
      os: 'linux',
      config: { Env: [`NAME=${name}`] },
      rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
      ...config,
    };
    return this.add(
      MEDIA_TYPES.ociManifest,
      json({
        schemaVersion: 2,
        mediaType: MEDIA_TYPES.ociManifest,
        config: this.add(MEDIA_TYPES.ociConfig, json(document)),
        layers: [this.add(MEDIA_TYPES.ociLayer, layer)],
        annotations: { name },
      }),
    );
  }

  index(manifests: readonly SampleDescriptor[]): SampleDescriptor {
    const document = { schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests };
    return this.add(MEDIA_TYPES.ociIndex, json(document));
  }

  /** The files of a layout, as members of an archive. */
  members(manifests: readonly SampleDescriptor[]): Member[] {
    const blobs = [...this.map].map(([digest, bytes]): Member => [blobPath(digest), bytes]);
    return [
      ...blobs,
      ['index.json', json({ schemaVersion: 2, mediaType: MEDIA_TYPES.ociIndex, manifests })],
      ['oci-layout', json({ imageLayoutVersion: '1.0.0' })],
    ];
  }

  /** Writes a layout into a fresh directory. */
  layout(manifests: readonly SampleDescriptor[]): string {
    const directory = join(scratch(), 'layout');
    mkdirSync(join(directory, 'blobs', 'sha256'), { recursive: true });
    for (const [name, content] of this.members(manifests)) {
      if (content instanceof Uint8Array) writeFileSync(join(directory, name), content);
    }
    return directory;
  }
}

export function blobPath(digest: string): string {
  return `blobs/${digest.replace(':', '/')}`;
}

export function named(descriptor: SampleDescriptor, name: string, more: object = {}): SampleDescriptor {
  return { ...descriptor, ...more, annotations: { [REF]: name } };
}

/** The error of a call that must fail with one. */
export async function failure(run: () => unknown): Promise<PlanishError> {
  try {
    await run();
  } catch (error) {
    if (isPlanishError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}
