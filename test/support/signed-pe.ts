/** Signed PE files for tests. */
import { attachSignature, prepareAuthenticode } from '../../src/boot/authenticode.ts';
import { byteSource } from '../../src/bytes/byte-source.ts';
import { testCertificate, testSigner } from './test-keys.ts';

/** The file with one more signature, by a key of `fixtures/keys`, that names a certificate of there. */
export async function signPe(bytes: Uint8Array, key = 'db', certificate = key): Promise<Buffer> {
  const source = byteSource(bytes);
  const unsigned = prepareAuthenticode(source);
  const signature = await testSigner(key).sign(unsigned.toBeSigned, 'sha256');
  const signed = attachSignature(source, unsigned.finish(signature, testCertificate(certificate)));
  return Buffer.from(signed.read(0, signed.size));
}
