/** `seal --attach`: signatures that came from elsewhere, put onto the UKIs of an image that was sealed without. */

import { UKI_DIRECTORY } from '../../boot/boot-entries.ts';
import { composefsArguments } from '../../boot/cmdline.ts';
import { readUki } from '../../boot/uki.ts';
import { type ByteString, display, fromUtf8 } from '../../bytes/byte-string.ts';
import { isVerityDigest, type VerityDigest } from '../../bytes/digest.ts';
import { PlanishError } from '../../errors.ts';
import { DEFAULT_PROFILE, type HostProfileName, hostProfile } from '../../host/profiles.ts';
import { readSignatureFile } from '../../io/key-files.ts';
import { layerMediaType } from '../../oci/media-types.ts';
import { type ContentFile, ContentReader } from '../../parallel/content-file.ts';
import { withLeaves, withoutPaths } from '../../tree/edit.ts';
import { normalizePath } from '../../tree/path.ts';
import { contentSize, type Directory, type Leaf, type RegularFile } from '../../tree/tree.ts';
import { lookup } from '../../tree/walk.ts';
import { buildWith } from '../build/build.ts';
import type { BuildOptions } from '../build/build-options.ts';
import type { BuildResult } from '../build/build-result.ts';
import { type ExtendedTree, layersForTree } from '../build/extended-tree.ts';
import { contentSource } from '../load/content-source.ts';
import type { LoadedTree } from '../load/load-tree.ts';
import { openImage } from '../load/open-any.ts';
import type { Session } from '../session.ts';
import { attachToPe } from './attach-pe.ts';
import { bootCertificates } from './boot-signer.ts';
import { bootProfile } from './seal-digest.ts';
import { type ProvenSeal, proveSeal } from './seal-proof.ts';
import type { AttachedSignature } from './seal-request.ts';
import { spoolSource } from './sign-pe.ts';

/** Options of {@link attachSignatures}. */
export interface AttachOptions extends Omit<BuildOptions, 'format' | 'algorithm' | 'previous' | 'replan'> {
  readonly signatures: readonly AttachedSignature[];
  /** File of the certificate whose key signed. */
  readonly certificate: string | undefined;
  /** Seconds since 1970 at which the certificate must be valid; absent: it is not looked at. */
  readonly time?: number | undefined;
  /** Hosts that it was sealed for; default `bootc`. */
  readonly profile?: HostProfileName | undefined;
}

/** Result of {@link attachSignatures}. */
export interface AttachResult extends BuildResult {
  readonly profile: HostProfileName;
  readonly proof: ProvenSeal;
}

/**
 * Writes the image again with signed UKIs. All other layers are carried over as they are. Throws `NOT_BOOTABLE` for an
 * image that `seal` has not made, `SIGNATURE_INVALID`, `SIGNATURE_UNTRUSTED`.
 */
export async function attachSignatures(source: string, options: AttachOptions): Promise<AttachResult> {
  const profile = bootProfile(hostProfile(options.profile ?? DEFAULT_PROFILE));
  if (options.certificate === undefined)
    throw new PlanishError('BAD_OPTION', 'a certificate is needed: --cert FILE');
  const certificates = bootCertificates(options.certificate, options.time);
  const { algorithm, name } = profile;
  const compression = await compressionOf(source, options);
  let digest: VerityDigest | undefined;
  const result = await buildWith(
    source,
    { ...options, maxLayers: layersForTree(options.maxLayers), algorithm, compression, previous: source },
    {
      profile: name,
      extend: async (session, tree, shipped) => {
        const signed = attach(session, tree, shipped, options.signatures, certificates);
        digest = signed.digest;
        return signed;
      },
    },
  );
  if (digest === undefined)
    throw new PlanishError('INVARIANT', 'an image was written without a look at its UKIs');
  const proof = await proveSeal(options.destination, {
    ...options,
    algorithm,
    profile,
    digest,
    certificates: [certificates[0]],
  });
  return { ...result, profile: name as HostProfileName, proof };
}

/** A carried layer must be compressed like the others. */
async function compressionOf(source: string, options: AttachOptions): Promise<BuildOptions['compression']> {
  const image = await openImage(source, options);
  image.close();
  return layerMediaType(image.layers.at(-1)?.descriptor.mediaType ?? '')?.compression;
}

interface SignedTree extends ExtendedTree {
  readonly digest: VerityDigest;
}

function attach(
  session: Session,
  tree: LoadedTree,
  shipped: Directory,
  signatures: readonly AttachedSignature[],
  certificates: ReturnType<typeof bootCertificates>,
): SignedTree {
  const { leaves, added } = lastLayer(tree, shipped);
  const contents: ContentFile[] = [...tree.contents];
  const reader = new ContentReader(tree.contents);
  const replaced = new Map(leaves);
  let digest: VerityDigest | undefined;
  try {
    for (const signature of signatures) {
      const path = pathOf(signature, leaves);
      const node = leaves.get(path) as RegularFile;
      const source = contentSource(reader, node.content);
      digest ??= digestOf(readUki(source).cmdline);
      const signed = attachToPe(source, readSignatureFile(signature.file), certificates, signature.file);
      const { file, content } = spoolSource(session, signed, tree.algorithm, contents.length);
      contents.push(file);
      replaced.set(path, { ...node, content });
    }
  } finally {
    reader.close();
  }
  if (digest === undefined) throw unsealed('its UKI names no composefs digest');
  const full = withLeaves(shipped, replaced, shipped.metadata);
  const size = [...replaced.values()].reduce((sum, node) => sum + sizeOf(node), 0);
  return { base: withoutPaths(shipped, added), full, paths: [...leaves.keys()], size, contents, digest };
}

/** Files of the last layer, and topmost paths that no other layer has. */
function lastLayer(
  { layers }: LoadedTree,
  shipped: Directory,
): { leaves: Map<ByteString, Leaf>; added: ByteString[] } {
  const paths = (layers.at(-1)?.entries ?? []).map(({ path }) => normalizePath(path));
  const before = new Set(
    layers.slice(0, -1).flatMap(({ entries }) => entries.map(({ path }) => normalizePath(path))),
  );
  const leaves = new Map<ByteString, Leaf>();
  for (const path of paths) {
    const node = lookup(shipped, path);
    if (node !== undefined && node.type !== 'directory') leaves.set(path, node);
  }
  if (![...leaves.keys()].every((path) => path.startsWith('/boot/')) || ukisOf(leaves).length === 0) {
    throw unsealed('its last layer does not hold UKIs alone');
  }
  return { leaves, added: paths.filter((path) => !before.has(path)) };
}

function ukisOf(leaves: ReadonlyMap<ByteString, Leaf>): ByteString[] {
  const isUki = (path: ByteString): boolean =>
    path.startsWith(`${UKI_DIRECTORY}/`) && path.endsWith('.efi') && !path.endsWith('.addon.efi');
  return [...leaves].flatMap(([path, node]) => (node.type === 'regular' && isUki(path) ? [path] : []));
}

/** The file that a signature is of. Throws `BAD_OPTION`. */
function pathOf({ path }: AttachedSignature, leaves: ReadonlyMap<ByteString, Leaf>): ByteString {
  const [only, ...others] = ukisOf(leaves);
  if (path === undefined) {
    if (only !== undefined && others.length === 0) return only;
    throw new PlanishError('BAD_OPTION', 'the image holds several UKIs: say which, as --attach PATH=FILE');
  }
  const wanted = fromUtf8(path);
  if (leaves.get(wanted)?.type === 'regular') return wanted;
  throw new PlanishError('BAD_OPTION', 'the last layer of the image holds no such file', {
    path: display(wanted),
  });
}

function digestOf(cmdline: string | undefined): VerityDigest | undefined {
  return composefsArguments(cmdline ?? '')
    .map(({ digest }) => digest)
    .find(isVerityDigest);
}

function sizeOf(node: Leaf): number {
  return node.type === 'regular' ? contentSize(node.content) : 0;
}

function unsealed(why: string): PlanishError {
  return new PlanishError('NOT_BOOTABLE', `the image was not sealed by planish: ${why}`);
}
