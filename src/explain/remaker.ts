/**
 * Makes views of one source under many settings and shares the work between them. A view is identified by the steps
 * that changed something on the way to it, so settings that make no difference for this source have one identity and
 * are tried once; trees lately made are kept, others are made again from the nearest that is kept.
 */
import type { HashAlgorithm, VerityDigest } from '../bytes/digest.ts';
import { automaticVersion } from '../erofs/collect.ts';
import { imageDigest } from '../erofs/image-digest.ts';
import { encodeImage, type FormatVersion } from '../erofs/writer.ts';
import type { Directory } from '../tree/tree.ts';
import type { ViewSettings } from './settings.ts';
import { STEPS, type Step, type ViewSource } from './steps.ts';

declare const treeIdBrand: unique symbol;

/** Identity of a tree among those of one {@link Remaker}. */
export type TreeId = string & { readonly [treeIdBrand]: true };

/** Trees kept in memory; each costs about a kilobyte an inode at most. */
const KEPT_TREES = 8;

/** How a tree is made from another one. */
interface Recipe {
  readonly from: TreeId;
  readonly step: Step;
  readonly settings: ViewSettings;
}

/** See the module. */
export class Remaker {
  readonly algorithm: HashAlgorithm;
  readonly #source: ViewSource;
  readonly #next = new Map<string, TreeId>();
  readonly #recipes = new Map<TreeId, Recipe>();
  /** In order of use, the latest last. */
  readonly #trees = new Map<TreeId, Directory>();
  readonly #digests = new Map<string, VerityDigest>();

  constructor(source: ViewSource, algorithm: HashAlgorithm) {
    this.#source = source;
    this.algorithm = algorithm;
  }

  /**
   * Identity of the tree that settings give; equal trees of one source mostly have one. Throws what the steps throw
   * where a host would refuse the tree.
   */
  identify(settings: ViewSettings): TreeId {
    let id = `whiteouts=${settings.whiteouts}` as TreeId;
    for (const step of STEPS) id = this.#advance(id, step, settings);
    return id;
  }

  /** The tree of an identity; not to be written to. */
  tree(id: TreeId): Directory {
    const kept = this.#trees.get(id);
    if (kept !== undefined) {
      this.#keep(id, kept);
      return kept;
    }
    const recipe = this.#recipes.get(id);
    const root = recipe === undefined ? this.#flatten(id) : this.#cook(recipe);
    this.#keep(id, root);
    return root;
  }

  /** fs-verity digest of the image of a view. Throws what `encodeImage` throws. */
  digest(settings: ViewSettings): VerityDigest {
    const id = this.identify(settings);
    const version = this.format(settings);
    const key = `${id} ${version} ${settings.dialect}`;
    const known = this.#digests.get(key);
    if (known !== undefined) return known;
    const { algorithm } = this;
    const { dialect } = settings;
    const { facts } = this.#source;
    const digest = imageDigest(encodeImage(this.tree(id), { version, algorithm, dialect, facts }), algorithm);
    this.#digests.set(key, digest);
    return digest;
  }

  /** Format of a view as a number. */
  format(settings: ViewSettings): FormatVersion {
    if (settings.format !== 'automatic') return settings.format;
    return automaticVersion(this.tree(this.identify(settings)));
  }

  #advance(from: TreeId, step: Step, settings: ViewSettings): TreeId {
    const values = step.keys.map((key) => `${key}=${settings[key]}`).join(' ');
    const known = this.#next.get(`${from}>${values}`);
    if (known !== undefined) return known;
    const changed = step.apply(this.tree(from), settings, this.#source);
    const to = changed === undefined ? from : (`${from} ${values}` as TreeId);
    this.#next.set(`${from}>${values}`, to);
    if (changed !== undefined) {
      this.#recipes.set(to, { from, step, settings });
      this.#keep(to, changed);
    }
    return to;
  }

  #cook({ from, step, settings }: Recipe): Directory {
    const root = this.tree(from);
    return step.apply(root, settings, this.#source) ?? root;
  }

  #flatten(id: TreeId): Directory {
    return this.#source.flattened(id === 'whiteouts=host' ? 'host' : 'oci');
  }

  #keep(id: TreeId, root: Directory): void {
    this.#trees.delete(id);
    this.#trees.set(id, root);
    for (const oldest of this.#trees.keys()) {
      if (this.#trees.size <= KEPT_TREES) break;
      this.#trees.delete(oldest);
    }
  }
}
