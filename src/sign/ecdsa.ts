/**
 * ECDSA signatures that are the same every time: the nonce comes from key and message (RFC 6979), where `node:crypto`
 * takes a random one. Points are multiplied by OpenSSL; what is left is arithmetic modulo the order of the curve. It is
 * done with BigInt, whose time depends on the numbers, so nonce and key are multiplied by a random number first. That
 * number cancels out.
 */
import { createECDH, createHash, createHmac, type KeyObject, randomBytes, sign } from 'node:crypto';
import { encodeSequence, encodeUnsigned } from '../der/writer.ts';
import { PlanishError } from '../errors.ts';
import type { SignatureHash } from './algorithms.ts';

interface Curve {
  readonly order: bigint;
  readonly bits: number;
}

/** Orders of the NIST curves (FIPS 186-4, D.1.2), by their names in OpenSSL. */
const CURVES: Readonly<Record<string, Curve>> = {
  prime256v1: {
    order: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
    bits: 256,
  },
  secp384r1: {
    order:
      0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
    bits: 384,
  },
  secp521r1: {
    order:
      0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
    bits: 521,
  },
};

/** Names of the curves that {@link signEcdsa} knows. */
export const ECDSA_CURVES: readonly string[] = Object.keys(CURVES);

/**
 * The DER signature of a message by a private key on one of {@link ECDSA_CURVES}; for a key elsewhere, one with a random
 * nonce.
 */
export function signEcdsa(key: KeyObject, message: Uint8Array, hash: SignatureHash): Uint8Array {
  const name = key.asymmetricKeyDetails?.namedCurve ?? '';
  const curve = CURVES[name];
  if (curve === undefined) return sign(hash, message, key);
  const secret = BigInt(
    `0x${Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url').toString('hex')}`,
  );
  const digest = createHash(hash).update(message).digest();
  const z = leftmostBits(digest, curve.bits) % curve.order;
  for (const nonce of nonces(curve, secret, z, hash)) {
    const r = abscissa(name, toBytes(nonce, curve)) % curve.order;
    const s = r === 0n ? 0n : finish(curve, nonce, secret, r, z);
    if (s !== 0n) return encodeSequence(encodeUnsigned(toBytes(r, curve)), encodeUnsigned(toBytes(s, curve)));
  }
  throw new PlanishError('INVARIANT', 'no nonce gave a signature');
}

/** (z + r·d) / k, blinded. */
function finish({ order }: Curve, nonce: bigint, secret: bigint, r: bigint, z: bigint): bigint {
  const blind = (BigInt(`0x${randomBytes(32).toString('hex')}`) % (order - 1n)) + 1n;
  const sum = (blind * z + ((blind * secret) % order) * r) % order;
  return (sum * inverse((blind * nonce) % order, order)) % order;
}

/** RFC 6979, 3.2: a deterministic stream of numbers from 1 to order - 1. */
function* nonces(curve: Curve, secret: bigint, z: bigint, hash: SignatureHash): Generator<bigint> {
  const hmac = (key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer =>
    createHmac(hash, key).update(Buffer.concat(parts)).digest();
  const seed = Buffer.concat([toBytes(secret, curve), toBytes(z, curve)]);
  const length = createHash(hash).digest().length;
  let v: Buffer = Buffer.alloc(length, 1);
  let k: Buffer = Buffer.alloc(length, 0);
  for (const step of [0, 1]) {
    k = hmac(k, v, Uint8Array.of(step), seed);
    v = hmac(k, v);
  }
  for (;;) {
    const parts: Buffer[] = [];
    for (let have = 0; have * 8 < curve.bits; have += length) {
      v = hmac(k, v);
      parts.push(v);
    }
    const candidate = leftmostBits(Buffer.concat(parts), curve.bits);
    if (candidate >= 1n && candidate < curve.order) yield candidate;
    k = hmac(k, v, Uint8Array.of(0));
    v = hmac(k, v);
  }
}

/** RFC 6979, 2.3.2: the leftmost bits as a number. */
function leftmostBits(bytes: Uint8Array, bits: number): bigint {
  const value = BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
  const excess = bytes.length * 8 - bits;
  return excess > 0 ? value >> BigInt(excess) : value;
}

/** RFC 6979, 2.3.3: a number in as many bytes as the order has. */
function toBytes(value: bigint, { bits }: Curve): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * Math.ceil(bits / 8), '0'), 'hex');
}

/** The x coordinate of `scalar` times the base point. */
function abscissa(curve: string, scalar: Buffer): bigint {
  const ecdh = createECDH(curve);
  ecdh.setPrivateKey(scalar);
  const point = ecdh.getPublicKey();
  return BigInt(`0x${point.subarray(1, 1 + (point.length - 1) / 2).toString('hex')}`);
}

/** The inverse modulo a prime, by Euclid's algorithm. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b] = [value, modulus];
  let [x, y] = [1n, 0n];
  while (b !== 0n) {
    const quotient = a / b;
    [a, b] = [b, a - quotient * b];
    [x, y] = [y, x - quotient * y];
  }
  return ((x % modulus) + modulus) % modulus;
}
