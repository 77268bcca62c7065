/** `digest`: the composefs digests of a source. */
import type { FormatVersion } from '../erofs/writer.ts';
import { type SourceOptions, withTree } from './load-tree.ts';
import { Session } from './session.ts';
import { computeTreeDigests, type TreeDigests } from './tree-digests.ts';

/** Options of {@link digest}. */
export interface DigestOptions extends SourceOptions {
  /** EROFS format; default 1. Changes digests. */
  readonly format?: FormatVersion | undefined;
}

/** Result of {@link digest}. */
export interface DigestResult extends TreeDigests {
  readonly source: string;
}

/** Computes the composefs digests of a source from its layers' tars; nothing is unpacked or mounted. */
export async function digest(source: string, options: DigestOptions = {}): Promise<DigestResult> {
  return await Session.use(options, (session) =>
    withTree(session, source, options, { contents: false, digests: true }, async ({ root, algorithm }) => {
      session.onProgress({ stage: 'digest', done: 0, total: undefined, unit: 'steps' });
      const { onWarning } = session;
      return { source, ...computeTreeDigests(root, { format: options.format ?? 1, algorithm, onWarning }) };
    }),
  );
}
