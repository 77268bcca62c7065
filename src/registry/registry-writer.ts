/**
 * Writing to a registry. Blobs are pushed as they come, a few at once; manifests when all that they name is there, and
 * the tag last of all: a run that fails or is killed leaves blobs that nothing refers to, which registries collect.
 */
import type { BlobDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { type BlobFile, readSmallBlob } from '../io/blob-file.ts';
import { type BlobIdentity, BlobStaging, type CommitImage, type ImageWriter } from '../io/image-writer.ts';
import { createTemporaryDirectory, type TemporaryDirectory } from '../io/temporary.ts';
import { LIMITS } from '../limits.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { type Manifest, parseIndex, parseManifest } from '../oci/manifest.ts';
import { documentKind } from '../oci/media-types.ts';
import type { RegistryReference } from '../oci/reference.ts';
import type { OnProgress } from '../progress.ts';
import { Gate } from './gate.ts';
import { checkPush, pushBlob } from './push-blob.ts';
import { pushManifest } from './push-manifest.ts';
import { RegistryClient, type RegistryOptions } from './registry-client.ts';
import { RemoteBlob } from './remote-blob.ts';

/** How to write to a registry. */
export interface WriterOptions {
  readonly registry?: RegistryOptions | undefined;
  readonly temporaryDirectory?: string | undefined;
  /** Most blobs that are pushed at once. */
  readonly jobs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** Uploads at once unless it is said how much is done at once. */
const PUSHES = 6;

/** Begins writing an image to a registry: asks whether it will be taken. Throws what {@link checkPush} throws. */
export async function openRegistryWriter(
  { host, repository }: RegistryReference,
  options: WriterOptions,
): Promise<RegistryWriter> {
  const { signal } = options;
  const client = new RegistryClient({ ...options.registry, host, repository, actions: 'pull,push', signal });
  try {
    await checkPush(client);
    return new RegistryWriter(client, createTemporaryDirectory(options.temporaryDirectory), options);
  } catch (error) {
    client.close();
    throw error;
  }
}

/** See the module. */
export class RegistryWriter implements ImageWriter {
  readonly client: RegistryClient;
  readonly #directory: TemporaryDirectory;
  readonly #staging: BlobStaging;
  readonly #gate: Gate;
  readonly #onProgress: OnProgress;
  readonly #pushes = new Map<BlobDigest, Promise<unknown>>();
  /** Bytes of blobs that were sent so far, and of all that are to be. */
  readonly #sent = new Map<BlobDigest, number>();
  #total = 0;

  constructor(client: RegistryClient, directory: TemporaryDirectory, { jobs, onProgress }: WriterOptions) {
    this.client = client;
    this.#directory = directory;
    this.#staging = new BlobStaging(directory, false);
    this.#gate = new Gate(jobs ?? PUSHES);
    this.#onProgress = onProgress ?? (() => undefined);
  }

  createBlobFile(name: string): string {
    return this.#staging.createFile(name);
  }

  announceBlobFile(path: string, digest: BlobDigest, size: number): void {
    this.#push({ file: path, offset: 0, size }, digest);
  }

  async addBlobFile(path: string, digest: BlobDigest, size: number): Promise<void> {
    this.announceBlobFile(path, digest, size);
  }

  /** Documents are pushed when it is known of which kind they are. */
  addBytes(bytes: Uint8Array): Promise<BlobIdentity> {
    return this.#staging.addBytes(bytes);
  }

  addDocument(bytes: Uint8Array, digest: BlobDigest): Promise<void> {
    return this.#staging.addDocument(bytes, digest);
  }

  /** Ends when it is there. */
  async copyBlob(blob: BlobFile, digest: BlobDigest): Promise<void> {
    this.#push(blob, digest);
    await this.#pushes.get(digest);
  }

  /** Sets it on its way: the commit waits for it. */
  async carryBlob(blob: BlobFile, digest: BlobDigest): Promise<void> {
    this.#push(blob, digest);
  }

  hasBlob(digest: BlobDigest, size: number): boolean {
    return this.#pushes.has(digest) || this.#staging.has(digest, size);
  }

  async commit({ descriptor, refName }: CommitImage): Promise<void> {
    await this.pushWhole(descriptor, refName ?? 'latest');
    this.abort();
  }

  /** Pushes what a staged manifest or index names, and then itself, under a tag or its digest. */
  async pushWhole(descriptor: Descriptor, reference: string): Promise<void> {
    await this.#pushBelow(descriptor);
    await Promise.all(this.#pushes.values());
    await pushManifest(this.client, descriptor, this.#read(descriptor), reference);
  }

  abort(): void {
    this.client.close();
    this.#directory.close();
  }

  /** Pushes what a staged manifest or index names, manifests by their digests, but not itself. */
  async #pushBelow(top: Descriptor): Promise<void> {
    const pending: { readonly descriptor: Descriptor; readonly isTop: boolean }[] = [];
    const visit = [{ descriptor: top, isTop: true }];
    for (let next = visit.pop(); next !== undefined; next = visit.pop()) {
      pending.push(next);
      if (documentKind(next.descriptor.mediaType) !== 'index') continue;
      const { manifests } = parseIndex(this.#read(next.descriptor), `index ${next.descriptor.digest}`);
      // What was left out of an index when it was copied is left out here.
      const staged = manifests.filter(({ digest, size }) => this.#staging.has(digest, size));
      visit.push(...staged.map((descriptor) => ({ descriptor, isTop: false })));
    }
    // What is named before what names it.
    for (const { descriptor, isTop } of pending.reverse()) await this.#pushOne(descriptor, isTop);
  }

  async #pushOne(descriptor: Descriptor, isTop: boolean): Promise<void> {
    const bytes = this.#read(descriptor);
    if (documentKind(descriptor.mediaType) === 'manifest')
      await this.#pushNamed(parseManifest(bytes, `manifest ${descriptor.digest}`));
    if (!isTop) await pushManifest(this.client, descriptor, bytes, descriptor.digest);
  }

  async #pushNamed({ config, layers }: Manifest): Promise<void> {
    for (const { digest, size } of [config, ...layers])
      if (!this.#pushes.has(digest) && this.#staging.has(digest, size))
        this.#push(this.#staged(digest), digest);
    await Promise.all([config, ...layers].map(({ digest }) => this.#pushes.get(digest)));
  }

  #push(blob: BlobFile, digest: BlobDigest): void {
    if (this.#pushes.has(digest)) return;
    this.#total += blob.size;
    const isSameHost = blob instanceof RemoteBlob && blob.host === this.client.host;
    const from = isSameHost ? blob.repository : undefined;
    const progress = (bytes: number): void => this.#report(digest, bytes);
    const pushed = this.#gate.pass(async () => {
      await pushBlob(this.client, { digest, blob, from, progress });
      progress(blob.size);
    });
    // Whoever commits hears of it.
    pushed.catch(() => undefined);
    this.#pushes.set(digest, pushed);
  }

  #report(digest: BlobDigest, bytes: number): void {
    this.#sent.set(digest, bytes);
    const done = [...this.#sent.values()].reduce((sum, one) => sum + one, 0);
    this.#onProgress({ stage: 'push', done, total: this.#total, unit: 'bytes' });
  }

  #staged(digest: BlobDigest): BlobFile {
    const blob = this.#staging.find(digest);
    if (blob !== undefined) return blob;
    throw new PlanishError('INVARIANT', 'what is to be pushed was not written before');
  }

  #read({ digest }: Descriptor): Uint8Array {
    return readSmallBlob(this.#staged(digest), LIMITS.jsonBytes);
  }
}
