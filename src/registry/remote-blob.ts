/** A blob of a registry, fetched when it is wanted. */
import type { BlobDigest } from '../bytes/digest.ts';
import type { LateBlob } from '../io/late-blob.ts';

/** Where a blob is, and where it will be. */
export interface BlobPlace {
  readonly host: string;
  readonly repository: string;
  readonly digest: BlobDigest;
  /** The file that it is fetched to. */
  readonly file: string;
  readonly size: number;
}

/** See the module. */
export class RemoteBlob implements LateBlob {
  readonly host: string;
  readonly repository: string;
  readonly digest: BlobDigest;
  readonly file: string;
  readonly offset = 0;
  readonly size: number;
  readonly #fetch: () => Promise<void>;
  #brought: Promise<void> | undefined;

  constructor({ host, repository, digest, file, size }: BlobPlace, fetch: () => Promise<void>) {
    this.host = host;
    this.repository = repository;
    this.digest = digest;
    this.file = file;
    this.size = size;
    this.#fetch = fetch;
  }

  bring(): Promise<void> {
    this.#brought ??= this.#fetch();
    return this.#brought;
  }

  /** Whether it is here, or on its way. */
  get isWanted(): boolean {
    return this.#brought !== undefined;
  }
}
