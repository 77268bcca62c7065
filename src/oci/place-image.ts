/** Putting an image into the `index.json` of a layout. */
import { type Annotations, annotation, type Descriptor, REF_NAME } from './descriptor.ts';
import type { Index } from './manifest.ts';

/**
 * The index with a manifest (or nested index) under a name. An entry of that name is replaced where it stands; all
 * other entries stay, in their order; a new one goes last. Without a name, an unnamed entry of the same digest is
 * replaced, and any other stays. Fields of the index that nobody here knows are kept.
 */
export function placeImage(index: Index, descriptor: Descriptor, name: string | undefined): Index {
  const entry = nameEntry(descriptor, name);
  const replaced = (other: Descriptor): boolean =>
    annotation(other, REF_NAME) === name && (name !== undefined || other.digest === entry.digest);
  const at = index.manifests.findIndex(replaced);
  if (at < 0) return { ...index, manifests: [...index.manifests, entry] };
  const before = index.manifests.slice(0, at);
  const after = index.manifests.slice(at + 1).filter((other) => !replaced(other));
  return { ...index, manifests: [...before, entry, ...after] };
}

/** The descriptor with the name as its annotation, or with none. */
function nameEntry(descriptor: Descriptor, name: string | undefined): Descriptor {
  const { annotations, ...bare } = descriptor;
  const { [REF_NAME]: _, ...others } = annotations ?? {};
  const named: Annotations = name === undefined ? others : { ...others, [REF_NAME]: name };
  return Object.keys(named).length === 0 ? bare : { ...bare, annotations: named };
}
