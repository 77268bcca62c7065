/** What a lint rule is, what it finds, and what checks look at. */

import type { ByteSource } from '../bytes/byte-source.ts';
import type { ByteString } from '../bytes/byte-string.ts';
import type { BlobDigest, HashAlgorithm, VerityDigest } from '../bytes/digest.ts';
import type { PlanishError } from '../errors.ts';
import type { LayerIndex } from '../layer/layer-index.ts';
import type { ImageConfig } from '../oci/config.ts';
import type { Descriptor, Platform } from '../oci/descriptor.ts';
import type { XattrMode } from '../tree/transform.ts';
import type { Directory, RegularFile } from '../tree/tree.ts';
import type { Warning } from '../warnings.ts';

/** How much a finding matters; the worst first. */
export const SEVERITIES = ['error', 'warning', 'note'] as const;

/**
 * `error`: hosts refuse the image, fail to boot it, or make another tree of it. `warning`: it works today and on the
 * hosts of the profile, but breaks elsewhere or later. `note`: worth knowing.
 */
export type Severity = (typeof SEVERITIES)[number];

/** One rule. Its identifier, the key of the table, never changes its meaning. */
export interface LintRule {
  readonly severity: Severity;
  /** `bootable` rules are held only against images that are meant to boot. */
  readonly scope: 'any' | 'bootable';
  /** What is wrong, in a few words. */
  readonly title: string;
  /** How to mend it, one phrase. */
  readonly hint: string;
  /** What `build` does about it; absent where it cannot help. */
  readonly fix?: string;
}

/** Where something was found. */
export interface FindingPlace {
  /** Ordinal of the layer, 0 = base. */
  readonly layer?: number | undefined;
  /** Path inside the image, escaped for display; of several the first. */
  readonly path?: string | undefined;
  /** Offset in the uncompressed layer, or in the file of `path`. */
  readonly offset?: number | undefined;
  /** How many entries, files or names the finding is about; 1 unless given. */
  readonly count?: number | undefined;
  readonly expected?: string | undefined;
  readonly actual?: string | undefined;
}

/** One finding: plain data. What is wrong with many entries of a layer in the same way is one finding. */
export interface Finding extends FindingPlace {
  readonly rule: string;
  readonly severity: Severity;
  /** One lower-case sentence without a full stop. */
  readonly message: string;
  readonly count: number;
  readonly hint: string;
  /** Whether `build` mends it. */
  readonly fixable: boolean;
}

/** A layer as its manifest names it and as it was read. */
export interface LintLayer {
  readonly ordinal: number;
  /** Absent for a tar without a manifest. */
  readonly descriptor: Descriptor | undefined;
  readonly diffId: BlobDigest | undefined;
  /** Absent when it could not be read. */
  readonly index: LayerIndex | undefined;
  /** Why it could not be read. */
  readonly failure: PlanishError | undefined;
  /** What was odd while it was read. */
  readonly warnings: readonly Warning[];
}

/** What the layers come to in one reading. */
export interface Reading {
  /** Absent when a layer could not be read or applied. */
  readonly root: Directory | undefined;
  /** Why it could not be applied. */
  readonly failure: PlanishError | undefined;
  readonly warnings: readonly Warning[];
}

/** What a profile means to the rules. */
export interface LintProfile {
  readonly name: string;
  readonly algorithm: HashAlgorithm;
  /** Attributes that the host keeps. */
  readonly xattrs: XattrMode | 'all';
  /** Whether the host reads layers of several zstd frames or gzip members. */
  readonly severalFrames: boolean;
  /** Whether the host understands `composefs.digest=`. */
  readonly describedDigests: boolean;
}

/** The digest that a host computes for booting, or why it computes none. */
export interface BootDigest {
  readonly digest: VerityDigest | undefined;
  readonly refused:
    | { readonly message: string; readonly path: string | undefined; readonly layer: string | undefined }
    | undefined;
}

/** The image as it is described, where the source is one. */
export interface LintImage {
  readonly config: ImageConfig;
  /** What the index says of the manifest. */
  readonly platform: Platform | undefined;
}

/** Everything that checks look at. */
export interface LintContext {
  readonly image: LintImage | undefined;
  readonly layers: readonly LintLayer[];
  /** As container engines read the layers. */
  readonly oci: Reading;
  /** As hosts do; missing parents made. */
  readonly host: Reading;
  /** Why a host, which makes no parents, refuses the layers. */
  readonly refusal: PlanishError | undefined;
  readonly profile: LintProfile;
  /** Whether the image is meant to boot. */
  readonly bootable: boolean;
  /** Content of a file of either tree. */
  readonly open: (file: RegularFile) => ByteSource;
  /** What a host of a profile makes of the image for booting. Expensive the first time. */
  readonly bootDigest: (profile: string) => BootDigest;
  /** Names of the profiles that {@link bootDigest} knows, the present one among them. */
  readonly bootProfiles: readonly string[];
}

/** The tree that later checks look at: the host's, or where there is none the engines'. */
export function lintedTree(context: Pick<LintContext, 'host' | 'oci'>): Directory | undefined {
  return context.host.root ?? context.oci.root;
}

/** Largest text file of the tree that a check reads. */
const TEXT_BYTES = 4 * 1024 * 1024;

/** The content of a file of the tree, one byte a character, or `undefined` when it is absurdly long. */
export function readText(context: LintContext, file: RegularFile): ByteString | undefined {
  const source = context.open(file);
  if (source.size > TEXT_BYTES) return undefined;
  return Buffer.from(source.read(0, source.size)).toString('latin1') as ByteString;
}
