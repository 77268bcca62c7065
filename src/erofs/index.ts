/** composefs EROFS images: tree to bytes, their digest, and back. */
export type { DumpFacts } from '../tree/dump-facts.ts';
export type { Content, Directory, Leaf, Metadata, Node, RegularFile } from '../tree/tree.ts';
export { automaticVersion } from './collect.ts';
export type { ImageVersion } from './format.ts';
export { ErofsImage, type ImageEntry, type ImageOptions, type ListedChild } from './image.ts';
export { imageDigest } from './image-digest.ts';
export { bufferView, type ImageView } from './image-view.ts';
export { type DecodedImage, type DecodeOptions, decodeImage } from './reader.ts';
export type { Dialect } from './rewrite.ts';
export { type EncodeOptions, encodeImage, type FormatVersion } from './writer.ts';
