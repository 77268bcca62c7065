/**
 * Components: the parts of an image that change as one, and the sources that know them.
 *
 * A source claims paths of a tree. Strong sources (package databases) speak first, weak ones (rules of thumb) see
 * what those own; among sources of one strength the lower priority number wins a path. Only leaves and directories
 * without any leaf below are claimed: every other directory is an ancestor of something claimed, and whoever writes
 * a layer adds ancestors to it.
 */
import type { ByteString } from '../bytes/byte-string.ts';
import type { Directory } from '../tree/tree.ts';
import type { OnWarning } from '../warnings.ts';
import type { ChangeHistory } from './change-history.ts';
import type { TreeIndex, TreeItem } from './tree-index.ts';

/** What sort of thing a component is. */
export type ComponentKind = 'package' | 'kernel' | 'initramfs' | 'file' | 'database' | 'rest';

/** One component of an image: plain data. */
export interface Component {
  /**
   * Names the component across versions of an image: `dpkg/glibc`, `initramfs`, `file/opt/app/blob`, `rest/etc`,
   * `@db`. Never holds a version. Bytes, as paths are; unique in an image.
   */
  readonly key: ByteString;
  readonly kind: ComponentKind;
  /** Absolute paths of all leaves and leafless directories, in byte order. */
  readonly paths: readonly ByteString[];
  /** Estimated bytes of their entries in a compressed layer (see `compressed-size.ts`): what plans go by. */
  readonly size: number;
  /** Estimated bytes of their tar entries: headers, extended headers, contents and padding. */
  readonly tarSize: number;
  /** Expected changes in a million weeks, an integer (see `rates.ts`). */
  readonly rate: number;
  /** Newest day (UTC, days since 1970) on which it is known to have changed. */
  readonly lastChange: number | undefined;
  /** All such days, in no order. */
  readonly changeDays: readonly number[];
  /** What it changed for on them, where a changelog tells. */
  readonly history?: ChangeHistory | undefined;
  /** Whether the rate rests on one day at most, so that changes seen from image to image say more. */
  readonly guessed: boolean;
}

/**
 * Contents of files of the image, implemented by outer rings. `read` gives the whole content of a regular file at
 * an absolute path (no links followed), or `undefined` when there is none or it was too large to fetch; `readPart`
 * bytes from an offset on, fewer where the content ends. The buffers are not to be written to.
 */
export interface FileReader {
  read(path: ByteString): Uint8Array | undefined;
  readPart(path: ByteString, offset: number, length: number): Uint8Array | undefined;
}

/** What a source knows of a component besides its paths. */
export interface ComponentFacts {
  readonly kind: ComponentKind;
  /** Days (UTC, since 1970) on which it changed. Absent: the newest time of its files is taken for the only one. */
  readonly changeDays?: readonly number[] | undefined;
  /** What it changed for on these days, where a changelog tells. */
  readonly history?: ChangeHistory | undefined;
  /** A rate that is known otherwise; wins over days. */
  readonly rate?: number | undefined;
}

/** One path belongs to one component, says a source. */
export interface Claim {
  readonly path: ByteString;
  readonly key: ByteString;
}

/**
 * What a source says. A path may be claimed by several of its components: the one with the highest rate gets it,
 * then the lesser key. Claims of paths that the tree lacks, and of paths owned already, are without effect.
 */
export interface SourceClaims {
  readonly components: ReadonlyMap<ByteString, ComponentFacts>;
  readonly claims: readonly Claim[];
  /** Newest day (UTC, since 1970) that a strong source knows of besides days of changes: that of a build. */
  readonly newestDay?: number | undefined;
}

/** What a source may look at. */
export interface ClaimContext {
  readonly index: TreeIndex;
  readonly reader: FileReader;
  readonly onWarning: OnWarning;
  /** Key that owns a path so far. While strong sources run, nothing is owned yet. */
  ownerOf(path: ByteString): ByteString | undefined;
  /** The items of {@link index} that nobody owns so far, in their order: few, where databases know the most. */
  unowned(): readonly TreeItem[];
  /** Rates of the components known so far, by key. */
  readonly rates: ReadonlyMap<ByteString, number>;
}

/** A source of components. */
export interface ComponentSource {
  readonly name: string;
  /** Lower goes first. */
  readonly priority: number;
  readonly strength: 'strong' | 'weak';
  /** Regular files whose contents {@link claim} may ask for, so that they can be fetched in one pass. */
  wantedPaths(root: Directory): ByteString[];
  /** Of a weak source: regular files that it may ask for besides, which is known only when all before it have spoken. */
  candidates?(context: ClaimContext): ByteString[];
  claim(context: ClaimContext): SourceClaims;
}
