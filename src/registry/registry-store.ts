/**
 * What of a repository of a registry is here: a mirror in a temporary directory that grows as things are wanted. To those
 * who read images it is a layout, of one image and what is attached to it. Documents are fetched before anyone looks for
 * them; layers when they are read.
 */
import { closeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type BlobDigest, splitBlobDigest } from '../bytes/digest.ts';
import { type BlobFile, readSmallBlob, wholeFile } from '../io/blob-file.ts';
import { makeDirectory, openNewFile, writeFully } from '../io/durable-file.ts';
import { LAYOUT_MARKER, type Layout } from '../io/layout.ts';
import { createTemporaryDirectory, type TemporaryDirectory } from '../io/temporary.ts';
import { LIMITS } from '../limits.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { formatJson } from '../oci/json.ts';
import { emptyIndex, type Index } from '../oci/manifest.ts';
import type { OnProgress } from '../progress.ts';
import { fetchBlob } from './fetch-blob.ts';
import type { FetchedDocument } from './fetch-manifest.ts';
import { Gate } from './gate.ts';
import type { RegistryClient } from './registry-client.ts';
import { RemoteBlob } from './remote-blob.ts';

/** How a mirror is kept. */
export interface StoreOptions {
  readonly temporaryDirectory?: string | undefined;
  /** Most blobs that are fetched at once. */
  readonly fetches: number;
  readonly onProgress?: OnProgress | undefined;
}

/** See the module. Closing it ends what is being fetched. */
export class RegistryStore implements Layout {
  readonly reference: string;
  readonly file: string;
  readonly client: RegistryClient;
  readonly #directory: TemporaryDirectory;
  readonly #gate: Gate;
  readonly #onProgress: OnProgress;
  readonly #blobs = new Map<BlobDigest, BlobFile>();
  readonly #roots = new Map<string, BlobFile>();
  /** Bytes that are here, and that are or will be, of what is fetched. */
  readonly #done = new Map<BlobDigest, number>();
  #total = 0;
  #serial = 0;

  constructor(client: RegistryClient, reference: string, options: StoreOptions) {
    this.reference = reference;
    this.file = reference;
    this.client = client;
    this.#directory = createTemporaryDirectory(options.temporaryDirectory);
    this.#gate = new Gate(options.fetches);
    this.#onProgress = options.onProgress ?? (() => undefined);
    this.#addRoot('oci-layout', Buffer.from(LAYOUT_MARKER));
  }

  find(digest: BlobDigest): BlobFile | undefined {
    return this.#blobs.get(digest);
  }

  findRootFile(name: string): BlobFile | undefined {
    return this.#roots.get(name);
  }

  /** Takes in a document that was fetched. */
  addDocument({ descriptor: { digest }, bytes }: FetchedDocument): void {
    if (this.#blobs.has(digest)) return;
    this.#blobs.set(digest, this.#write(this.#pathOf(digest), bytes));
  }

  /** The bytes of a document that is here. */
  readDocument({ digest, size }: Descriptor): Uint8Array | undefined {
    const blob = this.#blobs.get(digest);
    if (blob === undefined || blob instanceof RemoteBlob || blob.size !== size) return undefined;
    return readSmallBlob(blob, LIMITS.jsonBytes);
  }

  /** Makes a blob known that is fetched when it is read. */
  expect({ digest, size }: Descriptor): BlobFile {
    const known = this.#blobs.get(digest);
    if (known !== undefined) return known;
    const { host, repository } = this.client;
    const place = { host, repository, digest, file: this.#pathOf(digest), size };
    const blob = new RemoteBlob(place, () => this.#gate.pass(() => this.#fetch(blob)));
    this.#blobs.set(digest, blob);
    return blob;
  }

  /** What is said to be in the layout: the image, and what is attached. */
  setIndex(entries: readonly Descriptor[]): void {
    const index: Index = { ...emptyIndex(), manifests: entries };
    this.#addRoot('index.json', formatJson(index));
  }

  close(): void {
    this.client.close();
    this.#directory.close();
  }

  async #fetch({ digest, size, file }: RemoteBlob): Promise<void> {
    this.#total += size;
    const progress = (done: number): void => this.#report(digest, done);
    makeDirectory(dirname(file));
    await fetchBlob(this.client, { digest, size, file, progress });
  }

  #report(digest: BlobDigest, bytes: number): void {
    this.#done.set(digest, bytes);
    const done = [...this.#done.values()].reduce((sum, one) => sum + one, 0);
    this.#onProgress({ stage: 'fetch', done, total: this.#total, unit: 'bytes' });
  }

  #addRoot(name: string, bytes: Uint8Array): void {
    // A file of its own each time: readers may hold the one before.
    this.#roots.set(name, this.#write(join(this.#directory.path, `${name}-${this.#serial++}`), bytes));
  }

  #write(file: string, bytes: Uint8Array): BlobFile {
    makeDirectory(dirname(file));
    const descriptor = openNewFile(file);
    try {
      writeFully(descriptor, bytes, file);
    } finally {
      closeSync(descriptor);
    }
    return wholeFile(file);
  }

  #pathOf(digest: BlobDigest): string {
    const { algorithm, hex } = splitBlobDigest(digest);
    return join(this.#directory.path, 'blobs', algorithm, hex);
  }
}
