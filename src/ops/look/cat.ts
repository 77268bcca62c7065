/** `cat`: the content of one file of a source. */
import { type ByteString, display, fromUtf8 } from '../../bytes/byte-string.ts';
import { PlanishError } from '../../errors.ts';
import type { OpenedSource } from '../../io/open-image.ts';
import type { RegularFile } from '../../tree/tree.ts';
import { loadTree, type SourceOptions, withSource } from '../load/load-tree.ts';
import { TreeFileReader } from '../load/tree-file-reader.ts';
import { Session } from '../session.ts';
import type { FoundNode } from './find-in-layers.ts';
import { resolvePath } from './resolve-path.ts';

/**
 * Writes the content of the regular file at `path` to `sink`, in pieces. Symlinks are followed inside the image and
 * never out of it. Of an image no more layers are read than it takes. Throws `PATH_NOT_FOUND`.
 */
export async function cat(
  source: string,
  path: string,
  sink: (piece: Uint8Array) => void,
  options: SourceOptions = {},
): Promise<void> {
  await Session.use(options, (session) =>
    withSource(session, source, options, async (opened) => {
      const wanted = fromUtf8(path);
      const { node, root, contents } = await find(session, opened, wanted, options);
      const file = demandFile(node, wanted);
      const reader = new TreeFileReader(root, contents);
      try {
        for (const piece of reader.pieces(file.content)) sink(piece);
      } finally {
        reader.close();
      }
    }),
  );
}

async function find(
  session: Session,
  opened: OpenedSource,
  path: ByteString,
  options: SourceOptions,
): Promise<FoundNode> {
  if (opened.kind === 'image') {
    const { findInLayers } = await import('./find-in-layers.ts');
    return await findInLayers(session, opened, path, options);
  }
  const needs = { contents: 'few', digests: false } as const;
  const { root, contents, makeReady } = await loadTree(session, opened, options, needs);
  const node = resolvePath(root, path);
  if (node?.type === 'regular') await makeReady([node.content]);
  return { node, root, contents };
}

function demandFile(node: FoundNode['node'], path: ByteString): RegularFile {
  if (node?.type === 'regular') return node;
  const what = node === undefined ? 'the image holds no such path' : `the path is a ${node.type}, not a file`;
  throw new PlanishError('PATH_NOT_FOUND', what, { path: display(path) });
}
