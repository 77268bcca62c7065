/** Whether certificates that signed were fit for it: their use, their key, and their time. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { seal } from '../../../src/ops/seal/seal.ts';
import { verify } from '../../../src/ops/verify/verify.ts';
import { TrustedCertificates } from '../../../src/ops/verify/verify-certificates.ts';
import type { CertificateUse } from '../../../src/sign/certificate-use.ts';
import { bootableTar } from '../../support/bootable-root.ts';
import { temporaryDirectory } from '../../support/cli.ts';
import { keyFile, testCertificate } from '../../support/test-keys.ts';

const seconds = (text: string): number => Date.parse(text) / 1000;
const NOW = seconds('2026-11-26');

/** What is said of a signature by `signer`, a certificate that `anchor` issued. */
function judged(signer: string, anchor: string, use: CertificateUse, time?: number): string[] {
  const trusted = new TrustedCertificates([testCertificate(anchor)], time);
  trusted.note({ signer: testCertificate(signer), anchor: testCertificate(anchor) }, use);
  trusted.note({ signer: testCertificate(signer), anchor: testCertificate(anchor) }, use);
  return trusted
    .checks()
    .map(({ subject, outcome, reason = '' }) => `${subject} ${outcome} ${reason}`.trim());
}

describe('a certificate', () => {
  const test_ = 'CN=planish test';
  test.each<[string, string, CertificateUse, number | undefined, string[]]>([
    ['db', 'db', 'signCode', NOW, [`${test_} db match`]],
    ['code', 'code', 'signCode', NOW, [`${test_} code match`]],
    ['leaf', 'issuer', 'sign', NOW, [`${test_} leaf match`, `${test_} issuer match`]],
    ['p384', 'p384', 'sign', NOW, [`${test_} p384 match`]],
    ['tls', 'tls', 'sign', NOW, [`${test_} tls match`]],
    ['expired', 'expired', 'sign', undefined, [`${test_} expired match`]],
    ['expired', 'expired', 'sign', seconds('2020-12-31'), [`${test_} expired match`]],
    [
      'expired',
      'expired',
      'sign',
      NOW,
      [`${test_} expired unchecked it expired on 2021-01-01, and signatures do not say when they were made`],
    ],
    [
      'leaf',
      'issuer',
      'sign',
      seconds('2019-12-31'),
      ['leaf', 'issuer'].map(
        (name) =>
          `${test_} ${name} unchecked it is not valid before 2020-01-01, and signatures do not say when they were made`,
      ),
    ],
    [
      'tls',
      'tls',
      'signCode',
      NOW,
      [
        `${test_} tls mismatch the certificate of ${test_} tls is not for code: its extended key usage lacks codeSigning`,
      ],
    ],
    [
      'ca-only',
      'ca-only',
      'sign',
      NOW,
      [
        `${test_} ca-only mismatch the certificate of ${test_} ca-only is not for signatures: its key usage lacks digitalSignature`,
      ],
    ],
    [
      'db',
      'code',
      'sign',
      NOW,
      [
        `${test_} db match`,
        `${test_} code mismatch the certificate of ${test_} code is not for signatures: its key usage lacks keyCertSign`,
      ],
    ],
    [
      'small',
      'small',
      'sign',
      NOW,
      [`${test_} small mismatch an RSA key is too small (2048 bits are needed, it has 1024 bits)`],
    ],
  ])('%s, from %s, to %s, at %s', (signer, anchor, use, time, expected) => {
    expect(judged(signer, anchor, use, time)).toEqual(expected);
  });
});

describe('an image that was sealed with a certificate that has expired since', () => {
  const directory = temporaryDirectory();
  const sealed = `oci:${join(directory, 'sealed')}:os`;
  const certificates = [keyFile('expired.crt')];
  beforeAll(async () => {
    const source = join(directory, 'root.tar');
    writeFileSync(source, bootableTar());
    const key = { key: keyFile('db.key'), certificate: keyFile('expired.crt') };
    await seal(`tar:${source}`, { destination: sealed, compression: 'none', jobs: 1, ...key });
  });

  const failed = async (options: Parameters<typeof verify>[1]): Promise<string[]> => {
    const { checks, links, findings } = await verify(sealed, { certificates, jobs: 1, ...options });
    const own = checks.filter(({ check }) => check === 'certificate');
    const link = links.find((one) => one.link === 'certificate');
    return [`${findings}`, `${link?.outcome}`, ...own.map(({ outcome }) => outcome)];
  };

  test('fails now, unless that is excused', async () => {
    expect(await failed({ time: NOW })).toEqual(['1', 'failed', 'unchecked']);
    expect(await failed({ time: NOW, excuse: ['certificate'] })).toEqual(['0', 'excused', 'excused']);
  });

  test('holds at the time of the signature, and where times are no matter', async () => {
    expect(await failed({ time: seconds('2020-06-01') })).toEqual(['0', 'proved', 'match']);
    expect(await failed({})).toEqual(['0', 'proved', 'match']);
  });
});
