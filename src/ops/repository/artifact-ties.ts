/** What is attached to what: an artifact may be to several manifests, and none to itself, however far around. */
import type { BlobDigest } from '../../bytes/digest.ts';

/** See the module. */
export class ArtifactTies {
  readonly #subjects = new Map<string, Set<string>>();
  #count = 0;

  /** Ties that were noted. */
  get count(): number {
    return this.#count;
  }

  has(subject: BlobDigest, artifact: string): boolean {
    return this.#subjects.get(artifact)?.has(subject) === true;
  }

  add(subject: BlobDigest, artifact: string): void {
    const subjects = this.#subjects.get(artifact) ?? new Set();
    this.#subjects.set(artifact, subjects.add(subject));
    this.#count += 1;
  }

  /** Whether something attached to `subject` would be attached to itself: it would keep itself alive for ever. */
  makesRing(subject: BlobDigest, artifact: string): boolean {
    const seen = new Set<string>([subject]);
    for (const one of seen) {
      if (one === artifact) return true;
      for (const above of this.#subjects.get(one) ?? []) seen.add(above);
    }
    return false;
  }
}
