/** `mkfs`: the composefs EROFS image of a source. */
import type { HashAlgorithm, VerityDigest } from '../../bytes/digest.ts';
import { imageDigest } from '../../erofs/image-digest.ts';
import { encodeImage, type FormatVersion } from '../../erofs/writer.ts';
import { encodeHostImage } from '../../host/host-digest.ts';
import { writeFileAside } from '../../io/write-file.ts';
import type { Directory } from '../../tree/tree.ts';
import { chosenProfile, chosenRoot, type HostChoice } from '../hosts/host-root.ts';
import { type LoadedTree, type SourceOptions, withTree } from '../load/load-tree.ts';
import { Session } from '../session.ts';

/** Options of {@link mkfs}. */
export interface MkfsOptions extends SourceOptions, HostChoice {
  /** EROFS format; default: the profile's, else that of an EROFS source, else 1. Changes digests. */
  readonly format?: FormatVersion | undefined;
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
  const needs = { contents: false, digests: true, algorithm: chosenProfile(options)?.algorithm };
  return await Session.use(options, (session) =>
    withTree(session, source, options, needs, async (tree) => {
      const root = await chosenRoot(session, tree, options);
      const { image, format } = makeImage(tree, root, options);
      writeFileAside(output, image);
      const { algorithm } = tree;
      return { source, output, format, algorithm, digest: imageDigest(image, algorithm), size: image.length };
    }),
  );
}

/** A dumpfile is written as the C tools write it in their formats; any other tree as composefs-rs or the host does. */
function makeImage(
  tree: LoadedTree,
  root: Directory,
  options: MkfsOptions,
): { image: Uint8Array; format: FormatVersion } {
  const { algorithm, facts } = tree;
  const profile = chosenProfile(options);
  if (profile !== undefined)
    return encodeHostImage(root, profile, { algorithm, format: options.format, facts });
  const format = options.format ?? tree.version ?? 1;
  const isDump = tree.kind === 'dump' && format !== 2;
  const dialect = isDump ? 'c' : 'rs';
  return { image: encodeImage(root, { version: format, algorithm, dialect, facts }), format };
}
