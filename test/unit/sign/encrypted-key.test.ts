/** Boxes of NaCl by its own vector, and a private key that cosign 2.5 made. */
import { createPublicKey } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { openCosignKey } from '../../../src/sign/encrypted-key.ts';
import { parsePrivateKey } from '../../../src/sign/keys.ts';
import { parsePem } from '../../../src/sign/pem.ts';
import { openSecretBox } from '../../../src/sign/secretbox.ts';
import { keyBytes } from '../../support/test-keys.ts';
import { failure } from '../io/sample-image.ts';

/** NaCl, tests/secretbox.c: key, nonce, message, box. */
const KEY = Buffer.from('1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389', 'hex');
const NONCE = Buffer.from('69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37', 'hex');
const MESSAGE =
  'be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f4' +
  '1db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52' +
  'f0a089bc76897040e082f937763848645e0705';
const BOX = Buffer.from(
  'f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b' +
    '4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da' +
    '99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5',
  'hex',
);

describe('boxes', () => {
  it('open with their key', () => {
    expect(Buffer.from(openSecretBox(BOX, NONCE, KEY) ?? []).toString('hex')).toBe(MESSAGE);
  });

  it('do not open when any byte is another, or any is missing', () => {
    for (let at = 0; at < BOX.length; at++) {
      const changed = Buffer.from(BOX);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(openSecretBox(changed, NONCE, KEY)).toBeUndefined();
      expect(openSecretBox(BOX.subarray(0, at), NONCE, KEY)).toBeUndefined();
    }
    expect(openSecretBox(BOX, NONCE.subarray(1), KEY)).toBeUndefined();
    expect(openSecretBox(BOX, NONCE, KEY.subarray(1))).toBeUndefined();
    expect(openSecretBox(BOX, Buffer.alloc(24), KEY)).toBeUndefined();
  });
});

describe("cosign's keys", () => {
  const bytes = keyBytes('cosign.key');
  const json = Buffer.from(parsePem(bytes)[0]?.der ?? []).toString();

  it('are read with their passphrase', () => {
    const key = parsePrivateKey(bytes, 'cosign.key', 'secret');
    expect(createPublicKey(key).export({ type: 'spki', format: 'pem' })).toBe(
      keyBytes('cosign.pub').toString(),
    );
  });

  it.each([
    ['another passphrase', () => parsePrivateKey(bytes, 'f', 'other'), 'cannot be decrypted: the passphrase'],
    ['none', () => parsePrivateKey(bytes, 'f'), 'is encrypted, and no passphrase was given'],
    ['another cost', () => openBox(json.replace('"N":65536', '"N":1073741824')), 'at an unknown cost'],
    ['another way', () => openBox(json.replace('"scrypt"', '"argon2"')), 'in an unknown way'],
    ['another cipher', () => openBox(json.replace('nacl/secretbox', 'aes')), 'in an unknown way'],
    ['no JSON', () => openBox('{'), 'is malformed'],
    ['no base64', () => openBox(json.replace('"ciphertext":"', '"ciphertext":"%')), 'is malformed'],
  ])('are refused with %s', async (_name, open, message) => {
    const error = await failure(open);
    expect(error.code).toBe('KEY_BAD');
    expect(error.message).toContain(message);
  });
});

function openBox(json: string): unknown {
  return openCosignKey(Buffer.from(json), 'f', 'secret');
}
