/** Everything that decides which tree and which bytes a view of an image is, as one flat value. */
import type { Dialect } from '../erofs/rewrite.ts';
import type { FormatVersion } from '../erofs/writer.ts';
import type { HostProfile } from '../host/profiles.ts';

/** Which extended attributes stay. `user-only` and `none` are options of mkcomposefs, not modes of hosts. */
export type KeptXattrs = 'allowlist-only' | 'keep-user-xattrs' | 'all' | 'user-only' | 'none';

/**
 * Where labels come from. `host-last` gives an inode the label of its last name instead of splitting it; `-nul` ends
 * each label in a NUL byte, as file systems do.
 */
export type LabelSource = 'untouched' | 'host' | 'host-last' | 'libselinux' | 'libselinux-nul' | 'none';

/** See the module. Every field changes digests. */
export interface ViewSettings {
  /** Whether a marker removes what is there at its moment, or only what lower layers hold. */
  readonly whiteouts: 'host' | 'oci';
  readonly hardLinks: 'kept' | 'separated';
  readonly devices: 'kept' | 'skipped';
  /** `canonical`: whole seconds from 1970 on, and no sockets, as layers written here hold. */
  readonly times: 'kept' | 'whole-seconds' | 'canonical' | 'epoch';
  /** Whose metadata the root has. */
  readonly root: 'usr' | 'kept';
  readonly run: 'emptied' | 'kept';
  readonly xattrs: KeptXattrs;
  /** /boot and /sysroot. */
  readonly boot: 'kept' | 'emptied';
  /** What emptied /boot and /sysroot take of the time of /usr. */
  readonly bootTimes: 'seconds' | 'nanoseconds' | 'kept';
  readonly labels: LabelSource;
  readonly format: FormatVersion | 'automatic';
  readonly dialect: Dialect;
}

/** Which of the two digests of an image is meant. */
export type ViewForm = 'plain' | 'bootable';

/** A tree as it was read, in the format of `dump` and `mkfs`: nothing is transformed. */
export const AS_IT_IS: ViewSettings = {
  whiteouts: 'oci',
  hardLinks: 'kept',
  devices: 'kept',
  times: 'kept',
  root: 'kept',
  run: 'kept',
  xattrs: 'all',
  boot: 'kept',
  bootTimes: 'seconds',
  labels: 'untouched',
  format: 1,
  dialect: 'rs',
};

/** What a host of a profile does. A profile without bootable images has the same settings for both forms. */
export function profileSettings(profile: HostProfile, form: ViewForm): ViewSettings {
  const isBootable = form === 'bootable' && profile.boot !== undefined;
  const linked = profile.boot?.linkedLabels === 'last' ? 'host-last' : 'host';
  return {
    whiteouts: profile.layers,
    hardLinks: profile.hardLinks,
    devices: 'kept',
    times: profile.fractions === 'dropped' ? 'whole-seconds' : 'kept',
    root: profile.container === undefined ? 'kept' : 'usr',
    run: profile.container === undefined ? 'kept' : 'emptied',
    xattrs: profile.container?.xattrs ?? 'all',
    boot: isBootable ? 'emptied' : 'kept',
    bootTimes: profile.boot?.times ?? 'seconds',
    labels: isBootable ? linked : 'untouched',
    format: profile.format,
    dialect: profile.dialect,
  };
}
