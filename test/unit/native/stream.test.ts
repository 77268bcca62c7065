import { createHash } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { computeVerityDigests } from '../../../src/fsverity/digest.ts';
import { CRYPTO_BACKEND, makeNativeBackend } from '../../../src/fsverity/hash.ts';
import { StreamHash } from '../../../src/fsverity/stream-hash.ts';
import { VerityHasher } from '../../../src/fsverity/verity-hasher.ts';
import { CHOSEN_KERNEL, type NativeHelpers } from '../../../src/native/contract.ts';
import { fc } from '../../support/property.ts';
import { sample } from '../compress/streams.ts';
import { removeDirectories } from '../io/rootfs-fixture.ts';
import { findCompiler, freshHelpers } from './build-helpers.ts';

afterAll(removeDirectories);

const helpers = freshHelpers() as NativeHelpers;
const present = findCompiler() !== undefined;
const content = sample(400_000);
const runs = present && helpers.streamStateBytes() > 0;
if (present && !runs)
  process.stderr.write('SKIPPED: hashing of streams: the processor has no SHA extensions\n');

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** What `used` makes of two streams, piece by piece, beside contents that lie in the pieces of the first. */
function digests(lengths: readonly (readonly [number, number])[], used: NativeHelpers | undefined): string[] {
  const [first, second] = [new StreamHash('sha256', used), new StreamHash('sha256', used)];
  const beside =
    used === undefined ? CRYPTO_BACKEND : makeNativeBackend(used, CRYPTO_BACKEND, CHOSEN_KERNEL, first);
  const hasher = new VerityHasher('sha256', beside);
  const verity: string[] = [];
  for (const [one, two] of lengths) {
    const piece = content.subarray(two, two + one);
    first.push(piece);
    second.push(content.subarray(0, two));
    const half = Math.floor(one / 2);
    verity.push(
      ...computeVerityDigests(piece, [0, half], [Math.min(one, 100), one - half], 'sha256', beside),
    );
    hasher.update(piece, 0, half);
    first.settle(second);
    second.settle();
  }
  return [first.digest(), second.digest(), hasher.digest(), ...verity];
}

describe('StreamHash', () => {
  it('without helpers, or by another algorithm, is node:crypto', () => {
    const digest = createHash('sha512').update(content).digest('hex');
    const hash = new StreamHash('sha512', present ? helpers : undefined);
    hash.push(content);
    expect(hash.state).toBeUndefined();
    hash.settle();
    expect(hash.digest()).toBe(digest);
  });

  it.skipIf(!runs)('equals its twin for every length', () => {
    for (let length = 0; length < 200; length++) {
      const hash = new StreamHash('sha256', helpers);
      hash.push(content.subarray(0, length));
      hash.push(content.subarray(length, 300));
      expect(hash.state === undefined).toBe(false);
      expect(hash.digest()).toBe(sha256(content.subarray(0, 300)));
    }
  });

  it.skipIf(!runs)('equals its twin beside contents and another stream', () => {
    const length = fc.oneof(fc.nat(200), fc.nat(130_000));
    fc.assert(
      fc.property(fc.array(fc.tuple(length, length), { maxLength: 4 }), (lengths) => {
        expect(digests(lengths, helpers)).toEqual(digests(lengths, undefined));
      }),
      { numRuns: 60 },
    );
  });

  it.skipIf(!runs)('is taken along by what hashes many blocks', () => {
    const hash = new StreamHash('sha256', helpers);
    const backend = makeNativeBackend(helpers, CRYPTO_BACKEND, CHOSEN_KERNEL, hash);
    hash.push(content.subarray(0, 300_000));
    computeVerityDigests(content, [0], [200_000], 'sha512', backend);
    expect(hash.waiting.length).toBe(300_000);
    computeVerityDigests(content, [0], [200_000], 'sha256', backend);
    expect(hash.waiting.length).toBeLessThan(100_000);
    expect(hash.digest()).toBe(sha256(content.subarray(0, 300_000)));
  });

  it.skipIf(!runs)('refuses what is no stream', () => {
    const state = new Uint8Array(helpers.streamStateBytes());
    const bytes = new Uint8Array(64);
    expect(() => helpers.addToStreams(state, bytes)).toThrow(TypeError);
    expect(() => helpers.beginStream(state.subarray(1))).toThrow(TypeError);
    expect(helpers.beginStream(state)).toBe(0);
    expect(() => helpers.addToStreams(state, bytes, state, bytes)).toThrow(TypeError);
    expect(() => helpers.endStream(state, new Uint8Array(31))).toThrow(TypeError);
    expect(helpers.endStream(state, bytes)).toBe(0);
    expect(Buffer.from(bytes.subarray(0, 32)).toString('hex')).toBe(sha256(new Uint8Array(0)));
    expect(() => helpers.endStream(state, bytes)).toThrow(TypeError);
    expect(() => helpers.verityBatch(bytes, new Float64Array(0), 1, bytes, state, bytes)).toThrow(TypeError);
  });
});
