import { createHash, createPublicKey } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { isPlanishError } from '../../../src/errors.ts';
import { execSigner } from '../../../src/io/exec-signer.ts';
import {
  loadCertificate,
  loadCertificates,
  loadPrivateKey,
  loadPublicKey,
} from '../../../src/io/key-files.ts';
import { LIMITS } from '../../../src/limits.ts';
import { signChecked } from '../../../src/sign/signer.ts';
import { temporaryDirectory } from '../../support/cli.ts';
import { keyBytes, keyFile, testCertificate, testSigner } from '../../support/test-keys.ts';

const folder = temporaryDirectory();

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

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

describe('key files', () => {
  const encrypted = keyFile('db.pkcs8-encrypted.key');
  const n = createPublicKey(keyBytes('db.key')).export({ format: 'jwk' }).n;

  test.each([
    ['a file with a line', {}, file('line', 'planish\n')],
    ['a file without one', {}, file('bare', 'planish')],
    ['a file of Windows', {}, file('windows', 'planish\r\nnotes\r\n')],
    ['the environment', { PLANISH_KEY_PASSPHRASE: 'planish' }, undefined],
    ['a file before the environment', { PLANISH_KEY_PASSPHRASE: 'no' }, file('first', 'planish')],
  ])('a passphrase of %s', (_, environment, passphraseFile) => {
    const key = loadPrivateKey(encrypted, environment, passphraseFile);
    expect(key.export({ format: 'jwk' }).n).toBe(n);
  });

  test('public keys and certificates', () => {
    expect(loadPublicKey(keyFile('db.crt')).export({ format: 'jwk' }).n).toBe(n);
    expect(loadCertificate(keyFile('db.der')).subject).toBe('CN=planish test db');
    const chain = file('chain.pem', Buffer.concat([keyBytes('leaf.crt'), keyBytes('issuer.crt')]));
    expect(loadCertificates(chain).length).toBe(2);
    expect(outcome(() => loadCertificate(chain))).toBe(
      'CERTIFICATE_BAD a file holds several certificates where one is wanted',
    );
  });

  test('what is no key file', () => {
    mkdirSync(join(folder, 'directory'));
    expect(outcome(() => loadCertificate(join(folder, 'directory')))).toBe('KEY_BAD a directory is no key');
    expect(outcome(() => loadCertificate(join(folder, 'missing')))).toBe(
      'SYSCALL_FAILED cannot read a key, certificate or passphrase: ENOENT',
    );
    const large = file('large', Buffer.alloc(LIMITS.keyFileBytes + 1));
    expect(outcome(() => loadCertificate(large))).toBe(
      'LIMIT_EXCEEDED a file is too large for a key or a certificate',
    );
    expect(outcome(() => loadPrivateKey(file('empty', ''), {}))).toBe(
      'KEY_BAD a file holds no private key that can be read',
    );
  });
});

describe('a signing command', () => {
  const message = Buffer.from('a message');
  const by = (name: string, command: string): Promise<Uint8Array> =>
    signChecked(execSigner(command, testCertificate(name).publicKey), message, 'sha256');
  const pkeyutl = (name: string): string =>
    `openssl pkeyutl -sign -inkey '${keyFile(`${name}.key`)}' -pkeyopt digest:sha256`;

  test('gives raw bytes or base64', async () => {
    const expected = await testSigner('db').sign(message, 'sha256');
    expect(Buffer.from(await by('db', pkeyutl('db')))).toEqual(expected);
    expect(Buffer.from(await by('db', `${pkeyutl('db')} | openssl base64`))).toEqual(expected);
    expect((await by('p256', pkeyutl('p256'))).length).toBeGreaterThan(66);
  });

  test('is told digest, hash and kind of the key', async () => {
    const note = join(folder, 'note');
    const command = `echo "$PLANISH_HASH $PLANISH_KEY_KIND $PLANISH_DIGEST" > '${note}'; ${pkeyutl('db')}`;
    await by('db', command);
    const digest = createHash('sha256').update(message).digest('hex');
    expect(readFileSync(note, 'utf8')).toBe(`sha256 rsa ${digest}\n`);
  });

  test.each([
    ['fails', 'exit 3', 'the signing command failed with status 3'],
    ['is killed', 'kill -9 $$', 'the signing command failed with SIGKILL'],
    ['does not exist', 'planish-no-such-command 2>/dev/null', 'the signing command failed with status 127'],
    ['writes nothing', 'true', 'what the signer returned is no signature by the key that was named'],
    [
      'uses another key',
      pkeyutl('other'),
      'what the signer returned is no signature by the key that was named',
    ],
    ['writes without end', 'yes', 'the signing command wrote more than a signature'],
  ])('that %s', async (_, command, message) => {
    await expect(by('db', command)).rejects.toMatchObject({ code: 'SIGNER_FAILED', message });
  });
});
