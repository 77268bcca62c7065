/** Pushes manifests and indexes, and sees to it that a referrer is found from what it refers to. */
import type { BlobDigest } from '../bytes/digest.ts';
import { addReferrer, referrerEntry, referrersTag } from '../oci/attachments.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { formatJson } from '../oci/json.ts';
import { parseIndex, parseManifest } from '../oci/manifest.ts';
import { documentKind, MEDIA_TYPES } from '../oci/media-types.ts';
import { refusal } from './answers.ts';
import { findReferrersIndex } from './fetch-attachments.ts';
import type { RegistryClient } from './registry-client.ts';

/**
 * Puts a document under a tag, or under its digest. Where the registry does not say that it keeps lists of referrers, the
 * index that stands in for one gets an entry. Throws `REGISTRY_REFUSED`, and what sending a request throws.
 */
export async function pushManifest(
  client: RegistryClient,
  descriptor: Descriptor,
  bytes: Uint8Array,
  reference: string,
): Promise<void> {
  const kept = await put(client, descriptor.mediaType, bytes, reference);
  if (documentKind(descriptor.mediaType) !== 'manifest') return;
  const manifest = parseManifest(bytes, `manifest ${descriptor.digest}`);
  if (manifest.subject === undefined || kept === manifest.subject.digest) return;
  await addToList(client, manifest.subject.digest, referrerEntry(descriptor, manifest));
}

/** Gives the subject that the registry took note of. */
async function put(
  client: RegistryClient,
  mediaType: string,
  bytes: Uint8Array,
  reference: string,
): Promise<string | undefined> {
  const answer = await client.send({
    method: 'PUT',
    path: client.path('manifests', reference),
    headers: { 'content-type': mediaType },
    body: { size: bytes.length, pieces: () => [bytes] },
  });
  if (answer.status < 200 || answer.status > 202)
    throw await refusal(answer, 'REGISTRY_REFUSED', 'a manifest is not taken');
  answer.drop();
  return answer.header('oci-subject');
}

/** Adds an entry to the index under the tag of a subject, which is made where there is none. */
async function addToList(client: RegistryClient, subject: BlobDigest, entry: Descriptor): Promise<void> {
  const tag = referrersTag(subject);
  const before = await findReferrersIndex(client, subject);
  const list = before === undefined ? undefined : parseIndex(before.bytes, `referrers of ${subject}`);
  const next = addReferrer(list, entry);
  if (list !== undefined && next.manifests.length === list.manifests.length) return;
  await put(client, MEDIA_TYPES.ociIndex, formatJson(next), tag);
}
