/** What a build is asked for. */
import type { FormatVersion } from '../../erofs/writer.ts';
import type { SourceOptions } from '../load/load-tree.ts';
import type { KeyEdit } from './image-config.ts';
import type { LayerOptions } from './plan-tree.ts';
import type { FileOrder } from './previous-order.ts';

/** Options of `build`. Every one but the first changes what is written. */
export interface BuildOptions extends SourceOptions, LayerOptions {
  /** `oci:DIR[:TAG]`, `oci-archive:FILE[:TAG]`, or a bare directory. */
  readonly destination: string;
  /** Order of files in the layers that are written; default `path`. New files come last in that of the previous image. */
  readonly order?: FileOrder | undefined;
  /** Default 3 for zstd, 6 for gzip. */
  readonly level?: number | undefined;
  /** EROFS format of the image's digest; default 1. Layer keys always use 1. */
  readonly format?: FormatVersion | undefined;
  readonly labels?: readonly KeyEdit[] | undefined;
  readonly annotations?: readonly KeyEdit[] | undefined;
  /** RFC 3339 time for config and history; default: the source's own. No clock is ever read. */
  readonly created?: string | undefined;
}
