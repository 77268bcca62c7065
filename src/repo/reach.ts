/**
 * What a reference keeps alive: its stream, the streams that are named in it, and all their objects. Streams are followed
 * by digest, so that what an older manifest names is found although the name of the stream leads elsewhere by now.
 */
import type { VerityDigest } from '../bytes/digest.ts';
import { decodeImage } from '../erofs/reader.ts';
import { PlanishError } from '../errors.ts';
import { walk } from '../tree/walk.ts';
import { isImageRefName } from './names.ts';
import type { ObjectStore } from './object-store.ts';
import { readStream, verifyObject } from './streams.ts';

/** What was reached. */
export interface Reached {
  readonly objects: Set<VerityDigest>;
  /** Splitstreams among the objects. */
  readonly streams: Set<VerityDigest>;
}

/** Nothing reached yet. */
export function nothingReached(): Reached {
  return { objects: new Set(), streams: new Set() };
}

/** Told of a stream or image that cannot be followed; throws or goes on. */
export type OnDamage = (digest: VerityDigest, error: PlanishError) => void;

/** Adds all that a splitstream leads to. */
export async function reachStream(
  store: ObjectStore,
  start: VerityDigest,
  reached: Reached,
  onDamage: OnDamage,
): Promise<void> {
  const pending = [start];
  for (let digest = pending.pop(); digest !== undefined; digest = pending.pop()) {
    if (reached.streams.has(digest)) continue;
    reached.streams.add(digest);
    reached.objects.add(digest);
    for (const next of await follow(store, digest, reached, onDamage)) pending.push(next);
  }
}

/** Adds what a stream holds; gives the streams that it names. */
async function follow(
  store: ObjectStore,
  digest: VerityDigest,
  reached: Reached,
  onDamage: OnDamage,
): Promise<VerityDigest[]> {
  try {
    const { stream } = await readStream(store, digest, undefined);
    for (const object of stream.objects) reached.objects.add(object);
    const named = [...stream.namedRefs];
    for (const [, object] of named) reached.objects.add(object);
    return named.filter(([name]) => !isImageRefName(name)).map(([, object]) => object);
  } catch (error) {
    onDamage(digest, asDamage(error));
    return [];
  }
}

/** Adds an EROFS image and the objects that its files are. */
export function reachImage(
  store: ObjectStore,
  digest: VerityDigest,
  reached: Reached,
  onDamage: OnDamage,
): void {
  reached.objects.add(digest);
  try {
    for (const [object] of imageObjects(store, digest)) reached.objects.add(object);
  } catch (error) {
    onDamage(digest, asDamage(error));
  }
}

/**
 * The objects that the files of an image are, with the sizes it states. Throws `OBJECT_MISSING`, `VERITY_MISMATCH` and the
 * codes of the EROFS reader.
 */
export function imageObjects(store: ObjectStore, digest: VerityDigest): Map<VerityDigest, number> {
  const bytes = store.readObject(digest, 'erofsBytes');
  verifyObject(bytes, digest, store, store.pathOf(digest));
  const objects = new Map<VerityDigest, number>();
  for (const { node } of walk(decodeImage(bytes).root)) {
    if (node.type !== 'regular' || node.content.kind !== 'external') continue;
    const { verity, size } = node.content;
    if (verity !== undefined) objects.set(verity, size);
  }
  return objects;
}

/** What a damaged repository can cause; anything else is thrown on. */
export function asDamage(error: unknown): PlanishError {
  if (error instanceof PlanishError && (error.kind === 'input' || error.kind === 'integrity')) return error;
  throw error;
}
