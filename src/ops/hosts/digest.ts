/** `digest`: the composefs digests of a source, as one kind of host computes them. */
import type { FormatVersion } from '../../erofs/writer.ts';
import { DEFAULT_PROFILE, type HostProfileName, hostProfile } from '../../host/profiles.ts';
import { type SourceOptions, withTree } from '../load/load-tree.ts';
import { Session } from '../session.ts';
import { hostInput } from './host-digests.ts';
import { computeTreeDigests, type TreeDigests } from './tree-digests.ts';

/** Options of {@link digest}. */
export interface DigestOptions extends SourceOptions {
  /** Which host; default `bootc`. Changes digests. */
  readonly profile?: HostProfileName | undefined;
  /** EROFS format; default: the profile's. Changes digests. */
  readonly format?: FormatVersion | undefined;
}

/** Result of {@link digest}. */
export interface DigestResult extends TreeDigests {
  readonly source: string;
}

/** Computes the composefs digests of a source from its layers' tars; nothing is unpacked or mounted. */
export async function digest(source: string, options: DigestOptions = {}): Promise<DigestResult> {
  const profile = hostProfile(options.profile ?? DEFAULT_PROFILE);
  const needs = { contents: false, digests: true, algorithm: profile.algorithm };
  return await Session.use(options, (session) =>
    withTree(session, source, options, needs, async (tree) => {
      session.onProgress({ stage: 'digest', done: 0, total: undefined, unit: 'steps' });
      const about = { root: tree.root, input: hostInput(tree) };
      return { source, ...(await computeTreeDigests(session, about, profile, options.format)) };
    }),
  );
}
