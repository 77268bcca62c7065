/** Image layouts (OCI image specification, image-layout.md): `oci-layout`, `index.json` and `blobs/`. */
import { lstatSync, realpathSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import { type BlobDigest, splitBlobDigest } from '../bytes/digest.ts';
import { fromSystemError, PlanishError, withDetail } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { badField, parseJsonObject } from '../oci/json.ts';
import { type Index, parseIndex } from '../oci/manifest.ts';
import type { PlatformChoice } from '../oci/platform.ts';
import type { ImageSelector } from '../oci/reference.ts';
import { type BlobFile, readSmallBlob, wholeFile } from './blob-file.ts';
import type { BlobStore } from './blob-store.ts';
import { assembleImage, type OpenedImage } from './opened-image.ts';
import { selectManifest } from './select-image.ts';

/** A layout, in a directory or in an archive. */
export interface Layout extends BlobStore {
  /** A file directly below the root of the layout; `undefined` when there is none. */
  findRootFile(name: string): BlobFile | undefined;
}

/** The marker file of a layout, as planish writes it. */
export const LAYOUT_MARKER = '{"imageLayoutVersion":"1.0.0"}';

/** A layout in a directory. Blobs may be symbolic links as long as they stay inside. */
export class LayoutDirectory implements Layout {
  readonly reference: string;
  readonly file: string;
  readonly #root: string;

  constructor(path: string, reference: string) {
    this.reference = reference;
    this.file = path;
    this.#root = realPath(path) ?? path;
  }

  find(digest: BlobDigest): BlobFile | undefined {
    const { algorithm, hex } = splitBlobDigest(digest);
    return this.#findFile(join('blobs', algorithm, hex));
  }

  findRootFile(name: string): BlobFile | undefined {
    return this.#findFile(name);
  }

  #findFile(name: string): BlobFile | undefined {
    const path = realPath(join(this.#root, name));
    if (path === undefined) return undefined;
    if (!path.startsWith(this.#root.endsWith(sep) ? this.#root : this.#root + sep)) {
      throw new PlanishError('PATH_ESCAPES_ROOT', 'a link leads out of the layout', {
        file: join(this.#root, name),
        actual: path,
      });
    }
    return wholeFile(path);
  }
}

/** Whether a path is a directory with the marker file of a layout. */
export function isLayoutDirectory(path: string): boolean {
  return statSync(join(path, 'oci-layout'), { throwIfNoEntry: false })?.isFile() === true;
}

/** Opens one image of a layout; `close` is called by the image's own. */
export function openLayoutImage(
  layout: Layout,
  selector: ImageSelector,
  choice: PlatformChoice,
  close?: () => void,
): OpenedImage {
  checkMarker(layout);
  const { descriptor, name } = selectManifest(layout, readLayoutIndex(layout), selector, choice);
  return assembleImage(layout, descriptor, name, close);
}

/** The index of a layout. Throws `ARCHIVE_BAD_LAYOUT` when there is none, `JSON_BAD_DOCUMENT`. */
export function readLayoutIndex(layout: Layout): Index {
  const bytes = readRootFile(layout, 'index.json');
  try {
    return parseIndex(bytes, 'index.json');
  } catch (error) {
    throw withDetail(error, { file: layout.file });
  }
}

/** Refuses what is no layout, or one of another version. Throws `ARCHIVE_BAD_LAYOUT`, `JSON_BAD_DOCUMENT`. */
export function checkMarker(layout: Layout): void {
  const bytes = readRootFile(layout, 'oci-layout');
  try {
    const version = parseJsonObject(bytes, 'oci-layout')['imageLayoutVersion'];
    if (version !== '1.0.0') throw badField('oci-layout: imageLayoutVersion', 'is not "1.0.0"', version);
  } catch (error) {
    throw withDetail(error, { file: layout.file });
  }
}

function readRootFile(layout: Layout, name: string): Uint8Array {
  const blob = layout.findRootFile(name);
  if (blob !== undefined) return readSmallBlob(blob, LIMITS.jsonBytes);
  throw new PlanishError('ARCHIVE_BAD_LAYOUT', `there is no ${name}, so this is no image layout`, {
    file: layout.file,
  });
}

/** The path with all links followed; `undefined` when nothing lies there. */
function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const absent = code === 'ENOENT' || code === 'ENOTDIR';
    if (absent && lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
    if (absent) throw new PlanishError('BLOB_MISSING', 'a link leads to nothing', { file: path });
    throw fromSystemError(error, 'looking for a file', { file: path });
  }
}
