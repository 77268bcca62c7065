/**
 * `seal`: an image that a machine boots as it is, or not at all.
 *
 * Kernel and initial file system leave the tree, what hosts will compute of the rest goes on a kernel command line, and
 * all three go into a UKI, which is signed and becomes the last layer. Hosts empty /boot before they digest a tree, so
 * the UKI can lie in the tree whose digest it holds. At the end the image is read again and held against its UKIs.
 */
import { arch } from 'node:os';
import { PlanishError } from '../../errors.ts';
import { DEFAULT_PROFILE, type HostProfileName, hostProfile } from '../../host/profiles.ts';
import type { Certificate } from '../../sign/certificate.ts';
import { buildWith } from '../build/build.ts';
import type { BuildOptions } from '../build/build-options.ts';
import type { BuildResult } from '../build/build-result.ts';
import { layersForTree } from '../build/extended-tree.ts';
import type { KeyEdit } from '../build/image-config.ts';
import { type BootSigner, type BootSigningOptions, bootCertificates, openBootSigner } from './boot-signer.ts';
import { bootProfile } from './seal-digest.ts';
import { type ProvenSeal, proveSeal } from './seal-proof.ts';
import { formatRequest, type SigningRequest } from './seal-request.ts';
import {
  architectureOf,
  type SealedFile,
  type SealedTree,
  type SealTreeOptions,
  sealTree,
} from './seal-tree.ts';

/** Options of {@link seal}. */
export interface SealOptions
  extends Omit<BuildOptions, 'format' | 'algorithm'>,
    BootSigningOptions,
    Omit<SealTreeOptions, 'profile' | 'signer' | 'architecture'> {
  /** Hosts that are to boot it; default `bootc`. Changes the digest. */
  readonly profile?: HostProfileName | undefined;
  /** Leave UKIs without a signature, which must be asked for. */
  readonly unsigned?: boolean | undefined;
}

/** Result of {@link seal}. */
export interface SealResult extends BuildResult {
  /** The argument on the command line of every UKI. */
  readonly argument: string;
  readonly profile: HostProfileName;
  readonly files: readonly SealedFile[];
  /** What was found when the image was read again. */
  readonly proof: ProvenSeal;
  /** What is to be signed elsewhere, with `signWith` `detached`. */
  readonly request: SigningRequest | undefined;
}

/** Labels that bootc looks for. */
const LABELS: readonly KeyEdit[] = [
  { key: 'containers.bootc', value: '1' },
  { key: 'ostree.bootable', value: '1' },
];

/**
 * Seals an image. Throws `NOT_BOOTABLE` for an image without kernel, initial file system, os-release or stub, what the
 * host's refusal of the tree is, what {@link build} throws, and what keys and stubs are refused with; the destination is
 * then as it was. Throws `DIGEST_MISMATCH` if the image that was written is not what was sealed.
 */
export async function seal(source: string, options: SealOptions): Promise<SealResult> {
  const profile = bootProfile(hostProfile(options.profile ?? DEFAULT_PROFILE));
  const { certificates, signer } = chooseSigner(options);
  const maxLayers = layersForTree(options.maxLayers);
  const { algorithm, name } = profile;
  let sealed: SealedTree | undefined;
  const result = await buildWith(
    source,
    { ...options, maxLayers, algorithm, labels: [...LABELS, ...(options.labels ?? [])] },
    {
      profile: name,
      extend: async (session, tree, shipped) => {
        const architecture = architectureOf(tree, options.platform, arch());
        sealed = await sealTree(session, tree, shipped, { ...options, profile, signer, architecture });
        return sealed;
      },
      check: ({ bootable }) => checkSealed(bootable, sealed?.digest),
    },
  );
  if (sealed === undefined) throw new PlanishError('INVARIANT', 'an image was built without being sealed');
  const { argument, files, digest, pending } = sealed;
  const proof = await proveSeal(options.destination, {
    ...options,
    algorithm,
    profile,
    digest,
    certificates,
  });
  const wanted = options.signWith === DETACHED;
  const request = wanted ? formatRequest(result.manifest.digest, pending) : undefined;
  return { ...result, argument, profile: name as HostProfileName, files, proof, request };
}

/** Of a way to sign: nobody yet. */
const DETACHED = 'detached';

function chooseSigner(options: SealOptions): {
  certificates: readonly Certificate[];
  signer: BootSigner | undefined;
} {
  const later = options.unsigned === true || options.signWith === DETACHED;
  if (!later) {
    const signer = openBootSigner(options);
    return { certificates: [signer.certificate], signer };
  }
  if (options.key !== undefined)
    throw new PlanishError('BAD_OPTION', 'a key was given, and nothing is to be signed');
  if (options.certificate !== undefined) bootCertificates(options.certificate, options.time);
  return { certificates: [], signer: undefined };
}

/** What hosts compute of the layers with the UKIs in them must be what the UKIs say. */
function checkSealed(bootable: string | undefined, sealed: string | undefined): void {
  if (bootable !== undefined && bootable === sealed) return;
  throw new PlanishError('INVARIANT', 'adding UKIs has changed the digest that they hold', {
    expected: sealed,
    actual: bootable,
  });
}
