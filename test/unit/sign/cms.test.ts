import { describe, expect, test } from 'vitest';
import { encodeOctets } from '../../../src/der/writer.ts';
import { isPlanishError } from '../../../src/errors.ts';
import type { SignatureHash } from '../../../src/sign/algorithms.ts';
import type { Certificate } from '../../../src/sign/certificate.ts';
import { type CmsSpec, encodeContentInfo, prepareCms, signCms } from '../../../src/sign/cms.ts';
import { OID_DATA } from '../../../src/sign/cms-format.ts';
import { decodeCms, decodeSignedData } from '../../../src/sign/cms-reader.ts';
import { verifyCms } from '../../../src/sign/cms-verify.ts';
import { verifySignature } from '../../../src/sign/signer.ts';
import { testCertificate, testSigner } from '../../support/test-keys.ts';

const message = Buffer.from('what is signed');

function spec(choices: Partial<CmsSpec> = {}): CmsSpec {
  const base = {
    hash: 'sha256',
    contentType: OID_DATA,
    message,
    signedAttributes: false,
    certificates: [],
  } as const;
  return { ...base, ...choices };
}

/** DER PKCS #7 by the key and certificate of a name. */
async function signed(name: string, choices: Partial<CmsSpec> = {}, certificate = name): Promise<Uint8Array> {
  return encodeContentInfo(await signCms(spec(choices), testCertificate(certificate), testSigner(name)));
}

/** Subject of the trusted certificate that a signature leads to, or code and message of the error. */
function verdict(pkcs7: Uint8Array, trusted: readonly Certificate[], content: Uint8Array = message): string {
  try {
    return verifyCms(decodeCms(pkcs7), content, trusted).anchor.subject;
  } catch (error) {
    if (isPlanishError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
}

const forms: [string, Partial<CmsSpec>][] = [
  ['nothing else', {}],
  ['signed attributes', { signedAttributes: true }],
  ['a certificate', { certificates: [testCertificate('db')] }],
  ['content', { content: encodeOctets(message) }],
  [
    'all of it',
    { signedAttributes: true, content: encodeOctets(message), certificates: [testCertificate('issuer')] },
  ],
];

describe.each(forms)('with %s', (_, choices) => {
  test.each<[string, SignatureHash]>([
    ['db', 'sha256'],
    ['db', 'sha512'],
    ['rsa3072', 'sha384'],
    ['p256', 'sha256'],
    ['p384', 'sha384'],
    ['p521', 'sha512'],
  ])('%s and %s: holds, and is the same again', async (name, hash) => {
    const pkcs7 = await signed(name, { ...choices, hash });
    expect(verdict(pkcs7, [testCertificate(name)])).toBe(`CN=planish test ${name}`);
    expect(await signed(name, { ...choices, hash })).toEqual(pkcs7);
  });
});

describe('trust', () => {
  test('another certificate is not enough', async () => {
    expect(verdict(await signed('db'), [testCertificate('other')])).toBe(
      'SIGNATURE_UNTRUSTED a signature is by a certificate that is not at hand',
    );
    expect(
      verdict(await signed('db', { certificates: [testCertificate('db')] }), [testCertificate('other')]),
    ).toBe('SIGNATURE_UNTRUSTED the certificate of CN=planish test db is not trusted');
  });

  test('an issuer is', async () => {
    const certificates = [testCertificate('leaf')];
    const pkcs7 = encodeContentInfo(
      await signCms(spec({ certificates }), testCertificate('leaf'), testSigner('other')),
    );
    expect(verdict(pkcs7, [testCertificate('issuer')])).toBe('CN=planish test issuer');
    expect(verdict(pkcs7, [testCertificate('leaf')])).toBe('CN=planish test leaf');
  });

  test('a certificate of the signer that is not its key is not', async () => {
    const unsigned = prepareCms(spec());
    const signature = await testSigner('db').sign(unsigned.toBeSigned, 'sha256');
    const pkcs7 = encodeContentInfo(unsigned.finish(testCertificate('other'), signature));
    expect(verdict(pkcs7, [testCertificate('other')])).toBe(
      'SIGNATURE_INVALID a signature is of another content, or by another key than its certificate has',
    );
  });

  test('a key of another kind is said to be one', async () => {
    const unsigned = prepareCms(spec());
    const signature = await testSigner('db').sign(unsigned.toBeSigned, 'sha256');
    const pkcs7 = Buffer.from(encodeContentInfo(unsigned.finish(testCertificate('p256'), signature)));
    expect(verdict(pkcs7, [testCertificate('p256')])).toMatch(/^SIGNATURE_INVALID /);
  });

  test('another content is refused', async () => {
    const other = Buffer.from('what is not');
    expect(verdict(await signed('db'), [testCertificate('db')], other)).toBe(
      'SIGNATURE_INVALID a signature is of another content, or by another key than its certificate has',
    );
    expect(verdict(await signed('db', { signedAttributes: true }), [testCertificate('db')], other)).toBe(
      'SIGNATURE_INVALID a signature is of another content',
    );
  });
});

test('a signer that returns something else is found out', async () => {
  await expect(signed('db', {}, 'db').then(() => 'signed')).resolves.toBe('signed');
  const liar = { publicKey: testCertificate('db').publicKey, sign: testSigner('other').sign };
  await expect(signCms(spec(), testCertificate('db'), liar)).rejects.toMatchObject({
    code: 'SIGNER_FAILED',
    message: 'what the signer returned is no signature by the key that was named',
  });
});

test('a SignedData without a ContentInfo is read by another function', async () => {
  const bare = await signCms(spec(), testCertificate('db'), testSigner('db'));
  expect(decodeSignedData(bare).signers.length).toBe(1);
  expect(() => decodeCms(bare)).toThrow(expect.objectContaining({ code: 'CMS_BAD_DATA' }));
});

describe('whatever is done to the bytes', () => {
  const trusted = [testCertificate('db')];

  test('cut anywhere, it is one error', async () => {
    const pkcs7 = await signed('db', { signedAttributes: true, certificates: trusted });
    for (let length = 0; length < pkcs7.length; length += 1) {
      expect(verdict(pkcs7.subarray(0, length), trusted)).toMatch(
        /^CMS_BAD_DATA a CMS signature is malformed: /,
      );
    }
  });

  test('with any byte changed, it is refused', async () => {
    const pkcs7 = await signed('db', { signedAttributes: true });
    for (let at = 0; at < pkcs7.length; at += 1) {
      const changed = Buffer.from(pkcs7);
      changed[at] = (changed[at] ?? 0) ^ 0x01;
      expect(verdict(changed, trusted)).toMatch(
        /^(CMS_BAD_DATA|CERTIFICATE_BAD|SIGNATURE_INVALID|SIGNATURE_UNTRUSTED|LIMIT_EXCEEDED) /,
      );
    }
  });
});

test('a signature verifies by its key alone', async () => {
  const signature = await testSigner('p256').sign(message, 'sha256');
  expect(verifySignature(testCertificate('p256').publicKey, message, 'sha256', signature)).toBe(true);
  expect(verifySignature(testCertificate('p384').publicKey, message, 'sha256', signature)).toBe(false);
  expect(verifySignature(testCertificate('p256').publicKey, message, 'sha512', signature)).toBe(false);
  expect(verifySignature(testCertificate('p256').publicKey, message, 'sha256', Buffer.from('no'))).toBe(
    false,
  );
});
