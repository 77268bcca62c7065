/**
 * What a host's own tar reader refuses, though planish can read it: the layer is then no part of any digest. The rules
 * are composefs-rs' (`tar-core` 0.1.0 with its strict defaults, and the splitstream that layers are kept in).
 */
import type { CompressionKind } from '../compress/kind.ts';
import { type ErrorCode, PlanishError } from '../errors.ts';
import type { LayerEntry } from '../tree/entry.ts';
import { quotePath } from '../tree/path.ts';
import { contentSize, EMPTY_CONTENT } from '../tree/tree.ts';

/** A layer as a host meets it. What is absent is not judged. */
export interface HostLayer {
  readonly entries: readonly LayerEntry[];
  /** Compression of the bytes, and what the media type says of it. */
  readonly compression?: CompressionKind | undefined;
  readonly claimed?: CompressionKind | undefined;
  /** zstd frames or gzip members. */
  readonly members?: number | undefined;
  /** Whether the tar ends in two zero blocks. */
  readonly endOfArchive?: boolean | undefined;
}

/** Throws `TAR_BAD_HEADER`, `TAR_UNSUPPORTED`, `TAR_TRUNCATED` or `COMPRESSION_UNSUPPORTED` where a host refuses the layer. */
export function checkHostLayer(layer: HostLayer, ordinal: number, severalMembers: boolean): void {
  const { compression, claimed, members = 0, entries } = layer;
  const refuse = (code: ErrorCode, what: string, entry?: LayerEntry): PlanishError =>
    new PlanishError(code, `hosts refuse a layer ${what}`, {
      layer: String(ordinal),
      path: entry === undefined ? undefined : quotePath(entry.path),
      offset: entry?.offset,
      hint: 'planish build writes layers that hosts take',
    });
  if (compression !== claimed && compression !== undefined && claimed !== undefined) {
    throw refuse('COMPRESSION_UNSUPPORTED', `whose media type says ${claimed} when it is ${compression}`);
  }
  if (members > 1 && !severalMembers) {
    const parts = compression === 'gzip' ? 'gzip members' : 'zstd frames';
    throw refuse('COMPRESSION_UNSUPPORTED', `of several ${parts}: they read the first only`);
  }
  const odd = entries.find(({ hostReading }) => hostReading?.refused !== undefined);
  if (odd !== undefined)
    throw refuse('TAR_BAD_HEADER', `with an entry of which ${odd.hostReading?.refused}`, odd);
  const sparse = entries.find((entry) => entry.sparse);
  if (sparse !== undefined) throw refuse('TAR_UNSUPPORTED', 'with a sparse entry', sparse);
  const last = entries.at(-1);
  if (layer.endOfArchive === false && last !== undefined && storesNothing(last)) {
    throw refuse('TAR_TRUNCATED', 'that ends without two zero blocks after an entry without content', last);
  }
}

function storesNothing({ content }: LayerEntry): boolean {
  return content === undefined || contentSize(content) === 0;
}

/** The entries of a layer as a host reads them; the same array where it reads them as they are. */
export function asHostsRead(entries: readonly LayerEntry[]): readonly LayerEntry[] {
  if (!entries.some(({ hostReading }) => hostReading !== undefined)) return entries;
  return entries.map((entry) => {
    const { hostReading } = entry;
    if (hostReading === undefined) return entry;
    const { xattrs, isFile } = hostReading;
    return isFile ? { ...entry, xattrs, type: 'regular', content: EMPTY_CONTENT } : { ...entry, xattrs };
  });
}
