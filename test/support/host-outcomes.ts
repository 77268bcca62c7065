/** What planish says a host computes of layers given as tars, without threads or files. */
import type { HashAlgorithm } from '../../src/bytes/digest.ts';
import { makeBootableTree } from '../../src/host/bootable-tree.ts';
import { attempt, type HostOutcome, hostOutcome } from '../../src/host/host-digest.ts';
import { makePlainTree } from '../../src/host/host-tree.ts';
import type { HostProfile } from '../../src/host/profiles.ts';
import { HOST_READ_PATHS, type ReadFile } from '../../src/host/read-file.ts';
import { ingestLayer } from '../../src/layer/ingest.ts';
import type { LayerIndex } from '../../src/layer/layer-index.ts';
import type { Content, Directory } from '../../src/tree/tree.ts';

/** Digests in both formats, and the trees they are of. */
export interface HostOutcomes {
  readonly digests: Readonly<Record<`${'plain' | 'bootable'} v${1 | 2}`, HostOutcome>>;
  readonly plain: Directory | undefined;
  readonly bootable: Directory | undefined;
}

/** Outcomes of a profile. Throws where planish itself cannot read the layers. */
export async function hostOutcomes(
  tars: readonly Buffer[],
  profile: HostProfile,
  algorithm: HashAlgorithm,
): Promise<HostOutcomes> {
  const layers: LayerIndex[] = [];
  for (const [ordinal, tar] of tars.entries()) layers.push(await readTar(tar, ordinal, algorithm));
  const { boot } = profile;
  if (boot === undefined) throw new Error(`${profile.name} does not boot`);
  const plain = attempt(() => makePlainTree({ kind: 'layers', layers }, profile).root);
  const root = plain.value;
  const read = keptReader(layers);
  const bootable = root === undefined ? plain : attempt(() => makeBootableTree(root, boot, read).root);
  const of = (tree: typeof plain, format: 1 | 2): HostOutcome =>
    hostOutcome(tree, profile, { algorithm, format });
  return {
    digests: {
      'plain v1': of(plain, 1),
      'plain v2': of(plain, 2),
      'bootable v1': of(bootable, 1),
      'bootable v2': of(bootable, 2),
    },
    plain: plain.value,
    bootable: bootable.value,
  };
}

async function readTar(tar: Buffer, ordinal: number, algorithm: HashAlgorithm): Promise<LayerIndex> {
  const unknown = { digest: undefined, size: undefined, diffId: undefined, claimed: undefined };
  const request = { ...unknown, ordinal, source: ordinal, algorithm, enforce: true } as const;
  const { index } = await ingestLayer(once(tar), {
    ...request,
    globalHeaders: 'ignore',
    keep: HOST_READ_PATHS,
  });
  return index;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield bytes;
}

/** Contents that are small or were kept. */
function keptReader(layers: readonly LayerIndex[]): ReadFile {
  const known = new Map<Content, Uint8Array>();
  for (const { entries, kept } of layers) {
    for (const { content } of entries) {
      if (content?.kind !== 'external') continue;
      const bytes = kept.get(content.location?.extents[0]?.offset ?? -1);
      if (bytes !== undefined) known.set(content, bytes);
    }
  }
  return ({ content }, path) => {
    const bytes = content.kind === 'inline' ? content.bytes : known.get(content);
    if (bytes === undefined) throw new Error(`the content of ${path} was not kept`);
    return bytes;
  };
}
