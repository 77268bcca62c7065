/** SignedData of ours against openssl, and that of openssl against our reader. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { encodeContentInfo, signCms } from '../../src/sign/cms.ts';
import { OID_DATA } from '../../src/sign/cms-format.ts';
import { decodeCms } from '../../src/sign/cms-reader.ts';
import { verifyCms } from '../../src/sign/cms-verify.ts';
import { temporaryDirectory } from '../support/cli.ts';
import { hasTool, runTool } from '../support/composefs-tools.ts';
import { keyFile, testCertificate, testSigner } from '../support/test-keys.ts';

const folder = temporaryDirectory();
const message = createHash('sha512').update('planish').digest();
const content = join(folder, 'content');
writeFileSync(content, message);

const hasOpenssl = hasTool('openssl', 'CMS against openssl');
const KEYS = ['db', 'rsa3072', 'p256', 'p384', 'p521'];

describe.skipIf(!hasOpenssl).each(KEYS)('%s', (name) => {
  test.each([
    ['without attributes', false],
    ['with attributes', true],
  ])('openssl cms and smime accept ours %s', async (_, signedAttributes) => {
    const certificate = testCertificate(name);
    const choices = {
      hash: 'sha256',
      contentType: OID_DATA,
      message,
      signedAttributes,
      certificates: [],
    } as const;
    const file = join(folder, `${name}-${signedAttributes}.p7s`);
    writeFileSync(file, encodeContentInfo(await signCms(choices, certificate, testSigner(name))));
    for (const verb of ['cms', 'smime']) {
      const crt = keyFile(`${name}.crt`);
      const inputs = ['-verify', '-binary', '-inform', 'DER', '-in', file, '-content', content];
      const trust = ['-certfile', crt, '-CAfile', crt, '-purpose', 'any', '-out', '/dev/null'];
      const { status, stderr } = runTool('openssl', [verb, ...inputs, ...trust]);
      expect([verb, status, stderr.trim()]).toEqual([verb, 0, expect.stringMatching(/success/)]);
    }
  });

  test.each([
    ['without attributes', ['-noattr']],
    ['with attributes', []],
    ['with key identifiers', ['-keyid']],
    ['and SHA-512', ['-md', 'sha512']],
  ])('we accept theirs %s', (_, options) => {
    const file = join(folder, `${name}-openssl.p7s`);
    const key = ['-signer', keyFile(`${name}.crt`), '-inkey', keyFile(`${name}.key`)];
    const output = ['-binary', '-in', content, '-outform', 'DER', '-out', file, '-md', 'sha256'];
    const { status, stderr } = runTool('openssl', ['cms', '-sign', ...output, ...key, ...options]);
    expect([status, stderr]).toEqual([0, '']);
    const data = decodeCms(readFileSync(file));
    expect(verifyCms(data, message, [testCertificate(name)]).anchor.der).toEqual(testCertificate(name).der);
    expect(() => verifyCms(data, Buffer.from('other'), [testCertificate(name)])).toThrow(
      expect.objectContaining({ code: 'SIGNATURE_INVALID' }),
    );
  });
});

describe.skipIf(!hasOpenssl)('byte for byte', () => {
  test('the PKCS #7 of openssl without attributes and certificates is ours', async () => {
    const file = join(folder, 'smime.p7s');
    const key = ['-signer', keyFile('db.crt'), '-inkey', keyFile('db.key'), '-nocerts', '-noattr', '-binary'];
    runTool('openssl', [
      'smime',
      '-sign',
      ...key,
      '-in',
      content,
      '-outform',
      'DER',
      '-out',
      file,
      '-md',
      'sha256',
    ]);
    const choices = {
      hash: 'sha256',
      contentType: OID_DATA,
      message,
      signedAttributes: false,
      certificates: [],
    } as const;
    const ours = encodeContentInfo(await signCms(choices, testCertificate('db'), testSigner('db')));
    expect(Buffer.from(ours).toString('hex')).toBe(readFileSync(file).toString('hex'));
  });
});
