/**
 * The one table of hosts: every choice that changes a digest, by the program and release that makes it. A digest is
 * only ever that of a profile; adding a host is adding a row. `docs/host-profiles.md` says how to choose. Changing a
 * row changes digests.
 */
import type { HashAlgorithm } from '../bytes/digest.ts';
import type { FormatVersion } from '../erofs/writer.ts';
import { PlanishError } from '../errors.ts';
import type { BootTimes } from '../tree/boot-transform.ts';
import type { XattrMode } from '../tree/transform.ts';
import type { BootEntryRules } from './boot-entry-rules.ts';
import type { LinkedLabels } from './relabel.ts';

/** What is done to a tree before it is booted, after the transform for containers. */
export interface BootChoices {
  /** How much of /usr's time /boot and /sysroot get. */
  readonly times: BootTimes;
  /** What becomes of a file whose names the policy labels differently. */
  readonly linkedLabels: LinkedLabels;
  /** Which kinds of boot entry it knows; it refuses a tree with one that breaks its rules. */
  readonly entries: BootEntryRules;
  /** How a kernel command line names the digest: `composefs=HEX`, or `composefs.digest=vN-ALGORITHM-12:HEX`. */
  readonly argument: 'composefs' | 'composefs.digest';
}

/** Everything by which hosts differ. */
export interface HostProfile {
  readonly name: string;
  /** Which programs and releases do so. */
  readonly describes: string;
  /** Where that can be read: revisions and pull requests of the project. */
  readonly source: string;
  /** EROFS format; `automatic`: 1 for a tree with a whiteout device, else 0, as mkcomposefs chooses. */
  readonly format: FormatVersion | 'automatic';
  readonly algorithm: HashAlgorithm;
  /** Whose bytes where the two projects differ within a format. */
  readonly dialect: 'rs' | 'c';
  /**
   * How layers become a tree: `host`, entry by entry in the order of the tar, a missing parent being an error, only
   * what the host's tar reader takes; or `oci`, as runtimes unpack an image before this host reads the directory. In
   * both a later entry of the same path wins.
   */
  readonly layers: 'host' | 'oci';
  /** Whether it reads a layer to its end where that has several gzip members or zstd frames. */
  readonly severalMembers: boolean;
  /** Whether fractions of a second are kept. Format 2 stores none either way. */
  readonly fractions: 'kept' | 'dropped';
  /** Whether names that share an inode are read as hard links. */
  readonly hardLinks: 'kept' | 'separated';
  /** Extended attributes that are kept by the transform for containers; absent: no such transform. */
  readonly container: { readonly xattrs: XattrMode } | undefined;
  /** Absent: the host makes no bootable images. */
  readonly boot: BootChoices | undefined;
}

const RS = {
  algorithm: 'sha512',
  dialect: 'rs',
  layers: 'host',
  severalMembers: false,
  fractions: 'kept',
  hardLinks: 'kept',
} as const;
const ALLOWLIST = { xattrs: 'allowlist-only' } as const;
const BOOT = {
  times: 'seconds',
  linkedLabels: 'split',
  entries: { addons: false, androidImages: false },
  argument: 'composefs',
} as const;

/** All profiles; the first is the default. */
export const HOST_PROFILES = [
  {
    ...RS,
    name: 'bootc',
    describes: 'bootc 1.16.4 to 1.16.9, repository made by such a release; also cfsctl 0.8.0 to 0.9.3',
    source: 'composefs-rs a29622c (bootc 1.16.4) to 0fbc853 (bootc 1.16.9)',
    format: 1,
    container: ALLOWLIST,
    boot: BOOT,
  },
  {
    ...RS,
    name: 'bootc-1.16.0',
    describes: 'bootc 1.16.4 to 1.16.9 on a host installed by 1.16.0 to 1.16.3: its repository stayed V2',
    source: 'composefs-rs a29622c to 0fbc853: meta.json without erofs_formats means V2 (bootc issue 2334)',
    format: 2,
    container: ALLOWLIST,
    boot: BOOT,
  },
  {
    ...RS,
    name: 'bootc-1.16.3',
    describes: 'bootc 1.16.0 to 1.16.3, not updated: V2, no attribute is filtered',
    source: 'composefs-rs e277075 (bootc 1.16.0) to 679a342 (bootc 1.16.3)',
    format: 2,
    container: { xattrs: 'all' },
    boot: BOOT,
  },
  {
    ...RS,
    name: 'bootc-1.15',
    describes: 'bootc 1.15.0 to 1.15.2: V2, no attribute is filtered, hard links keep one label',
    source: 'composefs-rs 2203e8f',
    format: 2,
    fractions: 'dropped',
    container: { xattrs: 'all' },
    boot: { ...BOOT, linkedLabels: 'last' },
  },
  {
    ...RS,
    name: 'cfsctl',
    describes:
      'cfsctl 0.9.4, new repository: as bootc, but /boot and /sysroot take the fraction of /usr as well',
    source: 'composefs-rs 0.9.4; pull request 396 (September 2026)',
    format: 1,
    container: ALLOWLIST,
    severalMembers: true,
    boot: {
      times: 'nanoseconds',
      linkedLabels: 'split',
      entries: { addons: true, androidImages: true },
      argument: 'composefs.digest',
    },
  },
  {
    name: 'mkcomposefs',
    describes: 'mkcomposefs 1.0.8 (C) with its default options on a directory: no transforms, no hard links',
    source: 'composefs 1.0.8',
    format: 'automatic',
    algorithm: 'sha256',
    dialect: 'c',
    layers: 'oci',
    severalMembers: true,
    fractions: 'kept',
    hardLinks: 'separated',
    container: undefined,
    boot: undefined,
  },
] as const satisfies readonly HostProfile[];

/** Names of all profiles. */
export type HostProfileName = (typeof HOST_PROFILES)[number]['name'];

/** Profile of hosts as they are released today. Changing this changes digests. */
export const DEFAULT_PROFILE: HostProfileName = 'bootc';

/** The profile of a name. Throws `BAD_OPTION`. */
export function hostProfile(name: string): HostProfile {
  const found = HOST_PROFILES.find((profile) => profile.name === name);
  if (found !== undefined) return found;
  throw new PlanishError('BAD_OPTION', 'there is no host profile of that name', {
    actual: name,
    hint: `profiles: ${HOST_PROFILES.map((profile) => profile.name).join(', ')}`,
  });
}
