/** What a UKI inside an image demands of the image's tree. */
import { type EfiFile, findBootEntries } from '../../boot/boot-entries.ts';
import { composefsArguments } from '../../boot/cmdline.ts';
import { readUki } from '../../boot/uki.ts';
import { type ByteString, byteString, display } from '../../bytes/byte-string.ts';
import { isVerityDigest, type VerityDigest } from '../../bytes/digest.ts';
import { parseDumpfile } from '../../dumpfile/parse.ts';
import { isPlanishError, PlanishError, withDetail } from '../../errors.ts';
import { LIMITS } from '../../limits.ts';
import { type ContentFile, ContentReader } from '../../parallel/content-file.ts';
import { baseName, parentPath } from '../../tree/path.ts';
import type { Directory, RegularFile } from '../../tree/tree.ts';
import { joinPath, lookup } from '../../tree/walk.ts';
import { contentSource } from '../load/content-source.ts';
import { spoolLayer } from '../load/load-layers.ts';
import type { LoadedTree } from '../load/load-tree.ts';
import type { Session } from '../session.ts';

/** See the module. */
export interface UkiClaim {
  /** Path of the UKI, escaped for display. */
  readonly path: string;
  /** The argument on its command line. */
  readonly argument: string;
  readonly digest: VerityDigest;
  /** The tree that was digested, where the image ships it beside the UKI. */
  readonly dump: { readonly path: string; readonly root: Directory } | undefined;
}

const BOOT = byteString('/boot');

/**
 * The demand of the first UKI that has one, in byte order of paths. Throws `PATH_NOT_FOUND` when there is none, and
 * `PE_BAD_IMAGE` or a code of dumpfiles for what is malformed.
 */
export async function readUkiClaim(session: Session, tree: LoadedTree): Promise<UkiClaim> {
  for (const uki of findBootEntries(tree.root).ukis) {
    const claim = await withReader(session, tree, uki.file, (reader) => argumentOf(uki, reader));
    if (claim === undefined) continue;
    return { path: display(uki.path), ...claim, dump: await readDump(session, tree, uki.path) };
  }
  throw new PlanishError('PATH_NOT_FOUND', 'the image holds no UKI with a composefs digest', {
    path: '/boot/EFI/Linux',
    hint: 'give the other side: explain A B',
  });
}

function argumentOf(uki: EfiFile, reader: ContentReader): Pick<UkiClaim, 'argument' | 'digest'> | undefined {
  try {
    const { cmdline } = readUki(contentSource(reader, uki.file.content));
    for (const { text, digest } of composefsArguments(cmdline ?? '')) {
      if (isVerityDigest(digest)) return { argument: text, digest };
    }
    return undefined;
  } catch (error) {
    if (isPlanishError(error, 'UNREPRESENTABLE')) throw noContents(error);
    throw withDetail(error, { path: display(uki.path) });
  }
}

function noContents(cause: unknown): PlanishError {
  const hint = 'give the image, or the digest as digest:HEX';
  return new PlanishError('UNREPRESENTABLE', 'the source holds no contents, so no UKI', { hint }, cause);
}

/** `/boot/STEM.dump`, as bootc writes it, or `STEM.dump` beside the UKI. */
async function readDump(session: Session, tree: LoadedTree, uki: ByteString): Promise<UkiClaim['dump']> {
  const name = byteString(baseName(uki).replace(/\.efi$/, '.dump'));
  for (const directory of [BOOT, parentPath(uki)]) {
    const path = joinPath(directory, name);
    const node = lookup(tree.root, path);
    if (node?.type !== 'regular') continue;
    const bytes = await withReader(session, tree, node, (reader) => readWhole(reader, node, path));
    return { path: display(path), root: parseShipped(bytes, path) };
  }
  return undefined;
}

function parseShipped(bytes: Uint8Array, path: ByteString): Directory {
  try {
    return parseDumpfile(bytes).root;
  } catch (error) {
    throw withDetail(error, { file: `${display(path)} in the image` });
  }
}

function readWhole(reader: ContentReader, { content }: RegularFile, path: ByteString): Uint8Array {
  const source = contentSource(reader, content);
  if (source.size <= LIMITS.erofsBytes) return source.read(0, source.size);
  throw new PlanishError('LIMIT_EXCEEDED', 'a dumpfile in the image is larger than the limit erofsBytes', {
    path: display(path),
    limit: 'erofsBytes',
    expected: LIMITS.erofsBytes,
    actual: source.size,
  });
}

/** Contents of one file; a layer that is compressed is read once more for it. */
async function withReader<T>(
  session: Session,
  tree: LoadedTree,
  { content }: RegularFile,
  use: (reader: ContentReader) => T,
): Promise<T> {
  const reader = new ContentReader(await tableFor(session, tree, content));
  try {
    return use(reader);
  } finally {
    reader.close();
  }
}

async function tableFor(
  session: Session,
  tree: LoadedTree,
  content: RegularFile['content'],
): Promise<readonly ContentFile[]> {
  if (content.kind === 'inline' || content.location === undefined) return [];
  if (tree.contents.length > 0) return tree.contents;
  const { source } = content.location;
  const input = tree.inputs[source];
  if (input === undefined) throw new PlanishError('INVARIANT', 'a content is in no layer');
  const table: ContentFile[] = [];
  table[source] = await spoolLayer(session, input, [content]);
  return table;
}
