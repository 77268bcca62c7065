/** What hosts compute of a loaded source: the one way in which every verb asks `src/host`. */
import { ImageRoom } from '../../erofs/image-room.ts';
import type { FormatVersion } from '../../erofs/writer.ts';
import type { HostLayer } from '../../host/accept-layer.ts';
import { makeBootableTree } from '../../host/bootable-tree.ts';
import { type Attempt, attempt, type HostOutcome, hostOutcome } from '../../host/host-digest.ts';
import { type HostSource, makePlainTree } from '../../host/host-tree.ts';
import type { HostProfile } from '../../host/profiles.ts';
import { filesHostsRead } from '../../host/read-file.ts';
import type { LayerIndex } from '../../layer/layer-index.ts';
import type { DumpFacts } from '../../tree/dump-facts.ts';
import type { Directory } from '../../tree/tree.ts';
import type { LayerInput } from '../load/load-layers.ts';
import type { LoadedTree } from '../load/load-tree.ts';
import type { Session } from '../session.ts';
import { type ContentPlaces, HostContents } from './host-contents.ts';

/** What a host digests of a source; `bootable` is absent where the host makes no bootable images. */
export interface HostTrees {
  readonly plain: Attempt<Directory>;
  readonly bootable: Attempt<Directory> | undefined;
}

/** The digests of both. */
export interface HostDigests {
  readonly plain: HostOutcome;
  readonly bootable: HostOutcome | undefined;
}

/** What a host is asked about, and where contents are that it may read. */
export interface HostInput extends ContentPlaces {
  readonly source: HostSource;
  readonly facts?: DumpFacts | undefined;
}

/** A loaded source as a host meets it. */
export function hostInput(tree: LoadedTree): HostInput {
  const { algorithm, layers, inputs, contents, facts } = tree;
  return { source: hostSource(tree), algorithm, layers, inputs, contents, facts };
}

/** Layers where there are any: hosts go by them, and by no tree that someone else made of them. */
function hostSource({ kind, root, layers, inputs }: LoadedTree): HostSource {
  if (kind !== 'image' && kind !== 'tar') return { kind: 'tree', root };
  return { kind: 'layers', layers: layers.map((layer, ordinal) => hostLayer(layer, inputs[ordinal])) };
}

/** A layer that was read, as a host meets it. */
export function hostLayer(layer: LayerIndex, input: LayerInput | undefined): HostLayer {
  const { entries, compression, members, endOfArchive } = layer;
  return { entries, compression, claimed: input?.claimed, members, endOfArchive };
}

/** The trees that a host of that profile digests. */
export async function hostTrees(
  session: Session,
  input: HostInput,
  profile: HostProfile,
  wanted: { readonly bootable: boolean } = { bootable: true },
): Promise<HostTrees> {
  const plain = attempt(() => makePlainTree(input.source, profile).root);
  const { boot } = profile;
  if (boot === undefined || !wanted.bootable) return { plain, bootable: undefined };
  if (plain.value === undefined) return { plain, bootable: plain };
  const contents = new HostContents(session, input);
  await contents.prepare(filesHostsRead(plain.value).map(([, file]) => file));
  const root = plain.value;
  return { plain, bootable: attempt(() => makeBootableTree(root, boot, contents.read).root) };
}

/** How the images of {@link hostDigests} are made. */
export interface HostDigestOptions {
  /** Default: the profile's own. */
  readonly format?: FormatVersion | undefined;
  /** Where; default: in room of their own, one after the other. */
  readonly room?: ImageRoom | undefined;
}

/** The digests that a host of that profile computes. */
export async function hostDigests(
  session: Session,
  input: HostInput,
  profile: HostProfile,
  { format, room = new ImageRoom() }: HostDigestOptions = {},
): Promise<HostDigests> {
  const { plain, bootable } = await hostTrees(session, input, profile);
  const { algorithm, facts } = input;
  const options = { algorithm, format, facts, room };
  return {
    plain: hostOutcome(plain, profile, options),
    bootable: bootable === undefined ? undefined : hostOutcome(bootable, profile, options),
  };
}
