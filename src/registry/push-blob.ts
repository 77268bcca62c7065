/**
 * Pushes blobs: not at all where the repository has them, by a word where another repository of the registry does, else in
 * one request. One that failed is begun anew, for an upload cannot be taken up again everywhere.
 */
import { createHash } from 'node:crypto';
import { type BlobDigest, blobDigest, splitBlobDigest } from '../bytes/digest.ts';
import { isPlanishError, PlanishError } from '../errors.ts';
import { type BlobFile, readBlob } from '../io/blob-file.ts';
import { refusal, showUrl } from './answers.ts';
import { ConnectionFailure } from './connection-failure.ts';
import type { HttpAnswer } from './exchange.ts';
import type { RegistryClient } from './registry-client.ts';
import { ATTEMPTS, isPassing } from './retry.ts';

/** What is pushed. */
export interface PushedBlob {
  readonly digest: BlobDigest;
  readonly blob: BlobFile;
  /** A repository of the same registry that has it. */
  readonly from: string | undefined;
  readonly progress?: ((done: number) => void) | undefined;
}

/** How it came to be there. */
export type PushOutcome = 'there' | 'mounted' | 'sent';

/** Pushes one. Throws `DIGEST_MISMATCH`, `REGISTRY_REFUSED`, and what reading it and sending a request throw. */
export async function pushBlob(client: RegistryClient, pushed: PushedBlob): Promise<PushOutcome> {
  if (await hasBlob(client, pushed.digest)) return 'there';
  for (let failures = 1; ; failures++) {
    const outcome = await attemptPush(client, pushed, failures === ATTEMPTS);
    if (typeof outcome === 'string') return outcome;
    await client.wait(failures, outcome.retryAfter);
  }
}

/** Whether the repository has a blob. */
async function hasBlob(client: RegistryClient, digest: BlobDigest): Promise<boolean> {
  const answer = await client.send({ method: 'HEAD', path: client.path('blobs', digest) });
  answer.drop();
  return answer.status === 200;
}

interface Failed {
  readonly retryAfter: string | undefined;
}

async function attemptPush(
  client: RegistryClient,
  pushed: PushedBlob,
  isLast: boolean,
): Promise<PushOutcome | Failed> {
  try {
    const begun = await begin(client, pushed);
    if (begun.status === 201) {
      begun.drop();
      return 'mounted';
    }
    const sent = begun.status === 202 ? await send(client, pushed, uploadUrl(begun)) : begun;
    if (sent.status === 201 || (sent.status === 204 && sent !== begun)) {
      sent.drop();
      return 'sent';
    }
    if (!isPassing(sent.status) || isLast)
      throw await refusal(sent, refusalCode(sent), 'a blob is not taken');
    sent.drop();
    return { retryAfter: sent.header('retry-after') };
  } catch (error) {
    const failure = error instanceof PlanishError ? error.cause : undefined;
    if (!(failure instanceof ConnectionFailure) || !failure.passing || isLast) throw error;
    return { retryAfter: undefined };
  }
}

function refusalCode({ status }: HttpAnswer): 'REGISTRY_UNREACHABLE' | 'REGISTRY_REFUSED' {
  return isPassing(status) ? 'REGISTRY_UNREACHABLE' : 'REGISTRY_REFUSED';
}

const EMPTY = { size: 0, pieces: () => [] };

/** Begins an upload, or has the blob taken from another repository. */
async function begin(client: RegistryClient, pushed: PushedBlob): Promise<HttpAnswer> {
  const mounted = await mount(client, pushed);
  const path = client.path('blobs', 'uploads/');
  return mounted ?? (await client.send({ method: 'POST', path, body: EMPTY, again: false }));
}

/** Has the blob taken over, or an upload begun; nothing where the registry does neither, or does not let us. */
async function mount(client: RegistryClient, { digest, from }: PushedBlob): Promise<HttpAnswer | undefined> {
  if (from === undefined || from === client.repository) return undefined;
  const query = new URLSearchParams({ mount: digest, from });
  const path = `${client.path('blobs', 'uploads/')}?${query}`;
  const scopes = [`repository:${from}:pull`];
  try {
    const answer = await client.send({ method: 'POST', path, body: EMPTY, again: false, scopes });
    if (answer.status === 201 || answer.status === 202) return answer;
    answer.drop();
    return undefined;
  } catch (error) {
    if (isPlanishError(error, 'REGISTRY_DENIED')) return undefined;
    throw error;
  }
}

/** Where an upload goes on. Throws `REGISTRY_BAD_ANSWER`. */
function uploadUrl(begun: HttpAnswer): URL {
  const location = begun.header('location') ?? '';
  begun.drop();
  if (location !== '' && URL.canParse(location, begun.url.href)) return new URL(location, begun.url);
  throw new PlanishError('REGISTRY_BAD_ANSWER', 'an upload was begun, and nowhere does it go on', {
    file: showUrl(begun.url),
  });
}

async function send(client: RegistryClient, pushed: PushedBlob, location: URL): Promise<HttpAnswer> {
  // What the query holds already is the registry's, and stays as it is to the letter.
  const mark = location.search === '' ? '?' : '&';
  const path = new URL(`${location.href}${mark}digest=${encodeURIComponent(pushed.digest)}`);
  const headers = { 'content-type': 'application/octet-stream' };
  const body = { size: pushed.blob.size, pieces: () => verified(pushed) };
  return await client.send({ method: 'PUT', path, headers, body, again: false });
}

/** The bytes of a blob; where they are others than they should be nothing is said to be complete. */
async function* verified({
  digest,
  blob,
  progress,
}: PushedBlob): AsyncGenerator<Uint8Array, void, undefined> {
  const { algorithm } = splitBlobDigest(digest);
  const hash = createHash(algorithm);
  let done = 0;
  for await (const piece of readBlob(blob)) {
    hash.update(piece);
    done += piece.length;
    const isLast = done === blob.size;
    if (isLast) verifyHash(blobDigest(algorithm, hash.digest('hex')), digest, blob.file);
    yield piece;
    progress?.(done);
  }
}

function verifyHash(actual: BlobDigest, expected: BlobDigest, file: string): void {
  if (actual === expected) return;
  throw new PlanishError('DIGEST_MISMATCH', 'a blob has not the digest that names it', {
    file,
    expected,
    actual,
  });
}

/**
 * Finds out whether blobs may be pushed at all, before there are any: begins an upload and gives it up. Throws
 * `REGISTRY_DENIED`, `REGISTRY_REFUSED`, `REGISTRY_UNREACHABLE`.
 */
export async function checkPush(client: RegistryClient): Promise<void> {
  const path = client.path('blobs', 'uploads/');
  const begun = await client.send({ method: 'POST', path, body: EMPTY, again: true });
  if (begun.status !== 202) throw await refusal(begun, 'REGISTRY_REFUSED', 'the registry takes no uploads');
  const url = uploadUrl(begun);
  // Registries that cannot give up uploads forget them after a while.
  const given = await client.send({ method: 'DELETE', path: url, again: false }).catch(() => undefined);
  given?.drop();
}
