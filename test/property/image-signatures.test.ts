/** Whatever is done to a bundle or payload, it is judged, never an exception, and never valid unless it says the same. */

import { expect, it } from 'vitest';
import type { BlobDigest } from '../../src/bytes/digest.ts';
import { judgeBundle, judgePayload, signBundle, signPayload } from '../../src/sign/image-signature.ts';
import { fc, place } from '../support/property.ts';
import { testSigner } from '../support/test-keys.ts';

const digest = `sha256:${'a1'.repeat(32)}` as BlobDigest;
const signer = testSigner('p256');
const expectation = { digest, keys: [signer.publicKey] };
const runs = { numRuns: process.env['CI'] === undefined ? 300 : 2000 };

/** Positions as fractions of the length, and what is done there. */
const mutation = fc.record({
  at: place,
  how: fc.constantFrom('flip', 'cut', 'insert', 'drop'),
  byte: fc.integer({ min: 1, max: 255 }),
});

function mutate(bytes: Uint8Array, { at, how, byte }: { at: number; how: string; byte: number }): Buffer {
  const start = Math.floor(at * bytes.length);
  const before = bytes.subarray(0, start);
  if (how === 'cut') return Buffer.from(before);
  if (how === 'insert') return Buffer.concat([before, Buffer.of(byte), bytes.subarray(start)]);
  const after = bytes.subarray(start + 1);
  return how === 'drop'
    ? Buffer.concat([before, after])
    : Buffer.concat([before, Buffer.of((bytes[start] ?? 0) ^ byte), after]);
}

it('bundles', async () => {
  const bundle = await signBundle(signer, digest);
  const canonical = (bytes: Uint8Array): string => {
    const { dsseEnvelope } = JSON.parse(Buffer.from(bytes).toString());
    return `${dsseEnvelope.payload} ${dsseEnvelope.payloadType}`;
  };
  fc.assert(
    fc.property(mutation, (change) => {
      const changed = mutate(bundle, change);
      const { outcome } = judgeBundle(changed, expectation);
      if (outcome === 'valid') expect(canonical(changed)).toBe(canonical(bundle));
    }),
    runs,
  );
});

it('payloads and signatures', async () => {
  const { payload, signature } = await signPayload(signer, digest, 'registry.example/os');
  fc.assert(
    fc.property(mutation, mutation, (first, second) => {
      expect(judgePayload({ payload: mutate(payload, first), signature }, expectation).outcome).toBe(
        'other-key',
      );
      const changed = mutate(signature, second);
      expect(judgePayload({ payload, signature: changed }, expectation).outcome).toBe('other-key');
    }),
    runs,
  );
});

it('bytes of any kind', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.json(), (bytes, json) => {
      for (const input of [bytes, Buffer.from(json)]) {
        expect(['malformed', 'other-key']).toContain(judgeBundle(input, expectation).outcome);
        expect(judgePayload({ payload: input, signature: input }, expectation).outcome).toBe('other-key');
      }
    }),
    runs,
  );
});
