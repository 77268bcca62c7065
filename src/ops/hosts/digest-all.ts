/** `digest --all`: the digests that every known kind of host computes of a source. */
import type { HashAlgorithm } from '../../bytes/digest.ts';
import { HOST_PROFILES, type HostProfile } from '../../host/profiles.ts';
import { type SourceOptions, withTree } from '../load/load-tree.ts';
import { Session } from '../session.ts';
import { type HostDigests, type HostInput, hostDigests, hostInput } from './host-digests.ts';

/** What one kind of host computes. */
export interface ProfileDigests extends HostDigests {
  readonly profile: string;
  readonly describes: string;
  readonly algorithm: HashAlgorithm;
}

/** Result of {@link digestAll}. */
export interface DigestAllResult {
  readonly source: string;
  /** In the order of the table of profiles. */
  readonly profiles: readonly ProfileDigests[];
}

/**
 * Computes the digests of every profile, in its own format and algorithm. The source is read once for each algorithm,
 * for the digests of contents differ; one with digests of its own, as a dumpfile, has those of one algorithm only.
 */
export async function digestAll(
  source: string,
  options: Omit<SourceOptions, 'algorithm'> = {},
): Promise<DigestAllResult> {
  const found = new Map<string, ProfileDigests>();
  for (const algorithm of ['sha512', 'sha256'] as const) {
    const missing = HOST_PROFILES.filter(({ name }) => !found.has(name));
    for (const digests of await digestsOf(source, options, algorithm, missing)) {
      found.set(digests.profile, digests);
    }
  }
  return { source, profiles: HOST_PROFILES.flatMap(({ name }) => found.get(name) ?? []) };
}

/** Digests of the profiles of an algorithm; of all where the source has digests of its own, which no reading changes. */
async function digestsOf(
  source: string,
  options: SourceOptions,
  algorithm: HashAlgorithm,
  profiles: readonly HostProfile[],
): Promise<ProfileDigests[]> {
  if (profiles.length === 0) return [];
  const needs = { contents: false, digests: true, algorithm };
  return await Session.use(options, (session) =>
    withTree(session, source, options, needs, async (tree) => {
      session.onProgress({ stage: 'digest', done: 0, total: undefined, unit: 'steps' });
      const input = hostInput(tree);
      const fixed = tree.kind === 'dump' || tree.kind === 'erofs';
      const results: ProfileDigests[] = [];
      for (const profile of profiles) {
        if (!fixed && profile.algorithm !== algorithm) continue;
        const agrees = profile.algorithm === input.algorithm;
        const digests = agrees ? await hostDigests(session, input, profile) : otherAlgorithm(input);
        const { name, describes } = profile;
        results.push({ profile: name, describes, algorithm: profile.algorithm, ...digests });
      }
      return results;
    }),
  );
}

function otherAlgorithm({ algorithm }: HostInput): HostDigests {
  const message = `the digests in the source are of ${algorithm}`;
  const refused = { code: 'BAD_OPTION', message, path: undefined, layer: undefined } as const;
  const none = { digest: undefined, format: undefined, refused };
  return { plain: none, bootable: none };
}
