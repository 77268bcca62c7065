/** `dump`: the composefs dumpfile of a source. */
import { formatDumpfile } from '../dumpfile/format.ts';
import { transformForContainer } from '../tree/transform.ts';
import { type SourceOptions, withTree } from './load-tree.ts';
import { Session } from './session.ts';

/** Options of {@link dump}. */
export interface DumpOptions extends SourceOptions {
  /** Dump the tree as a container host digests it, rather than as it is. */
  readonly container?: boolean | undefined;
}

/** Writes the dumpfile of a source to `sink`, in pieces. */
export async function dump(
  source: string,
  sink: (piece: Uint8Array) => void,
  options: DumpOptions = {},
): Promise<void> {
  await Session.use(options, (session) =>
    withTree(session, source, options, { contents: false, digests: true }, async ({ root }) => {
      const shown =
        options.container === true ? transformForContainer(root, { xattrs: 'allowlist-only' }).root : root;
      for (const piece of formatDumpfile(shown)) sink(piece);
    }),
  );
}
