/** Runs the sources over a tree: every path gets one owner, every component its size and rate. */
import { type ByteString, compareBytes } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';
import type { Directory } from '../tree/tree.ts';
import type { OnWarning } from '../warnings.ts';
import { followsRelease, mergeHistories, weighChanges } from './change-history.ts';
import type { ComponentMapEntry } from './choices/component-map.ts';
import type {
  ClaimContext,
  Component,
  ComponentFacts,
  ComponentSource,
  FileReader,
  SourceClaims,
} from './component.ts';
import { CompressedSize } from './compressed-size.ts';
import { dayOf, estimateRate } from './rates.ts';
import { alpmSource } from './sources/alpm.ts';
import { apkSource } from './sources/apk.ts';
import { bigFilesSource } from './sources/big-files.ts';
import { componentMapSource } from './sources/component-map-source.ts';
import { databaseSource } from './sources/database.ts';
import { type DerivedRule, derivedSource } from './sources/derived.ts';
import { dpkgSource } from './sources/dpkg.ts';
import { firmwareSource } from './sources/firmware.ts';
import { flatpakSource } from './sources/flatpak.ts';
import { gemsSource } from './sources/gems.ts';
import { goBinariesSource } from './sources/go-binaries.ts';
import { kernelSource } from './sources/kernel.ts';
import { nodeModulesSource } from './sources/node-modules.ts';
import { pythonSource } from './sources/python.ts';
import { restSource } from './sources/rest.ts';
import { rpmGhostSource, rpmSource } from './sources/rpm.ts';
import { rustBinariesSource } from './sources/rust-binaries.ts';
import { userXattrsSource } from './sources/user-xattrs.ts';
import { estimateTarBytes } from './tar-size.ts';
import { linkGroups, TreeIndex, type TreeItem } from './tree-index.ts';

/** Options of {@link assignComponents}. */
export interface AssignOptions {
  /** Sources besides the built-in ones. */
  readonly sources?: readonly ComponentSource[];
  /** Rules for generated files, before the built-in ones. */
  readonly derivedRules?: readonly DerivedRule[];
  /** Components that the user assigned paths to (see `component-map.ts`). */
  readonly componentMap?: readonly ComponentMapEntry[] | undefined;
  readonly onWarning?: OnWarning;
  /** A path whose claims are wanted. */
  readonly explain?: ByteString | undefined;
}

/** That a source wanted a path. */
export interface TracedClaim {
  readonly source: string;
  readonly key: ByteString;
}

/** Result of {@link assignComponents}. */
export interface Assignment {
  /** In byte order of their keys; none is empty. */
  readonly components: readonly Component[];
  /** Owner of every leaf and of every directory without leaves below, by absolute path. */
  readonly owner: ReadonlyMap<ByteString, Component>;
  /** Newest day (UTC, since 1970) known in the image: what stands for "now" in all rates. */
  readonly today: number;
  /** Claims of the path to be explained, in the order in which sources spoke. */
  readonly claims: readonly TracedClaim[];
}

/** Sources that need no options. */
const BUILT_IN: readonly ComponentSource[] = [
  databaseSource,
  userXattrsSource,
  dpkgSource,
  rpmSource,
  apkSource,
  alpmSource,
  pythonSource,
  nodeModulesSource,
  gemsSource,
  flatpakSource,
  firmwareSource,
  kernelSource,
  rpmGhostSource,
  goBinariesSource,
  rustBinariesSource,
  bigFilesSource,
  restSource,
];

function sourcesOf(options: AssignOptions): ComponentSource[] {
  const { derivedRules, componentMap = [], sources = [] } = options;
  const mapped = componentMap.length === 0 ? [] : [componentMapSource(componentMap)];
  const all = [...BUILT_IN, derivedSource(derivedRules), ...mapped, ...sources];
  // Strong before weak, then by priority; names settle what is left, never the order of a list.
  const rank = (source: ComponentSource): number => (source.strength === 'strong' ? 0 : 1);
  return all.sort((a, b) => rank(a) - rank(b) || a.priority - b.priority || (a.name < b.name ? -1 : 1));
}

/** Regular files whose contents {@link assignComponents} may ask its reader for: absolute paths in byte order. */
export function wantedPaths(root: Directory, options: AssignOptions = {}): ByteString[] {
  const wanted = new Set<ByteString>();
  for (const source of sourcesOf(options)) for (const path of source.wantedPaths(root)) wanted.add(path);
  return [...wanted].sort(compareBytes);
}

/** An assignment half way, when contents of files that nobody owns so far are wanted. */
export interface PendingAssignment {
  /** Regular files whose contents {@link finish} may ask the reader for: absolute paths in byte order. */
  readonly wanted: readonly ByteString[];
  /** To be called once. */
  finish(): Assignment;
}

/**
 * Splits a tree into components. Deterministic: depends on the tree, the contents read and the options alone.
 * Changing what this gives changes plans, and so layer digests. Damaged databases are left out with
 * `DATABASE_IGNORED`.
 */
export function assignComponents(
  root: Directory,
  reader: FileReader,
  options: AssignOptions = {},
): Assignment {
  return beginAssignment(root, reader, options).finish();
}

/** The same in two steps, for readers that have only what {@link wantedPaths} named. */
export function beginAssignment(
  root: Directory,
  reader: FileReader,
  options: AssignOptions = {},
): PendingAssignment {
  const state = new AssignmentState(new TreeIndex(root), reader, options);
  const sources = sourcesOf(options);
  const strong = sources.filter(({ strength }) => strength === 'strong');
  const said = strong.map((source) => source.claim(state));
  state.setToday(said);
  for (const [ordinal, claims] of said.entries()) state.take(claims, strong[ordinal] as ComponentSource);
  const weak = sources.slice(strong.length);
  const later = weak.splice(weak.findIndex(({ candidates }) => candidates !== undefined));
  for (const source of weak) state.take(source.claim(state), source);
  const wanted = new Set(later.flatMap((source) => source.candidates?.(state) ?? []));
  return {
    wanted: [...wanted].sort(compareBytes),
    finish() {
      for (const source of later) state.take(source.claim(state), source);
      state.joinLinks();
      return state.finish();
    },
  };
}

/** What a component is made of so far. */
interface ComponentPart {
  readonly paths: ByteString[];
  readonly compressed: CompressedSize;
  tarSize: number;
}

class AssignmentState implements ClaimContext {
  readonly index: TreeIndex;
  readonly reader: FileReader;
  readonly onWarning: OnWarning;
  readonly rates = new Map<ByteString, number>();
  readonly #facts = new Map<ByteString, ComponentFacts>();
  readonly #owner = new Map<ByteString, ByteString>();
  #unowned: readonly TreeItem[];
  /** Whether some of those may be owned by now. */
  #isOutdated = false;
  readonly #explain: ByteString | undefined;
  readonly #traced: TracedClaim[] = [];
  #today = 0;
  #isRelease = true;

  constructor(index: TreeIndex, reader: FileReader, { onWarning = () => {}, explain }: AssignOptions) {
    this.index = index;
    this.#unowned = index.items;
    this.reader = reader;
    this.onWarning = onWarning;
    this.#explain = explain;
  }

  ownerOf(path: ByteString): ByteString | undefined {
    return this.#owner.get(path);
  }

  unowned(): readonly TreeItem[] {
    if (this.#isOutdated) this.#unowned = this.#unowned.filter(({ path }) => !this.#owner.has(path));
    this.#isOutdated = false;
    return this.#unowned;
  }

  /** Newest change that databases know of; without any, the newest file. And what the image follows. */
  setToday(said: readonly SourceClaims[]): void {
    let newest: number | undefined;
    for (const { components, newestDay } of said) {
      if (newestDay !== undefined) newest = Math.max(newest ?? newestDay, newestDay);
      for (const { rate, changeDays = [] } of components.values()) {
        if (rate !== undefined) continue;
        for (const day of changeDays) newest = Math.max(newest ?? day, day);
      }
    }
    const facts = said.flatMap(({ components }) => [...components.values()]);
    this.#isRelease = followsRelease(facts.flatMap(({ history }) => history ?? []));
    this.#today = newest ?? newestFile(this.index.items.map(({ node }) => node.metadata.mtime.sec)) ?? 0;
  }

  /** Facts of a source, with the newest time of the claimed files where it knows no days. */
  #complete({ components, claims }: SourceClaims): Map<ByteString, ComponentFacts> {
    const times = new Map<ByteString, number>();
    for (const { path, key } of claims) {
      const node = this.index.find(path)?.node;
      if (node === undefined || node.type === 'directory') continue;
      times.set(key, Math.max(times.get(key) ?? Number.NEGATIVE_INFINITY, node.metadata.mtime.sec));
    }
    const complete = new Map<ByteString, ComponentFacts>();
    for (const [key, facts] of components) {
      const time = times.get(key);
      const guess = time === undefined ? [] : [dayOf(time)];
      complete.set(key, { ...facts, changeDays: facts.changeDays ?? guess });
    }
    return complete;
  }

  #estimate({ changeDays = [], history }: ComponentFacts): number {
    return estimateRate(changeDays, this.#today, weighChanges(history, this.#isRelease));
  }

  /** Takes over what a source says. */
  take(said: SourceClaims, { name }: ComponentSource): void {
    for (const [key, facts] of this.#complete(said)) {
      const known = this.#facts.get(key);
      const merged = known === undefined ? facts : mergeFacts(known, facts);
      this.#facts.set(key, merged);
      this.rates.set(key, merged.rate ?? this.#estimate(merged));
    }
    const taken = new Map<ByteString, ByteString>();
    for (const { path, key } of said.claims) {
      if (path === this.#explain) this.#traced.push({ source: name, key });
      if (this.#owner.has(path) || this.index.find(path) === undefined) continue;
      const rival = taken.get(path);
      taken.set(path, rival === undefined ? key : this.#livelier(rival, key));
    }
    for (const [path, key] of taken) this.#owner.set(path, key);
    this.#isOutdated = true;
  }

  /** Shared content goes where it changes most often: it must not spoil something calmer. */
  #livelier(a: ByteString, b: ByteString): ByteString {
    const difference = this.#rate(a) - this.#rate(b);
    if (difference !== 0) return difference > 0 ? a : b;
    return a < b ? a : b;
  }

  #rate(key: ByteString): number {
    const rate = this.rates.get(key);
    if (rate === undefined)
      throw new PlanishError('INVARIANT', `component ${key} was claimed but not described`);
    return rate;
  }

  /** All names of one inode go into one component, or the link would be lost between layers. */
  joinLinks(): void {
    for (const group of linkGroups(this.index.items)) {
      const owners = new Set(group.map((path) => this.#owner.get(path) as ByteString));
      const winner = [...owners].reduce((a, b) => this.#livelier(a, b));
      for (const path of group) this.#owner.set(path, winner);
    }
  }

  finish(): Assignment {
    const parts = new Map<ByteString, ComponentPart>();
    for (const item of this.index.items) {
      const key = this.#owner.get(item.path) as ByteString;
      const part = parts.get(key) ?? { paths: [], compressed: new CompressedSize(), tarSize: 0 };
      parts.set(key, part);
      part.paths.push(item.path);
      part.compressed.add(item);
      part.tarSize += estimateTarBytes(item);
    }
    const components = [...parts]
      .sort(([a], [b]) => compareBytes(a, b))
      .map(([key, part]) => this.#component(key, part));
    const owner = new Map<ByteString, Component>();
    for (const component of components) for (const path of component.paths) owner.set(path, component);
    return { components, owner, today: this.#today, claims: this.#traced };
  }

  #component(key: ByteString, { paths, compressed, tarSize }: ComponentPart): Component {
    const facts = this.#facts.get(key);
    const days = facts?.changeDays ?? [];
    const lastChange = days.length === 0 ? undefined : days.reduce((a, b) => Math.max(a, b));
    return {
      key,
      kind: facts?.kind ?? 'rest',
      paths: paths.sort(compareBytes),
      size: compressed.bytes,
      tarSize,
      rate: this.#rate(key),
      lastChange,
      changeDays: days,
      history: facts?.history,
      guessed: facts?.rate === undefined && days.length <= 1,
    };
  }
}

function mergeFacts(a: ComponentFacts, b: ComponentFacts): ComponentFacts {
  return {
    kind: a.kind,
    changeDays: [...(a.changeDays ?? []), ...(b.changeDays ?? [])],
    history: a.history && b.history ? mergeHistories([a.history, b.history]) : (a.history ?? b.history),
    rate: a.rate ?? b.rate,
  };
}

function newestFile(times: readonly number[]): number | undefined {
  return times.length === 0 ? undefined : dayOf(times.reduce((a, b) => Math.max(a, b)));
}
