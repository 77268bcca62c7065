/** Fetches manifests and indexes, by tag or digest. What the registry says of their digests is not believed. */
import { createHash } from 'node:crypto';
import { type BlobDigest, blobDigest, splitBlobDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { verifyDigest } from '../io/blob-store.ts';
import { type Descriptor, verifySize } from '../oci/descriptor.ts';
import { isAbsent, parseJsonObject } from '../oci/json.ts';
import { documentKind, MEDIA_TYPES } from '../oci/media-types.ts';
import { readBody, refusal, showUrl } from './answers.ts';
import type { HttpAnswer } from './exchange.ts';
import { checkEncoding } from './fetch-blob.ts';
import type { RegistryClient } from './registry-client.ts';
import { ATTEMPTS } from './retry.ts';

/** A manifest or index as it came, with the descriptor that its bytes have. */
export interface FetchedDocument {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
}

/** All four; without those of OCI, some registries say that there is nothing. */
const ACCEPT = [
  MEDIA_TYPES.ociIndex,
  MEDIA_TYPES.ociManifest,
  MEDIA_TYPES.dockerIndex,
  MEDIA_TYPES.dockerManifest,
].join(', ');

/** The document under a tag, or `undefined` where there is none. Throws as {@link fetchManifest}. */
export async function findManifest(
  client: RegistryClient,
  reference: string,
): Promise<FetchedDocument | undefined> {
  for (let failures = 1; ; failures++) {
    const path = client.path('manifests', reference);
    const answer = await client.send({ method: 'GET', path, headers: { accept: ACCEPT } });
    if (answer.status === 404) {
      answer.drop();
      return undefined;
    }
    if (answer.status !== 200) throw await refusal(answer, 'REGISTRY_REFUSED', 'a manifest is not given');
    checkEncoding(answer);
    const bytes = await readAgain(client, answer, failures);
    if (bytes === undefined) continue;
    return { descriptor: describe(answer, bytes, reference), bytes };
  }
}

/** The document; `undefined` where it was cut, and may be asked for again. */
async function readAgain(
  client: RegistryClient,
  answer: HttpAnswer,
  failures: number,
): Promise<Uint8Array | undefined> {
  try {
    return await readBody(answer, 'jsonBytes');
  } catch (error) {
    const passing = error instanceof Error && 'passing' in error && error.passing === true;
    if (!passing || failures === ATTEMPTS) throw client.explain(error, answer.url);
    await client.wait(failures);
    return undefined;
  }
}

/** The document that a descriptor names, with its size and digest. Throws `BLOB_MISSING`, `DIGEST_MISMATCH`. */
export async function fetchManifest(client: RegistryClient, wanted: Descriptor): Promise<FetchedDocument> {
  const found = await findManifest(client, wanted.digest);
  const file = `${client.host}${client.path('manifests', wanted.digest)}`;
  if (found === undefined) {
    const message = `the registry ${client.host} has no manifest ${wanted.digest}`;
    throw new PlanishError('BLOB_MISSING', message, { file });
  }
  verifySize(wanted, found.bytes.length);
  return { descriptor: wanted, bytes: found.bytes };
}

function describe(answer: HttpAnswer, bytes: Uint8Array, reference: string): Descriptor {
  const asked = reference.includes(':') ? (reference as BlobDigest) : undefined;
  const { algorithm } = asked === undefined ? { algorithm: 'sha256' as const } : splitBlobDigest(asked);
  if (asked !== undefined) verifyDigest(bytes, asked, 'a manifest', showUrl(answer.url));
  const digest = blobDigest(algorithm, createHash(algorithm).update(bytes).digest('hex'));
  return { mediaType: mediaTypeOf(answer, bytes), digest, size: bytes.length };
}

/**
 * The type that the registry states, if it is that of a manifest or index; else that which the document states, or
 * which it has by its shape, for registries that know no types.
 */
function mediaTypeOf(answer: HttpAnswer, bytes: Uint8Array): string {
  const stated = (answer.header('content-type') ?? '').split(';')[0]?.trim() ?? '';
  if (documentKind(stated) !== 'other') return stated;
  const document = parseJsonObject(bytes, 'the manifest');
  const own = document['mediaType'];
  if (!isAbsent(own)) return String(own);
  return isAbsent(document['manifests']) ? MEDIA_TYPES.ociManifest : MEDIA_TYPES.ociIndex;
}
