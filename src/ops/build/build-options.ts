/** What a build is asked for. */
import type { CompressionKind } from '../../compress/kind.ts';
import type { FormatVersion } from '../../erofs/writer.ts';
import type { SourceOptions } from '../load/load-tree.ts';
import type { KeyEdit } from './image-config.ts';
import type { FileOrder } from './previous-order.ts';
import type { ShippedLabels } from './ship-labels.ts';
import type { SplitOptions } from './split-rules.ts';

/** Options of `build`. Every one but the first changes what is written. */
export interface BuildOptions extends SourceOptions, SplitOptions {
  /** `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, or a bare directory. */
  readonly destination: string;
  /** An image whose layers stay exactly as they are, at the bottom. */
  readonly base?: string | undefined;
  /** Order of files in the layers that are written; default `path`. New files come last in that of the previous image. */
  readonly order?: FileOrder | undefined;
  /** Path in the tree of a file to write the plan to; the next build reads it back where tools lost all else. */
  readonly planFile?: string | undefined;
  /** Default `zstd`. */
  readonly compression?: CompressionKind | undefined;
  /** Default 3 for zstd, 6 for gzip. */
  readonly level?: number | undefined;
  /** EROFS format of the image's digest; default 1. Layer keys always use 1. */
  readonly format?: FormatVersion | undefined;
  /** SELinux labels in the tars; default `keep`. */
  readonly selinux?: ShippedLabels | undefined;
  readonly labels?: readonly KeyEdit[] | undefined;
  readonly annotations?: readonly KeyEdit[] | undefined;
  /** RFC 3339 time for config and history; default: the source's own. No clock is ever read. */
  readonly created?: string | undefined;
}
