/**
 * Opens boxes of NaCl (`crypto_secretbox`: XSalsa20 and Poly1305), which cosign encrypts its private keys with and
 * `node:crypto` does not have. Only for small inputs.
 */
import { timingSafeEqual } from 'node:crypto';

const KEY_BYTES = 32;
const NONCE_BYTES = 24;
const TAG_BYTES = 16;
const BLOCK_BYTES = 64;
/** The key of Poly1305 is the start of the stream. */
const TAG_KEY_BYTES = 32;

/** The content of a box; `undefined` when it was changed, or the key is another. */
export function openSecretBox(box: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array | undefined {
  if (key.length !== KEY_BYTES || nonce.length !== NONCE_BYTES || box.length < TAG_BYTES) return undefined;
  const cipher = box.subarray(TAG_BYTES);
  const stream = keyStream(TAG_KEY_BYTES + cipher.length, nonce, key);
  const tag = poly1305(cipher, stream.subarray(0, TAG_KEY_BYTES));
  if (!timingSafeEqual(tag, box.subarray(0, TAG_BYTES))) return undefined;
  return cipher.map((byte, at) => byte ^ (stream[TAG_KEY_BYTES + at] ?? 0));
}

/** The stream of XSalsa20: Salsa20 with a key made of the key and the first 16 bytes of the nonce. */
function keyStream(length: number, nonce: Uint8Array, key: Uint8Array): Uint8Array {
  const mixed = mix(state(key, wordsOf(nonce.subarray(0, 16))));
  const subkey = Buffer.alloc(KEY_BYTES);
  [0, 5, 10, 15, 6, 7, 8, 9].forEach((word, at) => {
    subkey.writeUInt32LE(mixed[word] ?? 0, at * 4);
  });
  const stream = Buffer.alloc(Math.ceil(length / BLOCK_BYTES) * BLOCK_BYTES);
  for (let block = 0; block * BLOCK_BYTES < length; block++) {
    const input = state(subkey, Uint32Array.of(...wordsOf(nonce.subarray(16)), block, 0));
    mix(input).forEach((word, at) => {
      stream.writeUInt32LE((word + (input[at] ?? 0)) >>> 0, block * BLOCK_BYTES + at * 4);
    });
  }
  return stream;
}

/** "expand 32-byte k", between which the key and the input stand. */
const SIGMA = wordsOf(Buffer.from('expand 32-byte k', 'latin1'));

function state(key: Uint8Array, input: Uint32Array): Uint32Array {
  const [s0 = 0, s1 = 0, s2 = 0, s3 = 0] = SIGMA;
  const words = wordsOf(key);
  return Uint32Array.of(s0, ...words.subarray(0, 4), s1, ...input, s2, ...words.subarray(4), s3);
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  const buffer = Buffer.from(bytes);
  return Uint32Array.from({ length: bytes.length / 4 }, (_, at) => buffer.readUInt32LE(at * 4));
}

/** Quarter rounds of a column round, then of a row round (Salsa20 specification, sections 4 and 5). */
const QUARTERS: readonly (readonly [number, number, number, number])[] = [
  [0, 4, 8, 12],
  [5, 9, 13, 1],
  [10, 14, 2, 6],
  [15, 3, 7, 11],
  [0, 1, 2, 3],
  [5, 6, 7, 4],
  [10, 11, 8, 9],
  [15, 12, 13, 14],
];

/** Twenty rounds, without the addition of the input. */
function mix(input: Uint32Array): Uint32Array {
  const x = Uint32Array.from(input);
  const step = (target: number, a: number, b: number, shift: number): void => {
    const sum = ((x[a] ?? 0) + (x[b] ?? 0)) >>> 0;
    x[target] = (x[target] ?? 0) ^ ((sum << shift) | (sum >>> (32 - shift)));
  };
  for (let round = 0; round < 10; round++) {
    for (const [a, b, c, d] of QUARTERS) {
      step(b, a, d, 7);
      step(c, b, a, 9);
      step(d, c, b, 13);
      step(a, d, c, 18);
    }
  }
  return x;
}

const PRIME = (1n << 130n) - 5n;
const CLAMP = 0x0ffffffc0ffffffc0ffffffc0fffffffn;

/** RFC 8439, section 2.5. */
function poly1305(bytes: Uint8Array, key: Uint8Array): Uint8Array {
  const r = littleEndian(key.subarray(0, 16)) & CLAMP;
  let sum = 0n;
  for (let at = 0; at < bytes.length; at += 16) {
    sum = ((sum + littleEndian(Buffer.from([...bytes.subarray(at, at + 16), 1]))) * r) % PRIME;
  }
  const tag = (sum + littleEndian(key.subarray(16))) & ((1n << 128n) - 1n);
  return Buffer.from(tag.toString(16).padStart(32, '0'), 'hex').reverse();
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}
