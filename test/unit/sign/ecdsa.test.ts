import { createPrivateKey, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { decodeDer } from '../../../src/der/reader.ts';
import {
  encodeElement,
  encodeOctets,
  encodeOid,
  encodeSequence,
  encodeSmallInteger,
} from '../../../src/der/writer.ts';
import type { SignatureHash } from '../../../src/sign/algorithms.ts';
import { signEcdsa } from '../../../src/sign/ecdsa.ts';

const OIDS = { 'P-256': '1.2.840.10045.3.1.7', 'P-384': '1.3.132.0.34' } as const;

/** A private key from its number (SEC 1). */
function privateKey(curve: keyof typeof OIDS, secret: string): ReturnType<typeof createPrivateKey> {
  const parameters = encodeElement(0xa0, encodeOid(OIDS[curve]));
  const key = encodeSequence(encodeSmallInteger(1), encodeOctets(Buffer.from(secret, 'hex')), parameters);
  return createPrivateKey({ key: Buffer.from(key), format: 'der', type: 'sec1' });
}

/** The two numbers of a signature. */
function numbers(signature: Uint8Array): string[] {
  const values = decodeDer(signature).children();
  return values.map((value) =>
    BigInt(`0x${Buffer.from(value.integerBytes('n')).toString('hex')}`).toString(16),
  );
}

const P256 = 'c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721';
const P384 =
  '6b9d3dad2e1b8c1c05b19875b6659f4de23c3b667bf297ba9aa47740787137d896d5724e4c70a825f872c9ea60d2edf5';

// RFC 6979, A.2.5 and A.2.6.
test.each<[keyof typeof OIDS, string, SignatureHash, string, string, string]>([
  [
    'P-256',
    P256,
    'sha256',
    'sample',
    'efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716',
    'f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8',
  ],
  [
    'P-256',
    P256,
    'sha512',
    'sample',
    '8496a60b5e9b47c825488827e0495b0e3fa109ec4568fd3f8d1097678eb97f00',
    '2362ab1adbe2b8adf9cb9edab740ea6049c028114f2460f96554f61fae3302fe',
  ],
  [
    'P-256',
    P256,
    'sha256',
    'test',
    'f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367',
    '19f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083',
  ],
  [
    'P-384',
    P384,
    'sha256',
    'sample',
    '21b13d1e013c7fa1392d03c5f99af8b30c570c6f98d4ea8e354b63a21d3daa33bde1e888e63355d92fa2b3c36d8fb2cd',
    'f3aa443fb107745bf4bd77cb3891674632068a10ca67e3d45db2266fa7d1feebefdc63eccd1ac42ec0cb8668a4fa0ab0',
  ],
])('%s signs as RFC 6979 says', (curve, secret, hash, message, r, s) => {
  expect(numbers(signEcdsa(privateKey(curve, secret), Buffer.from(message), hash))).toEqual([r, s]);
});

describe.each(['prime256v1', 'secp384r1', 'secp521r1'])('%s', (namedCurve) => {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve });

  test.each<SignatureHash>(['sha256', 'sha384', 'sha512'])(
    'with %s: OpenSSL verifies it, and it never changes',
    (hash) => {
      for (let count = 0; count < 20; count += 1) {
        const message = Buffer.from(`message ${count}`);
        const signature = signEcdsa(key, message, hash);
        expect(verify(hash, message, createPublicKey(key), signature)).toBe(true);
        expect(signEcdsa(key, message, hash)).toEqual(signature);
      }
    },
  );
});
