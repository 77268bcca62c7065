/**
 * Fetches blobs to files, each held to its size and digest while it comes. What was cut goes on where it ended, if the
 * server gives parts, or begins anew.
 */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, ftruncateSync } from 'node:fs';
import { type BlobDigest, blobDigest, splitBlobDigest } from '../bytes/digest.ts';
import { PlanishError, withDetail } from '../errors.ts';
import { attempt, openNewFile, writeFully } from '../io/durable-file.ts';
import { refusal, showUrl } from './answers.ts';
import { ConnectionFailure } from './connection-failure.ts';
import type { HttpAnswer } from './exchange.ts';
import type { RegistryClient } from './registry-client.ts';
import { ATTEMPTS } from './retry.ts';

/** What is fetched, and to where. */
export interface WantedBlob {
  readonly digest: BlobDigest;
  readonly size: number;
  /** A file that is not there yet. */
  readonly file: string;
  /** Bytes that have come, of those that last. */
  readonly progress?: ((done: number) => void) | undefined;
}

/** After so many bytes the attempts are counted anew: what is cut again and again still comes to its end. */
const PROGRESS_BYTES = 1024 * 1024;

/**
 * Fetches one. Throws `BLOB_MISSING`, `DIGEST_MISMATCH`, and what sending a request throws; what came stays in the file
 * then.
 */
export async function fetchBlob(client: RegistryClient, wanted: WantedBlob): Promise<void> {
  const descriptor = openNewFile(wanted.file);
  try {
    await new BlobFetch(client, wanted, descriptor).run();
  } finally {
    closeSync(descriptor);
  }
}

class BlobFetch {
  readonly #client: RegistryClient;
  readonly #wanted: WantedBlob;
  readonly #descriptor: number;
  #hash: Hash;
  #done = 0;

  constructor(client: RegistryClient, wanted: WantedBlob, descriptor: number) {
    this.#client = client;
    this.#wanted = wanted;
    this.#descriptor = descriptor;
    this.#hash = this.#newHash();
  }

  async run(): Promise<void> {
    const path = this.#client.path('blobs', this.#wanted.digest);
    let failures = 0;
    let counted = 0;
    while (!(await this.#attempt(path, failures === ATTEMPTS - 1))) {
      if (this.#done >= counted + PROGRESS_BYTES) failures = 0;
      counted = this.#done;
      await this.#client.wait(++failures);
    }
    this.#verify(path);
  }

  /** One request; whether all has come. The last one throws what cut it. */
  async #attempt(path: string, isLast: boolean): Promise<boolean> {
    const range = this.#done === 0 ? {} : { range: `bytes=${this.#done}-` };
    const answer = await this.#client.send({ method: 'GET', path, headers: range });
    await this.#check(answer);
    try {
      for await (const piece of answer.body) this.#take(piece);
    } catch (error) {
      if (!(error instanceof ConnectionFailure) || !error.passing || isLast)
        throw this.#client.explain(error, answer.url);
      return false;
    }
    if (this.#done < this.#wanted.size) throw this.#wrongSize(answer, this.#done);
    return true;
  }

  async #check(answer: HttpAnswer): Promise<void> {
    const { digest, size } = this.#wanted;
    if (answer.status === 404) {
      answer.drop();
      const message = `the registry ${this.#client.host} has no blob ${digest}`;
      throw new PlanishError('BLOB_MISSING', message, { file: showUrl(answer.url) });
    }
    const isPart = answer.status === 206 && this.#done > 0;
    if (answer.status !== 200 && !isPart)
      throw await refusal(answer, 'REGISTRY_REFUSED', 'a blob is not given');
    checkEncoding(answer);
    if (isPart) this.#checkRange(answer);
    else this.#restart();
    const announced = answer.header('content-length');
    if (announced === undefined || Number(announced) === size - this.#done) return;
    answer.drop();
    throw this.#wrongSize(answer, this.#done + Number(announced));
  }

  #checkRange(answer: HttpAnswer): void {
    const [, start] = /^bytes ([0-9]+)-/.exec(answer.header('content-range') ?? '') ?? [];
    if (start !== undefined && Number(start) === this.#done) return;
    answer.drop();
    throw new PlanishError('REGISTRY_BAD_ANSWER', 'another part of a blob comes than was asked for', {
      file: showUrl(answer.url),
      expected: this.#done,
      actual: start,
    });
  }

  #restart(): void {
    this.#hash = this.#newHash();
    this.#done = 0;
    attempt('writing a file', this.#wanted.file, () => ftruncateSync(this.#descriptor, 0));
  }

  #take(piece: Uint8Array): void {
    const { size, file, progress } = this.#wanted;
    if (this.#done + piece.length > size) {
      throw this.#mismatch('a blob is longer than its descriptor states', size, this.#done + piece.length);
    }
    this.#hash.update(piece);
    writeFully(this.#descriptor, piece, file, this.#done);
    this.#done += piece.length;
    progress?.(this.#done);
  }

  #verify(path: string): void {
    const { digest } = this.#wanted;
    const actual = blobDigest(splitBlobDigest(digest).algorithm, this.#hash.digest('hex'));
    if (actual === digest) return;
    const error = this.#mismatch('a blob has not the digest that names it', digest, actual);
    throw withDetail(error, { file: `${this.#client.host}${path}` });
  }

  #wrongSize(answer: HttpAnswer, actual: number): unknown {
    const error = this.#mismatch('a blob has not the size its descriptor states', this.#wanted.size, actual);
    return withDetail(error, { file: showUrl(answer.url) });
  }

  #mismatch(message: string, expected: number | string, actual: number | string): PlanishError {
    return new PlanishError('DIGEST_MISMATCH', message, { layer: this.#wanted.digest, expected, actual });
  }

  #newHash(): Hash {
    return createHash(splitBlobDigest(this.#wanted.digest).algorithm);
  }
}

/** Digests are of the bytes as they are stored. Throws `REGISTRY_BAD_ANSWER`. */
export function checkEncoding(answer: HttpAnswer): void {
  const encoding = answer.header('content-encoding') ?? 'identity';
  if (encoding === 'identity' || encoding === '') return;
  answer.drop();
  throw new PlanishError('REGISTRY_BAD_ANSWER', 'an answer is encoded in a way that was not asked for', {
    file: showUrl(answer.url),
    actual: encoding.slice(0, 80),
  });
}
