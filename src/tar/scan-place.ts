/** Reading a tar by position: headers are read, and contents that nobody wants are passed over. */
import { BLOCK_BYTES } from './header.ts';
import type { TarScanner } from './scanner.ts';

/** An uncompressed tar that lies where any part of it can be read. */
export interface TarPlace {
  readonly size: number;
  /** Fills a buffer with the bytes at a position, all of which there are. */
  readonly read: (position: number, target: Uint8Array) => void;
}

/** How a tar is read by position. */
export interface ScanPlaceOptions {
  /** Whether the content of the entry that began last is wanted; default: none is. */
  readonly wantsContent?: (() => boolean) | undefined;
  /** Bytes done so far, now and then. */
  readonly progress?: ((bytes: number) => void) | undefined;
  /** Awaited now and then, so that others have a word; what it throws ends the work. */
  readonly pause?: (() => Promise<void>) | undefined;
}

/** Bytes that are read at once: a read costs as much as copying some 16 KiB, so what is smaller is not passed over. */
const FIRST_WINDOW = 32 * BLOCK_BYTES;
/** Where small contents follow each other. */
const LAST_WINDOW = 128 * BLOCK_BYTES;

/** Reads between pauses. */
const PAUSE_AFTER = 512;

/** Pushes all of a tar but the contents that are not wanted; the caller finishes the scanner. */
export async function scanPlace(
  { size, read }: TarPlace,
  scanner: TarScanner,
  { wantsContent, progress, pause }: ScanPlaceOptions = {},
): Promise<void> {
  const buffer = new Uint8Array(LAST_WINDOW);
  let window = FIRST_WINDOW;
  let untilPause = PAUSE_AFTER;
  for (let at = 0; at < size; ) {
    const piece = buffer.subarray(0, Math.min(window, size - at));
    read(at, piece);
    scanner.push(piece);
    at += piece.length;
    const passed = wantsContent?.() === true ? 0 : scanner.passOver(size - at);
    at += passed;
    window = passed > 0 ? FIRST_WINDOW : Math.min(2 * window, LAST_WINDOW);
    if (--untilPause > 0) continue;
    untilPause = PAUSE_AFTER;
    progress?.(at);
    await pause?.();
  }
}
