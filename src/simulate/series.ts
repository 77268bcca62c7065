/**
 * A series of images as planners see it, and what a layout of one costs a client of another. Pure: sizes, days and
 * names; no bytes of any file.
 *
 * A layer is identified by its members and their digests: the same members with the same digests are the same blob.
 */
import type { ByteString } from '../bytes/byte-string.ts';
import { compareBytes } from '../bytes/byte-string.ts';
import type { ChangeHistory } from '../chunk/change-history.ts';
import type { ComponentKind } from '../chunk/component.ts';

/** A file of a component, for counting the ranges that a client of zstd:chunked fetches. */
export interface SimulatedFile {
  readonly path: ByteString;
  /** Numbers contents: equal numbers are equal bytes, over the whole series. */
  readonly content: number;
}

/** One component of one image. */
export interface SimulatedComponent {
  readonly key: ByteString;
  readonly kind: ComponentKind;
  /** Bytes that a client downloads for it. */
  readonly size: number;
  /** Bytes of its tar entries, what other tools go by. */
  readonly tarSize: number;
  /** What its size is taken for when nothing is compressed yet: what our own planner goes by. */
  readonly estimate: number;
  /** Expected changes in a million weeks, by our own estimate. */
  readonly rate: number;
  /** Days (UTC, since 1970) on which it is known to have changed, up to this image. */
  readonly changeDays: readonly number[];
  /** What it changed for on them, where a changelog tells. */
  readonly history?: ChangeHistory | undefined;
  /** Tells whether two images have the same component: any text. */
  readonly digest: string;
  /** Ancestor directories of its files, when they are known. */
  readonly directories?: readonly ByteString[] | undefined;
  /** Its files, when they are known. */
  readonly files?: readonly SimulatedFile[] | undefined;
}

/** One image of a series. */
export interface SimulatedImage {
  readonly name: string;
  /** Newest day (UTC, since 1970) known in it. */
  readonly today: number;
  readonly components: readonly SimulatedComponent[];
}

/** Keys of the members of each layer, in the order of the image. */
export type Layout = readonly (readonly ByteString[])[];

/** One layer of a layout of an image. */
export interface LaidLayer {
  /** Members and digests as one text: what names the blob. */
  readonly id: string;
  /** None for layers of an image as it was published: nobody knows what is in them. */
  readonly members: readonly SimulatedComponent[];
  readonly size: number;
}

/** The blobs that a layout makes of an image. */
export function layOut(image: SimulatedImage, layout: Layout): LaidLayer[] {
  const byKey = new Map(image.components.map((component) => [component.key, component]));
  return layout
    .map((keys) => keys.flatMap((key) => byKey.get(key) ?? []))
    .filter((members) => members.length > 0)
    .map(layerOf);
}

function layerOf(components: readonly SimulatedComponent[]): LaidLayer {
  const members = [...components].sort((a, b) => compareBytes(a.key, b.key));
  const id = members.map(({ key, digest }) => `${key}\0${digest}`).join('\n');
  return { id, members, size: members.reduce((sum, member) => sum + member.size, 0) };
}

/** Layers of an image that a client of another does not have. */
export function newLayers(from: readonly LaidLayer[], to: readonly LaidLayer[]): LaidLayer[] {
  const known = new Set(from.map(({ id }) => id));
  return to.filter(({ id }) => !known.has(id));
}

/** Bytes of some layers. */
export function bytesOf(layers: readonly { readonly size: number }[]): number {
  return layers.reduce((sum, { size }) => sum + size, 0);
}

/** Bytes of the components of an image that another lacks or has otherwise: no split can make an update cheaper. */
export function changedBytes(from: SimulatedImage, to: SimulatedImage): number {
  const known = digestsOf(from);
  return bytesOf(to.components.filter(({ key, digest }) => known.get(key) !== digest));
}

/** Layers of an image that are gone from the next although all their members are still there, unchanged. */
export function spuriousLayers(
  from: readonly LaidLayer[],
  to: readonly LaidLayer[],
  image: SimulatedImage,
): LaidLayer[] {
  const kept = new Set(to.map(({ id }) => id));
  const digests = digestsOf(image);
  return from.filter(
    ({ id, members }) => !kept.has(id) && members.every(({ key, digest }) => digests.get(key) === digest),
  );
}

/** Layers at the beginning that two images share: what hosts that chain layers need not extract again. */
export function sharedPrefix(from: readonly LaidLayer[], to: readonly LaidLayer[]): number {
  const different = to.findIndex(({ id }, ordinal) => from[ordinal]?.id !== id);
  return different < 0 ? to.length : different;
}

function digestsOf(image: SimulatedImage): Map<ByteString, string> {
  return new Map(image.components.map(({ key, digest }) => [key, digest]));
}
