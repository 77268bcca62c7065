/** `dump`: the composefs dumpfile of a source. */
import { formatDumpfile } from '../../dumpfile/format.ts';
import { chosenProfile, chosenRoot, type HostChoice } from '../hosts/host-root.ts';
import { type SourceOptions, withTree } from '../load/load-tree.ts';
import { Session } from '../session.ts';

/** Options of {@link dump}. */
export interface DumpOptions extends SourceOptions, HostChoice {}

/** Writes the dumpfile of a source to `sink`, in pieces. */
export async function dump(
  source: string,
  sink: (piece: Uint8Array) => void,
  options: DumpOptions = {},
): Promise<void> {
  const needs = { contents: false, digests: true, algorithm: chosenProfile(options)?.algorithm };
  await Session.use(options, (session) =>
    withTree(session, source, options, needs, async (tree) => {
      const root = await chosenRoot(session, tree, options);
      for (const piece of formatDumpfile(root)) sink(piece);
    }),
  );
}
