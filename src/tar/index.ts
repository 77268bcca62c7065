/** The tar codec: a synchronous scanner that any split of the input feeds, and canonical headers. */
export type { Extent, Timestamp, Xattrs } from '../bytes/stat.ts';
export { BLOCK_BYTES } from './header.ts';
export type { HostReading } from './host-reading.ts';
export { type ScanPlaceOptions, scanPlace, type TarPlace } from './scan-place.ts';
export {
  type TarEnd,
  type TarEntry,
  type TarEntryType,
  type TarHandler,
  TarScanner,
  type TarScannerOptions,
} from './scanner.ts';
export { END_OF_ARCHIVE, encodeTarHeader, paddingLength, type TarRecord } from './writer.ts';
