/** Reads the entries of a plain tar that nothing names: by position, so that no content is read that is not wanted. */
import { withDetail } from '../errors.ts';
import { scanPlace, type TarPlace } from '../tar/scan-place.ts';
import type { IngestSinks, ListRequest } from './ingest.ts';
import { Listing, type ListResult, layerDetail } from './listing.ts';

/** Reads the entries. Throws the codes of `tar/`. */
export async function listTar(
  place: TarPlace,
  request: ListRequest,
  sinks: Pick<IngestSinks, 'progress' | 'pause'> = {},
): Promise<ListResult> {
  const listing = new Listing(request);
  try {
    await scanPlace(place, listing.scanner, { ...sinks, wantsContent: listing.wantsContent });
    return listing.finish({ size: place.size, compression: 'none', members: 0 });
  } catch (error) {
    throw withDetail(error, layerDetail(request));
  }
}
