/** Components of a map that the user gave. They win over packages, and extended attributes win over them. */
import { type ByteString, byteString, display } from '../../bytes/byte-string.ts';
import type { ComponentMapEntry } from '../choices/component-map.ts';
import { matchesPattern } from '../choices/path-pattern.ts';
import { Intervals, userFacts, userKey } from '../choices/user-setting.ts';
import type { Claim, ClaimContext, ComponentFacts, ComponentSource, SourceClaims } from '../component.ts';

/** The source of a map's components. Of several entries for a path the last one counts. */
export function componentMapSource(entries: readonly ComponentMapEntry[]): ComponentSource {
  return {
    name: 'component-map',
    priority: 5,
    strength: 'strong',
    wantedPaths: () => [],
    claim: (context) => claim(context, entries),
  };
}

function claim(context: ClaimContext, entries: readonly ComponentMapEntry[]): SourceClaims {
  const search = new MapSearch(entries);
  const claims: Claim[] = [];
  for (const { path } of context.index.items) {
    const entry = entries[search.find(path)];
    if (entry !== undefined) claims.push({ path, key: userKey(entry.component) });
  }
  return { components: factsOf(context, entries), claims };
}

function factsOf(
  context: ClaimContext,
  entries: readonly ComponentMapEntry[],
): Map<ByteString, ComponentFacts> {
  const intervals = new Intervals();
  const contradicted = new Set<ByteString>();
  for (const { component, interval } of entries) {
    if (interval !== undefined && intervals.add(component, interval)) contradicted.add(component);
  }
  for (const name of contradicted) {
    const message = `component ${display(name)} has several update intervals in the map; the shortest counts`;
    context.onWarning({ code: 'COMPONENT_SETTING', message });
  }
  const facts = entries.map(
    ({ component }) => [userKey(component), userFacts(intervals.get(component))] as const,
  );
  return new Map(facts);
}

/** Ordinals of the entries that hold for paths; parents are asked once, whatever lies below them. */
class MapSearch {
  readonly #literals = new Map<ByteString, number>();
  readonly #patterns: (readonly [number, ComponentMapEntry])[] = [];
  readonly #parents = new Map<string, number>();

  constructor(entries: readonly ComponentMapEntry[]) {
    for (const [ordinal, entry] of entries.entries()) {
      const { literal } = entry.pattern;
      if (literal === undefined) this.#patterns.push([ordinal, entry]);
      else this.#literals.set(literal, ordinal);
    }
    this.#patterns.reverse();
  }

  /** Ordinal of the last entry that matches a path or one of its parents, -1 without any. */
  find(path: ByteString): number {
    const parent = path.slice(0, path.lastIndexOf('/'));
    return Math.max(this.#own(path), this.#parent(parent));
  }

  #parent(path: string): number {
    const known = this.#parents.get(path);
    if (known !== undefined) return known;
    const above = path === '' ? -1 : this.find(byteString(path));
    const found = path === '' ? this.#own(byteString('/')) : above;
    this.#parents.set(path, found);
    return found;
  }

  #own(path: ByteString): number {
    const literal = this.#literals.get(path) ?? -1;
    for (const [ordinal, { pattern }] of this.#patterns) {
      if (ordinal < literal) break;
      if (matchesPattern(pattern, path)) return ordinal;
    }
    return literal;
  }
}
