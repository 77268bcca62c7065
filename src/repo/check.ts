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
import type { MeasuredLayer } from './measure-layer.ts';
import type { MeasuredFolder, MeasureObjectsRequest } from './measure-objects.ts';
import { CATEGORIES, type Category, objectLink, parseObjectLink, parseRefLink } from './names.ts';
import { asDamage, imageObjects } from './reach.ts';
import type { Repository } from './repository.ts';
import type { OpenedStream } from './streams.ts';

/** Work that may be done elsewhere; results in the order of what was asked. */
export interface CheckWorkers {
  /** Reads layers once, objects and all. Absent where that saves nothing, or contents are not to be read. */
  readonly read: ((layers: readonly CheckLayerRequest[]) => Promise<readonly MeasuredLayer[]>) | undefined;
  /** Measures folders, but for those objects of theirs that are known to be sound. */
  measure(folders: readonly FolderToMeasure[]): Promise<readonly MeasuredFolder[]>;
  /** Puts a layer together whose objects are sound. */
  layer(request: CheckLayerRequest): Promise<Finding | undefined>;
}

/** A folder of objects. */
export type FolderToMeasure = Pick<MeasureObjectsRequest, 'folder' | 'known'>;

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
  /** Objects that were read with layers and are sound, by folder. */
  readonly #read = new Map<string, Map<VerityDigest, number>>();
  /** Layers that were read and are what they are to be, by {@link layerKey}. */
  readonly #soundLayers = new Set<string>();
  /** Splitstreams that are objects, and wrong in themselves. */
  readonly #unsound = new Set<VerityDigest>();

  constructor(repository: Repository, workers: CheckWorkers, contents: boolean) {
    this.#repository = repository;
    this.#workers = workers;
    this.#contents = contents;
  }

  async run(): Promise<CheckResult> {
    await this.#readLayers();
    await this.#checkObjects();
    await this.#checkStreams();
    this.#checkImages();
    for (const category of CATEGORIES) this.#checkRefs(category);
    return { counts: this.#counts, findings: this.#findings };
  }

  /**
   * Reads layers by what the entries say, before anything is known of them, so that no object is read twice. Only what is
   * sound is noted; whatever is not is looked at again, to say what it is.
   */
  async #readLayers(): Promise<void> {
    const { read } = this.#workers;
    if (read === undefined) return;
    const requests = new Map<string, CheckLayerRequest>();
    for (const { name, kind } of this.#repository.list('streams')) {
      const title = parseStreamName(name);
      const digest =
        kind === 'link' && title?.kind === 'layer' ? this.#objectOf(`streams/${name}`) : undefined;
      if (title === undefined || digest === undefined) continue;
      const request = this.#layerRequest(name, title.digest, digest);
      requests.set(layerKey(request), request);
    }
    const layers = await read([...requests.values()]);
    for (const [index, key] of [...requests.keys()].entries()) {
      if (layers[index]?.isSound === true) this.#soundLayers.add(key);
      for (const [digest, size] of layers[index]?.objects ?? []) this.#noteRead(digest, size);
    }
  }

  #noteRead(digest: VerityDigest, size: number): void {
    const folder = digest.slice(0, 2);
    const objects = this.#read.get(folder) ?? new Map<VerityDigest, number>();
    this.#read.set(folder, objects.set(digest, size));
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
    const measured = await this.#workers.measure(
      folders.map((folder) => ({ folder, known: this.#read.get(folder) ?? new Map() })),
    );
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
    const left = [...layers].filter(([key]) => !this.#soundLayers.has(key));
    await Promise.all(left.map(([, layer]) => this.#checkLayer(layer)));
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
    const key = layerKey(request);
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
      // Others follow the link, so one that goes further up shows them something else under a right name.
      if (digest === undefined || text !== objectLink(digest)) {
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

  /** The object that a link leads to. */
  #objectOf(path: string): VerityDigest | undefined {
    const text = readlinkSync(join(this.#repository.path, path));
    return parseObjectLink(text, this.#repository.algorithm);
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

/** What a layer is checked for: a splitstream may stand for several, and one for several splitstreams. */
function layerKey({ digest, stream }: CheckLayerRequest): string {
  return `${digest} ${stream}`;
}
