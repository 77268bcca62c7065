import { createPublicKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { isPlanishError } from '../../../src/errors.ts';
import { decodeCertificate, parseCertificates } from '../../../src/sign/certificate.ts';
import { type CertificateUse, checkCertificateUse } from '../../../src/sign/certificate-use.ts';
import { checkKeyPair, parsePrivateKey, parsePublicKey } from '../../../src/sign/keys.ts';
import { formatPem, parsePem } from '../../../src/sign/pem.ts';
import { keyBytes, testCertificate } from '../../support/test-keys.ts';

/** `ok`, or code and message of the error. */
function outcome(action: () => unknown): string {
  try {
    action();
    return 'ok';
  } catch (error) {
    if (isPlanishError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
}

describe('private keys', () => {
  const modulus = createPublicKey(keyBytes('db.key')).export({ format: 'jwk' }).n;

  test.each([
    ['db.key', undefined],
    ['db.pkcs8.der', undefined],
    ['db.pkcs1.der', undefined],
    ['db.pkcs8-encrypted.key', 'planish'],
    ['db.pkcs1-encrypted.key', 'planish'],
    ['db.pkcs8-encrypted.key', Buffer.from('planish')],
  ])('%s is read', (file, passphrase) => {
    const key = parsePrivateKey(keyBytes(file), file, passphrase);
    expect(key.export({ format: 'jwk' }).n).toBe(modulus);
  });

  test.each(['p256.key', 'p384.key', 'p521.key', 'rsa3072.key'])('%s is read', (file) => {
    expect(parsePrivateKey(keyBytes(file), file).type).toBe('private');
  });

  test.each<[string, string | undefined, string]>([
    ['db.pkcs8-encrypted.key', undefined, 'KEY_BAD a private key is encrypted, and no passphrase was given'],
    ['db.pkcs1-encrypted.key', undefined, 'KEY_BAD a private key is encrypted, and no passphrase was given'],
    [
      'db.pkcs8-encrypted.key',
      'secret',
      'KEY_BAD a private key cannot be decrypted: the passphrase is wrong',
    ],
    [
      'db.pkcs1-encrypted.key',
      'secret',
      'KEY_BAD a private key cannot be decrypted: the passphrase is wrong',
    ],
    ['db.crt', undefined, 'KEY_BAD a file holds no private key that can be read'],
    ['db.der', undefined, 'KEY_BAD a file holds no private key that can be read'],
    ['make.sh', undefined, 'KEY_BAD a file holds no private key that can be read'],
    ['small.key', undefined, 'KEY_BAD an RSA key is too small'],
    ['k256.key', undefined, 'KEY_BAD the curve secp256k1 is not used: P-256, P-384 or P-521'],
    ['ed25519.key', undefined, 'KEY_BAD keys of the kind ed25519 are not used: RSA or ECDSA'],
  ])('%s with passphrase %s is refused', (file, passphrase, expected) => {
    expect(outcome(() => parsePrivateKey(keyBytes(file), file, passphrase))).toBe(expected);
  });

  test('nothing of a damaged key is in what is said of it', () => {
    const text = keyBytes('db.key').toString();
    const damaged = text.replace(/^(.{70})/m, '$1').replace('MII', 'MIJ');
    const body = text.split('\n').slice(1, -2);
    try {
      parsePrivateKey(Buffer.from(damaged), 'db.key');
      expect.unreachable();
    } catch (error) {
      const said = `${error} ${JSON.stringify(error)} ${(error as Error).stack} ${(error as Error).cause}`;
      for (const line of body) expect(said).not.toContain(line);
    }
  });
});

describe('public keys', () => {
  test.each(['db.crt', 'db.key'])('%s', (file) => {
    const certificate = testCertificate('db').publicKey.export({ format: 'jwk' });
    const bytes =
      file === 'db.key'
        ? Buffer.from(createPublicKey(keyBytes(file)).export({ format: 'pem', type: 'spki' }))
        : keyBytes(file);
    expect(parsePublicKey(bytes, file).export({ format: 'jwk' })).toEqual(certificate);
  });

  test('in DER', () => {
    const der = createPublicKey(keyBytes('p256.key')).export({ format: 'der', type: 'spki' });
    expect(parsePublicKey(der, 'p256').asymmetricKeyType).toBe('ec');
  });

  test.each([
    ['make.sh', 'KEY_BAD a file holds no public key that can be read'],
    ['small.crt', 'KEY_BAD an RSA key is too small'],
  ])('%s is refused', (file, expected) => {
    expect(outcome(() => parsePublicKey(keyBytes(file), file))).toBe(expected);
  });
});

describe('certificates', () => {
  test('hold what openssl shows', () => {
    const leaf = testCertificate('leaf');
    expect(Buffer.from(leaf.serial).toString('hex')).toBe('0203008001');
    expect(leaf.subject).toBe('CN=planish test leaf');
    expect(leaf.issuer.length).toBe(32);
    expect(leaf.notAfter - leaf.notBefore).toBe(Date.UTC(2120, 0) / 1000 - Date.UTC(2020, 0) / 1000);
    expect([leaf.keyUsage, leaf.extendedKeyUsage]).toEqual([undefined, undefined]);
    const code = testCertificate('code');
    expect([code.keyUsage, code.extendedKeyUsage]).toEqual([0x80, ['1.3.6.1.5.5.7.3.3']]);
    expect(testCertificate('ca-only').keyUsage).toBe(0x06);
    expect(code.notBefore).toBe(Date.parse(code.x509.validFrom) / 1000);
  });

  test('PEM holds several, DER one', () => {
    const both = Buffer.concat([keyBytes('leaf.crt'), keyBytes('issuer.crt')]);
    expect(parseCertificates(both, 'both').map(({ subject }) => subject)).toEqual([
      'CN=planish test leaf',
      'CN=planish test issuer',
    ]);
    expect(parseCertificates(keyBytes('db.der'), 'db.der').length).toBe(1);
  });

  test('any truncation is one error', () => {
    const der = keyBytes('db.der');
    for (let length = 0; length < der.length; length += 1) {
      expect(outcome(() => decodeCertificate(der.subarray(0, length)))).toMatch(/^CERTIFICATE_BAD /);
    }
  });

  test('a file with too many is refused', () => {
    const pem = keyBytes('p256.crt').toString();
    expect(outcome(() => parseCertificates(Buffer.from(pem.repeat(65)), 'many'))).toBe(
      'LIMIT_EXCEEDED a file holds too many certificates',
    );
  });

  test('a key goes with its certificate alone', () => {
    const key = parsePrivateKey(keyBytes('db.key'), 'db.key');
    expect(outcome(() => checkKeyPair(key, testCertificate('db')))).toBe('ok');
    expect(outcome(() => checkKeyPair(key, testCertificate('kek')))).toBe(
      'KEY_MISMATCH the private key is not that of the certificate of CN=planish test kek',
    );
  });
});

describe('use of certificates', () => {
  const now = testCertificate('db').notBefore + 1;
  test.each<[string, CertificateUse, number | undefined, string]>([
    ['db', 'signCode', now, 'ok'],
    ['code', 'signCode', now, 'ok'],
    ['tls', 'sign', now, 'ok'],
    [
      'tls',
      'signCode',
      now,
      'CERTIFICATE_BAD the certificate of CN=planish test tls is not for code: its extended key usage lacks codeSigning',
    ],
    [
      'ca-only',
      'sign',
      now,
      'CERTIFICATE_BAD the certificate of CN=planish test ca-only is not for signatures: its key usage lacks digitalSignature',
    ],
    ['expired', 'sign', undefined, 'ok'],
  ])('%s to %s at %s', (name, use, time, expected) => {
    expect(outcome(() => checkCertificateUse(testCertificate(name), use, time))).toBe(expected);
  });

  test('times', () => {
    const expired = testCertificate('expired');
    const day = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 10);
    expect(outcome(() => checkCertificateUse(expired, 'sign', expired.notAfter + 1))).toBe(
      `CERTIFICATE_BAD the certificate of CN=planish test expired expired on ${day(expired.notAfter)}`,
    );
    const db = testCertificate('db');
    expect(outcome(() => checkCertificateUse(db, 'sign', db.notBefore - 1))).toBe(
      `CERTIFICATE_BAD the certificate of CN=planish test db is not valid before ${day(db.notBefore)}`,
    );
  });
});

test('PEM', () => {
  const der = keyBytes('db.der');
  const text = formatPem('CERTIFICATE', der);
  expect(text).toBe(keyBytes('db.crt').toString());
  expect(parsePem(Buffer.from(`a note\r\n${text.replaceAll('\n', '\r\n')}`))).toMatchObject([
    { label: 'CERTIFICATE', der },
  ]);
  expect(parsePem(Buffer.from('-----BEGIN A-----\nAAAA\n-----END B-----\n'))).toEqual([]);
});
