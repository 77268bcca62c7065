/** Entries of a layer while they are found, with nothing measured. */
import type { CompressionKind } from '../compress/kind.ts';
import type { ErrorDetail } from '../errors.ts';
import { TarScanner } from '../tar/scanner.ts';
import type { Warning } from '../warnings.ts';
import { EntryCollector } from './entry-collector.ts';
import type { ListRequest } from './ingest.ts';
import type { LayerListing, ReadLayer } from './layer-index.ts';
import { warnAboutForm } from './odd-forms.ts';

/** The layer and what was odd about it. */
export type ListResult = ReadLayer<LayerListing>;

/** See the module. */
export class Listing {
  readonly scanner: TarScanner;
  readonly #request: ListRequest;
  readonly #collector: EntryCollector;
  readonly #warnings: Warning[] = [];

  constructor(request: ListRequest) {
    this.#request = request;
    const { source, keep, globalHeaders } = request;
    this.#collector = new EntryCollector({ source, keep });
    this.scanner = new TarScanner(this.#collector, { onWarning: this.#warn, globalHeaders });
  }

  /** Whether anything is made of the content of the entry that began last. */
  readonly wantsContent = (): boolean => this.#collector.wantsContent;

  /** Ends the tar. Throws what the scanner throws. */
  finish(form: { size: number; compression: CompressionKind; members: number }): ListResult {
    const end = this.scanner.finish();
    const { entries, kept, sparsePath } = this.#collector;
    const { digest, claimed } = this.#request;
    const tar = { tarSize: end.size, endOfArchive: end.endOfArchive };
    const index: LayerListing = { digest, ...form, ...tar, entries, kept };
    warnAboutForm({ ...index, sparsePath }, claimed, this.#warn);
    return { index, warnings: this.#warnings };
  }

  readonly #warn = (warning: Warning): void => {
    this.#warnings.push({ ...warning, layer: this.#request.ordinal });
  };
}

/** Which layer it is, for errors. */
export function layerDetail({ digest, ordinal }: ListRequest): ErrorDetail {
  return { layer: digest ?? String(ordinal) };
}
