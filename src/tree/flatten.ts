/**
 * Layers to one tree. One mutable tree grows layer by layer in time proportional to the bytes of all names; depth
 * and number of entries are bounded by limits and memory alone, never by the call stack.
 */
import type { ByteString } from '../bytes/byte-string.ts';
import { PlanishError, withDetail } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { applyEntry } from './apply-entry.ts';
import type { LayerEntry } from './entry.ts';
import { type FlattenOptions, FlattenState } from './flatten-state.ts';
import { parseMarker } from './marker.ts';
import { MARKER_PREFIX, normalizePath } from './path.ts';
import type { Directory } from './tree.ts';
import { checkOrder, hideLower, type PlacedMarker, Removed, removeNow } from './whiteout.ts';

/** One layer's entries in tar order; ordinal 0 is the base. */
export interface FlattenLayer {
  readonly ordinal: number;
  readonly entries: readonly LayerEntry[];
}

/** What the layers come to. */
export interface FlattenResult {
  /** The tree; contents and extended attributes are shared with the entries. */
  readonly root: Directory;
  /**
   * Directories of the tree that no entry describes, in the order in which they were met: `/` where no layer has an
   * entry for the root, and the parents that were created.
   */
  readonly implied: readonly ByteString[];
}

/**
 * Flattens layers, given base first. Warns with `PARENT_CREATED`, `WHITEOUT_ORDER` (in the `oci` reading only),
 * `WHITEOUT_WITHOUT_TARGET`, `DUPLICATE_ENTRY` and `RECORD_DROPPED`. Throws what breaks the rules of
 * `apply-entry.ts`, `path.ts` and `marker.ts`, with path, layer ordinal and the entry's offset in its tar. Changing
 * anything here changes digests.
 */
export function flatten(layers: Iterable<FlattenLayer>, options: FlattenOptions = {}): FlattenResult {
  const state = new FlattenState(options);
  for (const layer of layers) {
    checkEntryCount(layer);
    state.startLayer(layer.ordinal);
    const removed = new Removed();
    if (state.whiteouts === 'oci') hideAllLower(state, layer, removed);
    applyLayer(state, layer, removed);
  }
  return { root: state.root, implied: state.impliedPaths() };
}

function checkEntryCount({ entries, ordinal }: FlattenLayer): void {
  if (entries.length <= LIMITS.layerEntries) return;
  throw new PlanishError('LIMIT_EXCEEDED', 'a layer has more entries than the limit layerEntries', {
    layer: String(ordinal),
    limit: 'layerEntries',
    expected: LIMITS.layerEntries,
    actual: entries.length,
  });
}

function hideAllLower(state: FlattenState, layer: FlattenLayer, removed: Removed): void {
  forEachEntry(layer, (entry, index) => {
    if (!entry.path.includes(MARKER_PREFIX)) return;
    const placed = placeMarker(normalizePath(entry.path), index);
    if (placed !== undefined) hideLower(state, placed, removed);
  });
}

function applyLayer(state: FlattenState, layer: FlattenLayer, removed: Removed): void {
  forEachEntry(layer, (entry, index) => {
    const path = normalizePath(entry.path);
    const placed = entry.path.includes(MARKER_PREFIX) ? placeMarker(path, index) : undefined;
    if (placed === undefined) applyEntry(state, entry, path, { index, removed });
    else applyMarker(state, placed, removed);
  });
}

function applyMarker(state: FlattenState, placed: PlacedMarker, removed: Removed): void {
  if (placed.marker.kind === 'bookkeeping') {
    // A host has dropped the directory of such entries as well, and then finds them without a parent.
    if (state.whiteouts === 'host' && !state.createParents) state.parentOf(placed.path);
    state.warn('RECORD_DROPPED', placed.path, 'is bookkeeping of aufs and was left out');
  } else if (state.whiteouts === 'oci') {
    checkOrder(state, placed, removed);
  } else {
    removeNow(state, placed);
  }
}

function placeMarker(path: ByteString, index: number): PlacedMarker | undefined {
  const marker = parseMarker(path);
  return marker === undefined ? undefined : { marker, path, index };
}

function forEachEntry(
  { ordinal, entries }: FlattenLayer,
  action: (entry: LayerEntry, index: number) => void,
): void {
  for (let index = 0; index < entries.length; index++) {
    const entry = entries[index] as LayerEntry;
    try {
      action(entry, index);
    } catch (error) {
      throw withDetail(error, { layer: String(ordinal), offset: entry.offset });
    }
  }
}
