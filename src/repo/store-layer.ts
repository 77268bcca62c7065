/** One layer into a repository, read once: contents become objects, all else a splitstream. */
import type { VerityDigest } from '../bytes/digest.ts';
import { loadZstd } from '../compress/zstd-load.ts';
import { computeVerityDigest } from '../fsverity/digest.ts';
import { type IngestRequest, type IngestResult, type IngestSinks, ingestLayer } from '../layer/ingest.ts';
import type { LayerParts } from '../layer/layer-parts.ts';
import { SPLITSTREAM_ZSTD_LEVEL, SplitstreamWriter } from '../splitstream/writer.ts';
import { CONTENT_TYPES } from './names.ts';
import { type ObjectCounts, type ObjectTarget, type ObjectWriter, threadWriter } from './object-writer.ts';

/** A layer that was stored. Nothing links to its splitstream yet. */
export interface StoredLayer extends IngestResult {
  /** Names the splitstream. */
  readonly stream: VerityDigest;
  readonly counts: ObjectCounts;
}

/**
 * Reads a layer as {@link ingestLayer} does and stores it. A layer that is not the promised one leaves objects behind that
 * nothing refers to, and no splitstream.
 */
export async function storeLayer(
  input: AsyncIterable<Uint8Array>,
  request: IngestRequest,
  target: ObjectTarget,
  sinks: Pick<IngestSinks, 'entries' | 'progress' | 'pause'> = {},
): Promise<StoredLayer> {
  const zstd = await loadZstd();
  const objects = threadWriter(target);
  const stream = new SplitstreamWriter({
    algorithm: target.algorithm,
    contentType: CONTENT_TYPES.layer,
    openCompressor: () => zstd.openCompressor(SPLITSTREAM_ZSTD_LEVEL),
  });
  try {
    const ingested = await ingestLayer(input, request, { ...sinks, parts: partsOf(objects, stream) });
    const bytes = stream.finish();
    const digest = computeVerityDigest(bytes, target.algorithm);
    objects.put(bytes, digest);
    return { ...ingested, stream: digest, counts: objects.takeCounts() };
  } finally {
    objects.abort();
  }
}

function partsOf(objects: ObjectWriter, stream: SplitstreamWriter): LayerParts {
  return {
    inline: (bytes, start, end) => stream.addInline(bytes, start, end),
    external: (digest, size) => stream.addExternal(digest, size),
    wholes: (piece, contents) => objects.putAll(piece, contents),
    part: (bytes, start, end) => objects.write(bytes, start, end),
    endOfParts: (digest) => objects.finish(digest),
  };
}
