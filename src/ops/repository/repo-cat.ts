/** `repo cat`: a file that the repository has in parts, byte for byte. */
import { createHash } from 'node:crypto';
import { blobDigest, isBlobDigest, type VerityDigest } from '../../bytes/digest.ts';
import { PlanishError } from '../../errors.ts';
import { VerityHasher } from '../../fsverity/verity-hasher.ts';
import { parseStreamName } from '../../repo/check-streams.ts';
import { resolveManifest } from '../../repo/images.ts';
import { isObjectName, streamName } from '../../repo/names.ts';
import { objectPieces, streamBytes } from '../../repo/read-layer.ts';
import type { Repository } from '../../repo/repository.ts';
import { findStream } from '../../repo/streams.ts';
import type { CommonOptions } from '../session.ts';
import { withRepository } from './with-repository.ts';

/**
 * Gives the bytes of a layer, config or manifest (by stream name or digest), of an object (by fs-verity digest), or of a
 * tag's manifest. Throws `NO_SUCH_IMAGE`, and `DIFFID_MISMATCH`, `DIGEST_MISMATCH` or `VERITY_MISMATCH` at the end where
 * what was given is not what was asked for.
 */
export async function repoCat(
  path: string,
  name: string,
  sink: (piece: Uint8Array) => void,
  options: CommonOptions = {},
): Promise<void> {
  await withRepository(path, options, { lock: 'shared', write: false }, async (repository, session) => {
    const check = (piece: Uint8Array): void => {
      session.checkInterrupted();
      sink(piece);
    };
    if (isObjectName(name, repository.algorithm)) catObject(repository, name, check);
    else await catStream(repository, findName(repository, name), check);
  });
}

/** Name of the stream that is meant. */
function findName(repository: Repository, name: string): string {
  const digest = name.startsWith('@') ? name.slice(1) : name;
  const names = isBlobDigest(digest)
    ? (['layer', 'config', 'manifest'] as const).map((kind) => streamName(kind, digest))
    : [name];
  const safe = names.filter(
    (candidate) => !candidate.includes('/') && candidate !== 'refs' && candidate !== '',
  );
  const found = safe.find((candidate) => repository.findEntry('streams', candidate) !== undefined);
  return found ?? streamName('manifest', resolveManifest(repository, name));
}

async function catStream(
  repository: Repository,
  name: string,
  sink: (piece: Uint8Array) => void,
): Promise<void> {
  const title = parseStreamName(name);
  const opened = await findStream(repository, name, undefined);
  if (opened === undefined)
    throw new PlanishError('NO_SUCH_IMAGE', 'there is no such stream', { expected: name });
  const hash = createHash('sha256');
  for await (const piece of streamBytes(repository, opened)) {
    hash.update(piece);
    sink(piece);
  }
  const actual = blobDigest('sha256', hash.digest('hex'));
  if (title === undefined || title.digest === actual) return;
  const code = title.kind === 'layer' ? 'DIFFID_MISMATCH' : 'DIGEST_MISMATCH';
  throw new PlanishError(code, 'what was written is not what its name says', {
    expected: title.digest,
    actual,
  });
}

function catObject(repository: Repository, digest: VerityDigest, sink: (piece: Uint8Array) => void): void {
  const hasher = new VerityHasher(repository.algorithm);
  for (const piece of objectPieces(repository, digest)) {
    hasher.update(piece);
    sink(piece);
  }
  const actual = hasher.digest();
  if (actual === digest) return;
  throw new PlanishError('VERITY_MISMATCH', 'an object is not what its name says', {
    expected: digest,
    actual,
  });
}
