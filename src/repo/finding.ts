/** What `repo fsck` finds, and the closed table of its kinds. */
import type { VerityDigest } from '../bytes/digest.ts';

/** Every kind of finding and its meaning in one sentence. */
export const REPOSITORY_PROBLEMS = {
  'meta-bad': 'The file meta.json is missing, malformed, or of an unknown kind.',
  'object-name': 'Something among the objects has no name of an object.',
  'object-kind': 'An object is no regular file.',
  'object-digest': 'An object has not the fs-verity digest that names it.',
  'object-verity': 'The repository is secure, and the kernel does not enforce the digest of an object.',
  'object-missing': 'Something refers to an object that is not there.',
  'entry-bad': 'An entry of images or streams is no link to an object.',
  'entry-dangling': 'An entry of images or streams leads to an object that is not there.',
  'ref-bad': 'A reference is no link to an entry of its own directory.',
  'ref-dangling': 'A reference leads to an entry that is not there.',
  'stream-bad': 'A splitstream is malformed.',
  'stream-kind': 'A stream is of another kind than its name says.',
  'layer-bad': 'A layer is no tar that hosts can read.',
  'layer-diffid': 'A layer is not the one that its name says.',
  'document-bad': 'A manifest or config is malformed, or disagrees with what belongs to it.',
  'document-digest': 'A manifest, config or blob has not the SHA-256 digest that names it.',
  'image-bad': 'An EROFS image is malformed.',
  'image-name': 'An image has another digest than its name says.',
} as const satisfies Readonly<Record<string, string>>;

/** Kind of a finding. */
export type RepositoryProblem = keyof typeof REPOSITORY_PROBLEMS;

/** One thing that is wrong; plain data. */
export interface Finding {
  readonly problem: RepositoryProblem;
  /** Path in the repository, for display. */
  readonly path: string;
  /** One lower-case sentence without a full stop. */
  readonly message: string;
  /** The object concerned. */
  readonly object?: VerityDigest | undefined;
}
