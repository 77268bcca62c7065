/** composefs EROFS images: tree to bytes, their digest, and back. */
export { automaticVersion } from './collect.ts';
export type { ImageVersion } from './format.ts';
export { ErofsImage } from './image.ts';
export { imageDigest } from './image-digest.ts';
export { type DecodedImage, type DecodeOptions, decodeImage } from './reader.ts';
export type { Dialect } from './rewrite.ts';
export { type EncodeOptions, encodeImage, type FormatVersion } from './writer.ts';
