/** Making links visible: all at once, in an order in which each leads to something, and only what changed. */
import type { VerityDigest } from '../bytes/digest.ts';
import type { Category } from './names.ts';
import type { Repository } from './repository.ts';

/** A link that shall be there. */
export type WantedLink =
  | {
      readonly kind: 'entry';
      readonly category: Category;
      readonly name: string;
      readonly digest: VerityDigest;
    }
  | { readonly kind: 'ref'; readonly category: Category; readonly path: string; readonly entry: string };

/**
 * Brings all objects to the disk, then makes the links that are not there yet, in the order given, then brings those to
 * the disk. Returns how many were made; where there is nothing to do, nothing is synced either.
 */
export function commitLinks(repository: Repository, links: readonly WantedLink[]): number {
  const missing = links.filter((link) => !isThere(repository, link));
  if (missing.length === 0) return 0;
  repository.sync();
  for (const link of missing) make(repository, link);
  repository.sync();
  return missing.length;
}

/** What is there and leads elsewhere, or nowhere, is replaced. */
function isThere(repository: Repository, link: WantedLink): boolean {
  if (link.kind === 'entry') return repository.hasEntry(link.category, link.name, link.digest);
  return repository.hasRef(link.category, link.path, link.entry);
}

function make(repository: Repository, link: WantedLink): void {
  if (link.kind === 'entry') repository.linkEntry(link.category, link.name, link.digest);
  else repository.linkRef(link.category, link.path, link.entry);
}
