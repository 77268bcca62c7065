/** Signatures of images: their exact bytes, and how each that is not good comes out. */
import { describe, expect, it } from 'vitest';
import type { BlobDigest } from '../../../src/bytes/digest.ts';
import {
  formatBundle,
  formatStatement,
  parseBundle,
  parseStatement,
  preAuthenticationEncoding,
} from '../../../src/sign/bundle.ts';
import { decodeSignatureText, formatPayload, parsePayload } from '../../../src/sign/image-payload.ts';
import {
  checkImageKey,
  judgeBundle,
  judgePayload,
  keyHint,
  signBundle,
  signPayload,
} from '../../../src/sign/image-signature.ts';
import { signChecked } from '../../../src/sign/signer.ts';
import { testSigner } from '../../support/test-keys.ts';
import { failure } from '../io/sample-image.ts';

const HEX = '5f'.repeat(32);
const DIGEST = `sha256:${HEX}` as BlobDigest;
const OTHER = `sha256:${'00'.repeat(32)}` as BlobDigest;
const IDENTITY = 'registry.example/os';
const ec = testSigner('p256');
const rsa = testSigner('rsa3072');
const keys = [ec.publicKey, rsa.publicKey];
const expected = { digest: DIGEST, keys };

describe('the older form', () => {
  it('has the bytes of cosign', () => {
    expect(Buffer.from(formatPayload({ digest: DIGEST, identity: IDENTITY })).toString()).toBe(
      `{"critical":{"identity":{"docker-reference":"${IDENTITY}"},"image":{"docker-manifest-digest":"${DIGEST}"},` +
        '"type":"cosign container image signature"},"optional":null}',
    );
  });

  it.each([
    ['ECDSA', ec],
    ['RSA', rsa],
  ] as const)('is the same twice with %s, and valid', async (_name, signer) => {
    const signed = await signPayload(signer, DIGEST, IDENTITY);
    expect(await signPayload(signer, DIGEST, IDENTITY)).toEqual(signed);
    expect(judgePayload(signed, expected)).toEqual({
      outcome: 'valid',
      key: keyHint(signer.publicKey),
      identity: IDENTITY,
    });
  });

  it('is by none of the keys when any byte was changed', async () => {
    const { payload, signature } = await signPayload(ec, DIGEST, IDENTITY);
    for (let at = 0; at < payload.length; at++) {
      const changed = Buffer.from(payload);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(judgePayload({ payload: changed, signature }, expected).outcome).toBe('other-key');
    }
    for (let at = 0; at < signature.length; at++) {
      const changed = Buffer.from(signature);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(judgePayload({ payload, signature: changed }, expected).outcome).toBe('other-key');
      expect(judgePayload({ payload, signature: signature.subarray(0, at) }, expected).outcome).toBe(
        'other-key',
      );
    }
  });

  it('is of another image, or by another key', async () => {
    const signed = await signPayload(ec, OTHER, IDENTITY);
    expect(judgePayload(signed, expected)).toEqual({
      outcome: 'other-image',
      key: keyHint(ec.publicKey),
      identity: IDENTITY,
      reason: `of ${OTHER}`,
    });
    expect(judgePayload(signed, { digest: OTHER, keys: [rsa.publicKey] }).outcome).toBe('other-key');
  });

  it.each([
    ['no JSON', 'x'],
    ['no object', '[]'],
    ['nothing critical', '{}'],
    ['another type', '{"critical":{"type":"x","image":{},"identity":{}}}'],
    ['no digest', payloadWith({ image: { 'docker-manifest-digest': 'sha256:0' } })],
    ['no identity', payloadWith({ identity: {} })],
    ['more that is critical', payloadWith({ expires: 'soon' })],
  ])('is malformed with %s, though signed', async (_name, text) => {
    const payload = Buffer.from(text);
    const signature = await signChecked(ec, payload, 'sha256');
    expect(judgePayload({ payload, signature }, expected).outcome).toBe('malformed');
    expect((await failure(() => parsePayload(payload))).code).toBe('SIGNATURE_BAD_FORMAT');
  });

  it('is read with the type of podman', () => {
    expect(parsePayload(Buffer.from(payloadWith({ type: 'atomic container signature' })))).toEqual({
      digest: DIGEST,
      identity: IDENTITY,
    });
  });

  it.each([undefined, '', '=', 'abc', 'ab==cd==', 'a b='])('reads no signature from %j', (text) => {
    expect(decodeSignatureText(text)?.length ?? 0).toBe(0);
  });
});

function payloadWith(critical: object): string {
  return JSON.stringify({
    critical: {
      identity: { 'docker-reference': IDENTITY },
      image: { 'docker-manifest-digest': DIGEST },
      type: 'cosign container image signature',
      ...critical,
    },
  });
}

describe('bundles', () => {
  it('have exact bytes', () => {
    const statement = formatStatement(DIGEST);
    expect(Buffer.from(statement).toString()).toBe(
      `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"${HEX}"}}],` +
        '"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{}}',
    );
    expect(Buffer.from(preAuthenticationEncoding(statement)).toString()).toBe(
      `DSSEv1 28 application/vnd.in-toto+json ${statement.length} ${Buffer.from(statement).toString()}`,
    );
    expect(Buffer.from(formatBundle(Buffer.from('s'), Buffer.from('g'), 'h')).toString()).toBe(
      '{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":"h"}},' +
        '"dsseEnvelope":{"payload":"cw==","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"Zw=="}]}}',
    );
  });

  it.each([
    ['ECDSA', ec],
    ['RSA', rsa],
  ] as const)('are the same twice with %s, and valid', async (_name, signer) => {
    const bundle = await signBundle(signer, DIGEST);
    expect(await signBundle(signer, DIGEST)).toEqual(bundle);
    expect(judgeBundle(bundle, expected)).toEqual({ outcome: 'valid', key: keyHint(signer.publicKey) });
    expect(judgeBundle(bundle, { digest: DIGEST, keys: [] }).outcome).toBe('other-key');
    expect(judgeBundle(bundle, { digest: OTHER, keys }).outcome).toBe('other-image');
  });

  it('tell that they were changed, as they name the key', async () => {
    const bundle = parseBundle(await signBundle(ec, DIGEST));
    const [signature = new Uint8Array()] = bundle.envelope.signatures;
    const changed = formatBundle(formatStatement(OTHER), signature, keyHint(ec.publicKey));
    expect(judgeBundle(changed, expected)).toEqual({
      outcome: 'invalid',
      key: keyHint(ec.publicKey),
      reason: 'names the key but does not verify with it: it was changed',
    });
  });

  it('may say something else of the image', async () => {
    const statement = Buffer.from(
      JSON.stringify({
        _type: 'https://in-toto.io/Statement/v0.1',
        subject: [{ name: 'x', digest: { sha256: HEX } }],
        predicateType: 'https://spdx.dev/Document',
        predicate: {},
      }),
    );
    const signature = await signChecked(ec, preAuthenticationEncoding(statement), 'sha256');
    const bundle = formatBundle(statement, signature, keyHint(ec.publicKey));
    expect(judgeBundle(bundle, expected)).toEqual({
      outcome: 'attestation',
      key: keyHint(ec.publicKey),
      reason: 'says https://spdx.dev/Document of it',
    });
  });

  const envelope = {
    payload: 'e30=',
    payloadType: 'application/vnd.in-toto+json',
    signatures: [{ sig: 'AA==' }],
  };
  const mediaType = 'application/vnd.dev.sigstore.bundle.v0.3+json';
  const verificationMaterial = { publicKey: { hint: 'h' } };
  it.each<[string, unknown]>([
    ['of another version', { mediaType: 'application/vnd.dev.sigstore.bundle.v9+json' }],
    ['without material', { mediaType, dsseEnvelope: envelope }],
    ['with no key named', { mediaType, verificationMaterial: {}, dsseEnvelope: envelope }],
    [
      'with two',
      {
        mediaType,
        verificationMaterial: { ...verificationMaterial, certificate: {} },
        dsseEnvelope: envelope,
      },
    ],
    ['of a message', { mediaType, verificationMaterial, messageSignature: {} }],
    ['without signature', { mediaType, verificationMaterial, dsseEnvelope: { ...envelope, signatures: [] } }],
    [
      'with signatures without number',
      {
        mediaType,
        verificationMaterial,
        dsseEnvelope: { ...envelope, signatures: Array.from({ length: 257 }, () => ({ sig: 'AA==' })) },
      },
    ],
    ['with no base64', { mediaType, verificationMaterial, dsseEnvelope: { ...envelope, payload: '*' } }],
    ['that is an array', []],
  ])('%s are malformed', async (_name, document) => {
    const bytes = Buffer.from(JSON.stringify(document));
    expect(judgeBundle(bytes, expected).outcome).toBe('malformed');
    expect((await failure(() => parseBundle(bytes))).code).toBe('SIGNATURE_BAD_FORMAT');
  });

  it.each([
    ['another payload type', { payloadType: 'text/plain' }],
    ['another statement type', { payload: Buffer.from('{"_type":"x"}').toString('base64') }],
    ['no subject', { payload: statementWith({ subject: 3 }) }],
    ['a digest that is no text', { payload: statementWith({ subject: [{ digest: { sha256: 1 } }] }) }],
    [
      'subjects without number',
      { payload: statementWith({ subject: Array.from({ length: 257 }, () => ({})) }) },
    ],
  ])('with %s hold no statement', async (_name, change) => {
    const text = JSON.stringify({
      mediaType,
      verificationMaterial,
      dsseEnvelope: { ...envelope, ...change },
    });
    const { envelope: read } = parseBundle(Buffer.from(text));
    expect((await failure(() => parseStatement(read))).code).toBe('SIGNATURE_BAD_FORMAT');
  });

  it('by a certificate are left to others', () => {
    const text = JSON.stringify({
      mediaType,
      verificationMaterial: { certificate: { rawBytes: 'AA==' } },
      dsseEnvelope: envelope,
    });
    expect(judgeBundle(Buffer.from(text), expected).outcome).toBe('other-key');
  });
});

function statementWith(more: object): string {
  const statement = { _type: 'https://in-toto.io/Statement/v1', predicateType: 'x', ...more };
  return Buffer.from(JSON.stringify(statement)).toString('base64');
}

describe('keys of images', () => {
  it('are ECDSA over P-256, and RSA of usual sizes', async () => {
    checkImageKey(ec.publicKey);
    checkImageKey(rsa.publicKey);
    for (const name of ['p384', 'p521']) {
      const error = await failure(() => checkImageKey(testSigner(name).publicKey));
      expect(error.code).toBe('KEY_BAD');
    }
  });
});
