/** The composefs digests of a source: of the tree as it is, and as a host makes it. */
import type { HashAlgorithm, VerityDigest } from '../../bytes/digest.ts';
import { imageDigest } from '../../erofs/image-digest.ts';
import { ImageRoom } from '../../erofs/image-room.ts';
import type { FormatVersion } from '../../erofs/writer.ts';
import { encodeHostImage, type HostImageOptions, type HostRefusal } from '../../host/host-digest.ts';
import type { HostProfile } from '../../host/profiles.ts';
import { collectLargeHeap } from '../../parallel/collect-garbage.ts';
import type { Directory } from '../../tree/tree.ts';
import type { OnWarning } from '../../warnings.ts';
import type { Session } from '../session.ts';
import { type HostInput, hostDigests } from './host-digests.ts';

/** Digests of one source in one format. */
export interface TreeDigests {
  /** Name of the host profile. */
  readonly profile: string;
  readonly format: FormatVersion;
  readonly algorithm: HashAlgorithm;
  /** The tree as it is, all attributes kept: what `mkfs` writes. */
  readonly tree: VerityDigest;
  /** What the host computes for a container image. Absent when it refuses the image. */
  readonly container: VerityDigest | undefined;
  /** What it computes for the image to boot, and a kernel command line names. Absent when there is none. */
  readonly bootable: VerityDigest | undefined;
  /** Why digests are absent. */
  readonly refused: {
    readonly container: HostRefusal | undefined;
    readonly bootable: HostRefusal | undefined;
  };
}

/** Computes all three, `tree` of `root`, the others of `input`. Says `NO_HOST_DIGEST` where a host would refuse the image; `format` goes before the profile's. */
export async function computeTreeDigests(
  session: Session,
  { root, input }: { readonly root: Directory; readonly input: HostInput },
  profile: HostProfile,
  format?: FormatVersion,
): Promise<TreeDigests> {
  const { algorithm, facts } = input;
  const room = new ImageRoom();
  const tree = digestOfTree(root, profile, { algorithm, format, facts, room });
  // A tree in which every inode has its place is larger than the tree, and dead now.
  collectLargeHeap();
  const { plain, bootable } = await hostDigests(session, input, profile, { format, room });
  if (plain.refused !== undefined) warnRefused(plain.refused, session.onWarning);
  return {
    profile: profile.name,
    format: plain.format ?? tree.format,
    algorithm,
    tree: tree.digest,
    container: plain.digest,
    bootable: bootable?.digest,
    refused: { container: plain.refused, bootable: bootable?.refused },
  };
}

function digestOfTree(
  root: Directory,
  profile: HostProfile,
  options: HostImageOptions,
): { digest: VerityDigest; format: FormatVersion } {
  const { image, format } = encodeHostImage(root, profile, options);
  return { digest: imageDigest(image, options.algorithm), format };
}

function warnRefused({ message, path }: HostRefusal, onWarning: OnWarning): void {
  onWarning({ code: 'NO_HOST_DIGEST', message: `no composefs host accepts this image: ${message}`, path });
}

/** Annotation key of a merged image's digest (sealing specification of composefs-rs). */
export function mergedAnnotation(
  kind: 'container' | 'bootable',
  format: FormatVersion,
  algorithm: HashAlgorithm,
): string {
  const merged = kind === 'bootable' ? 'merged.bootable' : 'merged';
  return `composefs.${merged}.erofs.v${format}.fsverity-${algorithm}-12`;
}

/** Annotation key of a layer's key. */
export function layerAnnotation(algorithm: HashAlgorithm): string {
  return `composefs.layer.erofs.v1.fsverity-${algorithm}-12`;
}

/** Label that composefs-rs' own `oci fsck` compares with the images of a repository. */
export const FSVERITY_LABEL = 'containers.composefs.fsverity';
