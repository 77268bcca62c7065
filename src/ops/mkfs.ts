/** `mkfs`: the composefs EROFS image of a source. */
import type { HashAlgorithm, VerityDigest } from '../bytes/digest.ts';
import { imageDigest } from '../erofs/image-digest.ts';
import { encodeImage, type FormatVersion } from '../erofs/writer.ts';
import { writeFileAside } from '../io/write-file.ts';
import { transformForContainer } from '../tree/transform.ts';
import { type LoadedTree, type SourceOptions, withTree } from './load-tree.ts';
import { Session } from './session.ts';

/** Options of {@link mkfs}. */
export interface MkfsOptions extends SourceOptions {
  /** EROFS format; default 1. Changes digests. */
  readonly format?: FormatVersion | undefined;
  /** Make the image that a container host digests, rather than of the tree as it is. */
  readonly container?: boolean | undefined;
}

/** Result of {@link mkfs}. */
export interface MkfsResult {
  readonly source: string;
  readonly output: string;
  readonly format: FormatVersion;
  readonly algorithm: HashAlgorithm;
  /** fs-verity digest of the image: what a kernel command line names. */
  readonly digest: VerityDigest;
  /** Bytes of the image. */
  readonly size: number;
}

/** Writes the image to `output` (`-` is not special; see `sink`), aside and renamed into place. */
export async function mkfs(source: string, output: string, options: MkfsOptions = {}): Promise<MkfsResult> {
  return await Session.use(options, (session) =>
    withTree(session, source, options, { contents: false, digests: true }, async (tree) => {
      const { image, format } = makeImage(tree, options);
      writeFileAside(output, image);
      const { algorithm } = tree;
      return { source, output, format, algorithm, digest: imageDigest(image, algorithm), size: image.length };
    }),
  );
}

/** A dumpfile is written as the C tools write it in their formats; any other tree as composefs-rs does. */
function makeImage(tree: LoadedTree, options: MkfsOptions): { image: Uint8Array; format: FormatVersion } {
  const format = options.format ?? tree.version ?? 1;
  const root =
    options.container === true
      ? transformForContainer(tree.root, { xattrs: 'allowlist-only' }).root
      : tree.root;
  const isDump = tree.kind === 'dump' && format !== 2;
  const { algorithm } = tree;
  const image = isDump
    ? encodeImage(root, { version: format, algorithm, dialect: 'c', facts: tree.facts })
    : encodeImage(root, { version: format, algorithm });
  return { image, format };
}
