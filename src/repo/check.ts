/**
 * Checking a repository. Nothing in it is believed: objects are measured, streams decoded, documents and layers hashed,
 * images read, links resolved by their text. What is wrong is told; it never ends the check.
 */
import { readlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { VerityDigest } from '../bytes/digest.ts';
import {
  type CheckLayerRequest,
  checkDocument,
  checkStream,
  findingOf,
  parseStreamName,
  type StreamTitle,
} from './check-streams.ts';
import type { Finding } from './finding.ts';
import type { MeasuredFolder } from './measure-objects.ts';
import { CATEGORIES, type Category, parseObjectLink, parseRefLink } from './names.ts';
import { asDamage, imageObjects } from './reach.ts';
import type { Repository } from './repository.ts';
import type { OpenedStream } from './streams.ts';

/** Work that may be done on threads. */
export interface CheckWorkers {
  measure(folder: string): Promise<MeasuredFolder>;
  layer(request: CheckLayerRequest): Promise<Finding | undefined>;
}

/** What was looked at. */
export interface CheckCounts {
  objects: number;
  /** Bytes of sound objects. */
  bytes: number;
  streams: number;
  images: number;
  refs: number;
}

/** What came out. */
export interface CheckResult {
  readonly counts: CheckCounts;
  readonly findings: readonly Finding[];
}

/** See the module. `contents`: layers are put together again, too. */
export async function checkRepository(
  repository: Repository,
  workers: CheckWorkers,
  options: { readonly contents: boolean },
): Promise<CheckResult> {
  return await new Checker(repository, workers, options.contents).run();
}

/** A layer to be put together again. */
interface LayerToCheck {
  readonly request: CheckLayerRequest;
  /** Whether an image has it so. */
  isNamed: boolean;
}

class Checker {
  readonly #repository: Repository;
  readonly #workers: CheckWorkers;
  readonly #contents: boolean;
  readonly #findings: Finding[] = [];
  readonly #counts: CheckCounts = { objects: 0, bytes: 0, streams: 0, images: 0, refs: 0 };
  /** Sound objects and their sizes. */
  readonly #known = new Map<VerityDigest, number>();
  /** Splitstreams that are objects, and wrong in themselves. */
  readonly #unsound = new Set<VerityDigest>();

  constructor(repository: Repository, workers: CheckWorkers, contents: boolean) {
    this.#repository = repository;
    this.#workers = workers;
    this.#contents = contents;
  }

  async run(): Promise<CheckResult> {
    await this.#checkObjects();
    await this.#checkStreams();
    this.#checkImages();
    for (const category of CATEGORIES) this.#checkRefs(category);
    return { counts: this.#counts, findings: this.#findings };
  }

  /** Strays beside the folders are left to whoever made them: other programs keep files in progress there. */
  async #checkObjects(): Promise<void> {
    const folders: string[] = [];
    for (const { name, kind } of this.#repository.list('objects')) {
      const isFolder = /^[0-9a-f]{2}$/.test(name);
      if (isFolder && kind === 'directory') folders.push(name);
      else if (isFolder || kind === 'directory' || kind === 'link')
        this.#find('object-kind', `objects/${name}`, 'not a directory of objects');
    }
    const measured = await Promise.all(folders.map((folder) => this.#workers.measure(folder)));
    for (const { objects, findings, bytes } of measured) {
      this.#counts.objects += objects.length + findings.length;
      this.#counts.bytes += bytes;
      this.#findings.push(...findings);
      for (const [digest, size] of objects) this.#known.set(digest, size);
    }
  }

  async #checkStreams(): Promise<void> {
    const layers = new Map<string, LayerToCheck>();
    for (const [name, digest] of this.#entries('streams')) {
      const { findings, opened } = await checkStream(this.#repository, name, digest, this.#known);
      this.#findings.push(...findings);
      if (findings.length > 0) this.#unsound.add(digest);
      const title = parseStreamName(name);
      if (opened === undefined || title === undefined || findings.length > 0) continue;
      if (title.kind === 'layer') this.#addLayer(layers, this.#layerRequest(name, title.digest, digest));
      else await this.#checkDocument(layers, name, title, opened);
    }
    if (!this.#contents) return;
    await Promise.all([...layers.values()].map((layer) => this.#checkLayer(layer)));
  }

  /** A layer that is not what an entry says is no matter to images that do not go by that entry. */
  async #checkLayer({ request, isNamed }: LayerToCheck): Promise<void> {
    const finding = await this.#workers.layer(request);
    if (finding === undefined) return;
    this.#findings.push(isNamed ? finding : { ...finding, object: undefined });
  }

  /** Layers that a manifest names are checked by the digest it has for them: the entry may be another by now. */
  async #checkDocument(
    layers: Map<string, LayerToCheck>,
    name: string,
    title: StreamTitle,
    opened: OpenedStream,
  ): Promise<void> {
    const checked = await checkDocument(this.#repository, name, title, opened);
    this.#findings.push(...checked.findings);
    for (const layer of checked.layers) {
      if (!this.#known.has(layer.stream) || this.#unsound.has(layer.stream)) continue;
      const request = this.#layerRequest(name, layer.name, layer.stream);
      this.#addLayer(layers, request).isNamed = true;
    }
  }

  /** Each splitstream is checked once for each digest that it is to have. */
  #addLayer(layers: Map<string, LayerToCheck>, request: CheckLayerRequest): LayerToCheck {
    const key = `${request.digest} ${request.stream}`;
    const layer = layers.get(key) ?? { request, isNamed: false };
    layers.set(key, layer);
    return layer;
  }

  #layerRequest(name: string, digest: CheckLayerRequest['digest'], stream: VerityDigest): CheckLayerRequest {
    const { path, algorithm } = this.#repository;
    return { path, algorithm, name, digest, stream };
  }

  #checkImages(): void {
    for (const [name, digest] of this.#entries('images')) {
      const path = `images/${name}`;
      if (name !== digest) this.#find('image-name', path, `it leads to ${digest}`);
      try {
        for (const [object, size] of imageObjects(this.#repository, digest)) {
          if (this.#known.get(object) === size) continue;
          const what = this.#known.has(object)
            ? 'is of another size than a file of it'
            : 'is not there or damaged';
          this.#find('object-missing', path, `an object ${what}: ${object}`, object);
        }
      } catch (error) {
        this.#findings.push(findingOf(path, digest, asDamage(error), 'image-bad'));
      }
    }
  }

  /** Entries of a category that lead to sound objects; all others are found. */
  #entries(category: Category): [string, VerityDigest][] {
    const sound: [string, VerityDigest][] = [];
    for (const { name, kind } of this.#repository.list(category)) {
      if (name === 'refs' && kind === 'directory') continue;
      this.#counts[category] += 1;
      const path = `${category}/${name}`;
      const text = kind === 'link' ? readlinkSync(join(this.#repository.path, path)) : undefined;
      const digest = text === undefined ? undefined : parseObjectLink(text, this.#repository.algorithm);
      if (digest === undefined) {
        this.#find(
          'entry-bad',
          path,
          text === undefined ? 'not a link' : `it leads to ${text.slice(0, 160)}`,
        );
      } else if (!this.#known.has(digest)) {
        this.#find('entry-dangling', path, `its object is not there or damaged: ${digest}`, digest);
      } else sound.push([name, digest]);
    }
    return sound;
  }

  #checkRefs(category: Category): void {
    const entries = new Set(this.#repository.list(category).map(({ name }) => name));
    const pending = [''];
    for (let folder = pending.pop(); folder !== undefined; folder = pending.pop()) {
      for (const { name, kind } of this.#repository.list(`${category}/refs/${folder}`)) {
        const path = folder === '' ? name : `${folder}/${name}`;
        if (kind === 'directory') pending.push(path);
        else this.#checkRef(category, path, kind === 'link', entries);
      }
    }
  }

  #checkRef(category: Category, path: string, isLink: boolean, entries: ReadonlySet<string>): void {
    this.#counts.refs += 1;
    const file = `${category}/refs/${path}`;
    const text = isLink ? readlinkSync(join(this.#repository.path, file)) : undefined;
    const entry = text === undefined ? undefined : parseRefLink(path, text);
    if (entry === undefined)
      this.#find('ref-bad', file, text === undefined ? 'not a link' : `it leads to ${text.slice(0, 160)}`);
    else if (!entries.has(entry)) this.#find('ref-dangling', file, `there is no ${category}/${entry}`);
  }

  #find(problem: Finding['problem'], path: string, message: string, object?: VerityDigest): void {
    this.#findings.push({ problem, path, message, object });
  }
}
