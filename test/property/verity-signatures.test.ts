/** Whatever is done to an fs-verity signature, or to the artifact that holds it, it is refused, and never by an exception of another kind. */

import { expect, it } from 'vitest';
import { verityDigest } from '../../src/bytes/digest.ts';
import { isPlanishError } from '../../src/errors.ts';
import { buildArtifact } from '../../src/oci/attachments.ts';
import type { Descriptor } from '../../src/oci/descriptor.ts';
import { formatJson } from '../../src/oci/json.ts';
import { parseManifest } from '../../src/oci/manifest.ts';
import { parseSealingArtifact, SEALING_ARTIFACT, SEALING_SIGNATURE } from '../../src/sign/sealing.ts';
import { signVerityDigest, verifyVeritySignature } from '../../src/sign/verity-signature.ts';
import { fc } from '../support/property.ts';
import { testCertificate, testSigner } from '../support/test-keys.ts';

const runs = { numRuns: process.env['CI'] === undefined ? 200 : 1000 };
const digest = verityDigest('5a'.repeat(64));

function refused(action: () => unknown): boolean {
  try {
    action();
    return false;
  } catch (error) {
    if (!isPlanishError(error) || error.kind === 'internal') throw error;
    return true;
  }
}

it.each(['db', 'p256'])('a signature by %s of which any byte is another', async (name) => {
  const certificate = testCertificate(name);
  const signature = await signVerityDigest(digest, certificate, testSigner(name));
  expect(verifyVeritySignature(signature, digest, [certificate]).signer).toBe(certificate);
  fc.assert(
    fc.property(fc.nat(signature.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
      const changed = Buffer.from(signature);
      changed[at] = (changed[at] ?? 0) ^ mask;
      expect(refused(() => verifyVeritySignature(changed, digest, [certificate]))).toBe(true);
      expect(refused(() => verifyVeritySignature(signature.subarray(0, at), digest, [certificate]))).toBe(
        true,
      );
    }),
    runs,
  );
});

const KEYS = ['manifest', 'config', 'merged.erofs.v1', 'merged.bootable.erofs.v1', 'layer.erofs.v1', 'x'];

it('an artifact of any entries in any order, but for those of the specification', () => {
  const entry = fc.record({
    thing: fc.constantFrom(...KEYS),
    algorithm: fc.constantFrom('sha256', 'sha512'),
    good: fc.boolean(),
    type: fc.constantFrom(SEALING_SIGNATURE, SEALING_SIGNATURE, SEALING_SIGNATURE, 'a/b'),
  });
  const subject = { mediaType: 'a/b', digest: `sha256:${'0'.repeat(64)}`, size: 1 } as Descriptor;
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 5 }), (entries) => {
      const layers = entries.map(({ thing, algorithm, good, type }): Descriptor => {
        const value = good ? 'a'.repeat(algorithm === 'sha256' ? 64 : 128) : 'b';
        return {
          ...subject,
          mediaType: type,
          annotations: { [`composefs.${thing}.fsverity-${algorithm}-12`]: value },
        };
      });
      const artifact = buildArtifact({ artifactType: SEALING_ARTIFACT, layers, subject });
      const manifest = parseManifest(formatJson(artifact), 'artifact');
      const things = entries.map(({ thing }) => thing).join();
      const algorithms = new Set(entries.map(({ algorithm }) => algorithm));
      const isRight =
        [KEYS.slice(0, 3).join(), KEYS.slice(0, 4).join()].includes(things) &&
        algorithms.size === 1 &&
        entries.every(({ good, type }) => good && type === SEALING_SIGNATURE);
      expect(refused(() => parseSealingArtifact(manifest))).toBe(!isRight);
    }),
    { numRuns: 2000 },
  );
});
