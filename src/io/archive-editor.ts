/** Changing an archive: see `layout-editor.ts`. */
import { closeSync, fsyncSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { splitBlobDigest } from '../bytes/digest.ts';
import { PlanishError, withDetail } from '../errors.ts';
import { formatJson } from '../oci/json.ts';
import type { Index } from '../oci/manifest.ts';
import { END_OF_ARCHIVE, paddingLength } from '../tar/writer.ts';
import { writeMember } from './archive-writer.ts';
import { type BlobFile, readBlob, readSmallBlob, wholeFile } from './blob-file.ts';
import { attempt, openNewFile, renamePath, syncDirectory, writeFully } from './durable-file.ts';
import { compressionOf } from './image-archive.ts';
import { BlobStaging } from './image-writer.ts';
import { checkMarker, readLayoutIndex } from './layout.ts';
import { beginEdit, type LayoutChange, sameIndex } from './layout-change.ts';
import { LayoutArchive } from './oci-archive.ts';
import { normalizeName, scanMembers, TarIndex } from './tar-index.ts';
import { createTemporaryDirectory } from './temporary.ts';

/** Changes an archive. Gives whether anything was. */
export async function editArchive(path: string, change: LayoutChange): Promise<boolean> {
  const target = attempt('looking for a file', path, () => realpathSync(path));
  const archive = plainArchive(target);
  const before = stampOf(target);
  const members = new ArchiveMembers(archive);
  const layout = new LayoutArchive(target, target, members.index);
  checkMarker(layout);
  const directory = createTemporaryDirectory(dirname(target));
  try {
    const staging = new BlobStaging(directory, false);
    const index = readLayoutIndex(layout);
    const next = await change(beginEdit(layout, index, staging));
    if (sameIndex(index, next)) return false;
    const staged = join(directory.path, 'archive.tar');
    await writeChanged(staged, members, next, staging);
    if (stampOf(target) !== before) {
      throw new PlanishError('CONTENT_CHANGED', 'the archive was changed meanwhile', { file: target });
    }
    renamePath(staged, target);
    syncDirectory(dirname(target));
    return true;
  } finally {
    directory.close();
  }
}

/** An archive is written anew as it came; what is compressed as a whole would come out otherwise. */
function plainArchive(path: string): BlobFile {
  const archive = wholeFile(path);
  if (compressionOf(archive) === 'none') return archive;
  throw new PlanishError(
    'COMPRESSION_UNSUPPORTED',
    'an archive that is compressed as a whole is not changed',
    {
      file: path,
      hint: 'decompress it first',
    },
  );
}

function stampOf(path: string): string {
  const { ino, size, mtimeNs } = attempt('looking at a file', path, () => statSync(path, { bigint: true }));
  return `${ino} ${size} ${mtimeNs}`;
}

/** Where the members lie, and the stretches of the archive that are not `index.json`. */
class ArchiveMembers {
  readonly index: TarIndex;
  readonly #archive: BlobFile;
  readonly #kept: { start: number; end: number }[] = [];
  #end = 0;

  constructor(archive: BlobFile) {
    this.index = new TarIndex(archive);
    this.#archive = archive;
    let start = 0;
    scanMembers(archive, (entry) => {
      this.index.add(entry);
      this.#end = entry.dataOffset + entry.storedSize + paddingLength(entry.storedSize);
      if (normalizeName(entry.path) !== 'index.json') return true;
      this.#kept.push({ start, end: entry.offset });
      start = this.#end;
      return true;
    });
    this.#kept.push({ start, end: this.#end });
  }

  /** The bytes of all members before `index.json`, then those behind it. */
  stretches(): BlobFile[] {
    const { file, offset } = this.#archive;
    return this.#kept.map(({ start, end }) => ({ file, offset: offset + start, size: end - start }));
  }
}

async function writeChanged(
  file: string,
  members: ArchiveMembers,
  index: Index,
  staging: BlobStaging,
): Promise<void> {
  const descriptor = openNewFile(file);
  try {
    const [first, ...rest] = members.stretches();
    if (first !== undefined) await copy(descriptor, file, first);
    writeMember(descriptor, file, 'index.json', formatJson(index));
    for (const stretch of rest) await copy(descriptor, file, stretch);
    for (const { digest, size } of staging.blobs()) {
      const { algorithm, hex } = splitBlobDigest(digest);
      const name = `blobs/${algorithm}/${hex}`;
      if (members.index.find(name)?.size === size) continue;
      const bytes = readSmallBlob({ file: staging.pathOf(digest), offset: 0, size }, size);
      writeMember(descriptor, file, name, bytes);
    }
    writeFully(descriptor, END_OF_ARCHIVE, file);
    attempt('flushing a file', file, () => fsyncSync(descriptor));
  } finally {
    closeSync(descriptor);
  }
}

async function copy(descriptor: number, file: string, stretch: BlobFile): Promise<void> {
  try {
    for await (const piece of readBlob(stretch)) writeFully(descriptor, piece, file);
  } catch (error) {
    throw withDetail(error, { file: stretch.file });
  }
}
