/** What a composefs host that has one tree lacks of another: contents, each once, as the objects that they are there. */
import type { VerityDigest } from '../bytes/digest.ts';
import type { Directory } from './tree.ts';
import { walk } from './walk.ts';

/** Objects and their bytes. */
export interface ObjectSum {
  readonly objects: number;
  readonly bytes: number;
}

/** Result of {@link objectNeeds}. */
export interface ObjectNeeds {
  /** Contents of the tree. */
  readonly total: ObjectSum;
  /** Those that the other tree does not have. */
  readonly missing: ObjectSum;
}

/**
 * Objects of `tree`, and which of them `present` lacks. Contents of up to 64 bytes stand in the image and are none.
 * `undefined` where a content has no digest.
 */
export function objectNeeds(present: Directory, tree: Directory): ObjectNeeds | undefined {
  const known = objectsOf(present);
  const wanted = objectsOf(tree);
  if (known === undefined || wanted === undefined) return undefined;
  const missing = [...wanted].filter(([digest]) => !known.has(digest));
  return { total: sum([...wanted]), missing: sum(missing) };
}

function objectsOf(root: Directory): Map<VerityDigest, number> | undefined {
  const objects = new Map<VerityDigest, number>();
  for (const { node } of walk(root)) {
    if (node.type !== 'regular' || node.content.kind !== 'external') continue;
    const { verity, size } = node.content;
    if (verity === undefined) return undefined;
    objects.set(verity, size);
  }
  return objects;
}

function sum(objects: readonly (readonly [VerityDigest, number])[]): ObjectSum {
  return { objects: objects.length, bytes: objects.reduce((bytes, [, size]) => bytes + size, 0) };
}
