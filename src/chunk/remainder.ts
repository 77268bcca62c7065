/** What is left of components when some paths need no layer: those that lower layers hold already. */
import type { ByteString } from '../bytes/byte-string.ts';
import type { Directory } from '../tree/tree.ts';
import type { Component } from './component.ts';
import { estimateCompressedBytes } from './compressed-size.ts';
import { estimateTarBytes } from './tar-size.ts';
import { TreeIndex } from './tree-index.ts';

/** Components without the paths that are covered; those of which nothing is left are dropped. Keys and rates stay. */
export function remainingComponents(
  root: Directory,
  components: readonly Component[],
  covered: ReadonlySet<ByteString>,
): Component[] {
  const index = new TreeIndex(root);
  return components.flatMap((component) => {
    const paths = component.paths.filter((path) => !covered.has(path));
    if (paths.length === component.paths.length) return component;
    return paths.length === 0 ? [] : { ...component, paths, ...sizesOf(index, paths) };
  });
}

function sizesOf(index: TreeIndex, paths: readonly ByteString[]): Pick<Component, 'size' | 'tarSize'> {
  const items = paths.flatMap((path) => index.find(path) ?? []);
  const tarSize = items.reduce((sum, item) => sum + estimateTarBytes(item), 0);
  return { size: estimateCompressedBytes(items), tarSize };
}
