/** The fs-verity builtin signatures that the kernel of the test machine is to accept or to refuse, as files of its disk. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { computeVerityDigest } from '../../src/fsverity/digest.ts';
import { encodeContentInfo, signCms } from '../../src/sign/cms.ts';
import { OID_DATA } from '../../src/sign/cms-format.ts';
import { keyBytes, testCertificate, testSigner } from './test-keys.ts';

/** A file, whose signature it is given, which certificate is loaded before, and the kernel's answer. */
export interface SignatureCase {
  readonly file: string;
  /** `KEY/FILE`: by that key over that file. */
  readonly signature: string;
  readonly before: string;
  readonly answer: string;
}

/** In this order: keys stay loaded, and a file can be enabled once. */
export const SIGNATURE_CASES: readonly SignatureCase[] = [
  { file: 'rsa', signature: 'db/rsa', before: '-', answer: 'ENOKEY' },
  { file: 'rsa', signature: 'db/rsa', before: 'db', answer: 'ok' },
  { file: 'ecdsa', signature: 'p256/ecdsa', before: 'p256', answer: 'ok' },
  { file: 'stranger', signature: 'other/stranger', before: '-', answer: 'ENOKEY' },
  { file: 'exchanged', signature: 'db/rsa', before: '-', answer: 'EKEYREJECTED' },
  { file: 'garbage', signature: 'garbage', before: '-', answer: 'EBADMSG' },
  { file: 'unsigned', signature: '-', before: '-', answer: 'ok' },
  { file: 'demanded', signature: '-', before: 'require', answer: 'EPERM' },
];

const content = (name: string): Buffer => Buffer.from(`the content of ${name}\n`.repeat(400));

/** Writes files, signatures, certificates, and the order in which the machine tries them. */
export async function writeSignatureCases(directory: string): Promise<void> {
  mkdirSync(directory);
  for (const { file } of SIGNATURE_CASES) writeFileSync(join(directory, file), content(file));
  for (const key of ['db', 'p256']) writeFileSync(join(directory, `${key}.der`), testCertificate(key).der);
  writeFileSync(join(directory, 'garbage.sig'), keyBytes('db.crt'));
  const lines = SIGNATURE_CASES.map(({ file, signature, before }) => {
    const key = before === '-' || before === 'require' ? before : `${before}.der`;
    return `${file} ${signature === '-' ? '-' : `${signature.replace('/', '-')}.sig`} ${key}\n`;
  });
  writeFileSync(join(directory, 'order'), lines.join(''));
  for (const { signature } of SIGNATURE_CASES) await writeSignature(directory, signature);
}

async function writeSignature(directory: string, signature: string): Promise<void> {
  const [key, file] = signature.split('/');
  if (key === undefined || file === undefined) return;
  writeFileSync(join(directory, `${key}-${file}.sig`), await signed(key, content(file)));
}

/** PKCS#7 over the kernel's formatted digest: no content, no attributes, no certificate. */
async function signed(key: string, bytes: Uint8Array): Promise<Uint8Array> {
  const digest = Buffer.from(computeVerityDigest(bytes, 'sha256'), 'hex');
  const message = Buffer.concat([Buffer.from('FSVerity'), Buffer.from([1, 0, digest.length, 0]), digest]);
  const spec = {
    hash: 'sha256',
    contentType: OID_DATA,
    message,
    signedAttributes: false,
    certificates: [],
  } as const;
  return encodeContentInfo(await signCms(spec, testCertificate(key), testSigner(key)));
}
