/**
 * Whatever is done to a PE file, a signature or a certificate, reading it ends soon, in a result or in an error about the
 * input; and what is changed of something signed is never taken for what was signed.
 */

import { describe, expect, it } from 'vitest';
import { attachSignature, detachSignatures, prepareAuthenticode } from '../../src/boot/authenticode.ts';
import { checkAuthenticode, verifyAuthenticode } from '../../src/boot/authenticode-verify.ts';
import { readCertificateTable } from '../../src/boot/certificate-table.ts';
import { authenticodeDigest, computeChecksum } from '../../src/boot/pe-digest.ts';
import { decodePeHeaders } from '../../src/boot/pe-headers.ts';
import { readUki } from '../../src/boot/uki.ts';
import { buildUki } from '../../src/boot/uki-writer.ts';
import { type ByteSource, byteSource } from '../../src/bytes/byte-source.ts';
import { isPlanishError } from '../../src/errors.ts';
import { parseCertificates } from '../../src/sign/certificate.ts';
import { encodeContentInfo, signCms } from '../../src/sign/cms.ts';
import { OID_DATA } from '../../src/sign/cms-format.ts';
import { type CmsSignedData, decodeCms, decodeSignedData } from '../../src/sign/cms-reader.ts';
import { verifyCms } from '../../src/sign/cms-verify.ts';
import { parsePrivateKey } from '../../src/sign/keys.ts';
import { cpuSecondsSince } from '../support/cpu-time.ts';
import { fc, place } from '../support/property.ts';
import { keyBytes, testCertificate, testSigner } from '../support/test-keys.ts';
import { makePe, makeStub, makeUki } from '../support/uki-maker.ts';

const isThorough = process.env['CI'] === 'true';
const runs = { numRuns: isThorough ? 1500 : 400 };
/** Seconds of processor time of one reading, with much to spare: none takes more than a few milliseconds. */
const SOON = 10;

const trusted = [testCertificate('db')];

/** Place as a fraction of the length, what is done there, and with what. */
const change = fc.record({
  at: place,
  how: fc.constantFrom('flip', 'word', 'cut', 'insert', 'drop', 'repeat'),
  byte: fc.integer({ min: 1, max: 255 }),
  word: fc.constantFrom(0, 1, 7, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_ffff),
  length: fc.nat(64),
});
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;
const changes = fc.array(change, { minLength: 1, maxLength: 4 });

function apply(bytes: Buffer, { at, how, byte, word, length }: Change, within = bytes.length): Buffer {
  const start = Math.floor(at * within);
  const [before, after] = [bytes.subarray(0, start), bytes.subarray(start)];
  if (how === 'cut') return Buffer.from(before);
  if (how === 'insert') return Buffer.concat([before, Buffer.alloc(length + 1, byte), after]);
  if (how === 'drop') return Buffer.concat([before, after.subarray(length + 1)]);
  if (how === 'repeat') return Buffer.concat([before, after.subarray(0, length), after]);
  const copy = Buffer.from(bytes);
  if (how === 'word' && start + 4 <= copy.length) copy.writeUInt32LE(word, start);
  else copy.writeUInt8((copy[start] ?? 0) ^ byte, start);
  return copy;
}

function changed(bytes: Buffer, list: readonly Change[], within?: number): Buffer {
  return list.reduce(
    (all, one) => (all.length === 0 ? all : apply(all, one, within && Math.min(within, all.length))),
    bytes,
  );
}

/** Whether it is refused. Demands that it ends soon, and that an error is about the input. */
function refused(action: () => unknown): boolean {
  const since = process.cpuUsage();
  try {
    action();
    return false;
  } catch (error) {
    if (!isPlanishError(error)) throw error;
    expect(['input', 'integrity'], `${error.code}: ${error.message}`).toContain(error.kind);
    expect(error.message).not.toContain('\n');
    return true;
  } finally {
    expect(cpuSecondsSince(since)).toBeLessThan(SOON);
  }
}

async function signed(bytes: Buffer): Promise<Buffer> {
  const unsigned = prepareAuthenticode(byteSource(bytes));
  const signature = await testSigner('db').sign(unsigned.toBeSigned, 'sha256');
  const source = attachSignature(byteSource(bytes), unsigned.finish(signature, testCertificate('db')));
  return Buffer.from(source.read(0, source.size));
}

/** All that reads a PE file. */
const READERS: Readonly<Record<string, (source: ByteSource) => unknown>> = {
  headers: decodePeHeaders,
  uki: readUki,
  digest: (source) => authenticodeDigest(source, decodePeHeaders(source)),
  checksum: (source) => computeChecksum(source, decodePeHeaders(source)),
  signatures: (source) => readCertificateTable(source, decodePeHeaders(source).certificateTable),
  verify: (source) => checkAuthenticode(source, trusted),
  sign: prepareAuthenticode,
  attach: (source) => attachSignature(source, Buffer.of(0x30, 0)),
  detach: (source) => detachSignatures(source).size,
};

describe('a PE file', async () => {
  const plain = makeUki({ cmdline: 'rw', uname: '6.12.1' });
  const whole = await signed(plain);
  const headerBytes = decodePeHeaders(byteSource(whole)).sizeOfHeaders;
  const table = decodePeHeaders(byteSource(whole)).certificateTable;

  it('with any changes is read or refused by every reader', () => {
    fc.assert(
      fc.property(fc.constantFrom(plain, whole), changes, fc.boolean(), (bytes, list, inHeaders) => {
        const source = byteSource(changed(bytes, list, inHeaders ? headerBytes : undefined));
        for (const read of Object.values(READERS)) refused(() => read(source));
      }),
      runs,
    );
  });

  it('that is signed does not verify with other bytes', () => {
    fc.assert(
      fc.property(changes, (list) => {
        const other = changed(whole, list);
        fc.pre(!other.equals(whole));
        expect(refused(() => verifyAuthenticode(byteSource(other), trusted))).toBe(true);
      }),
      runs,
    );
  });

  it('does not verify with other bytes and without a checksum', () => {
    const bare = Buffer.from(whole);
    bare.writeUInt32LE(0, decodePeHeaders(byteSource(bare)).optionalHeader + 64);
    expect(verifyAuthenticode(byteSource(bare), trusted).verified).toBe(true);
    const { offset = 0, size = 0 } = table ?? {};
    // The length of a signature may count the zeros that follow it.
    const masked = (bytes: Buffer): Buffer =>
      Buffer.concat([bytes.subarray(0, offset), bytes.subarray(offset + 4)]);
    const check = (other: Buffer): void => {
      fc.pre(!masked(other).equals(masked(bare)));
      expect(refused(() => verifyAuthenticode(byteSource(other), trusted))).toBe(true);
    };
    const flip = fc.tuple(fc.nat(size - 1), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(changes, flip, (list, [at, mask]) => {
        check(changed(bare, list));
        const other = Buffer.from(bare);
        other.writeUInt8((other[offset + at] ?? 0) ^ mask, offset + at);
        check(other);
      }),
      runs,
    );
  });

  it('cut anywhere is refused', () => {
    for (let length = 0; length < whole.length; length += 1) {
      const source = byteSource(whole.subarray(0, length));
      expect(refused(() => verifyAuthenticode(source, trusted))).toBe(true);
    }
  });

  it('of bytes that mean nothing is refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), fc.boolean(), (bytes, hasMagic) => {
        const all = hasMagic ? Buffer.concat([whole.subarray(0, 0x100), bytes]) : Buffer.from(bytes);
        for (const read of Object.values(READERS)) expect(refused(() => read(byteSource(all)))).toBe(true);
      }),
      runs,
    );
  });
});

describe('a stub and a kernel', () => {
  const kernel = makePe([
    ['.text', 'a kernel'],
    ['.sbat', 'sbat,1,SBAT Version,sbat,1,-\nlinux,1,Linux,linux,1,-\n'],
  ]);

  it('with any changes make a UKI that can be read and signed, or are refused', () => {
    fc.assert(
      fc.property(changes, fc.constantFrom('stub', 'kernel'), fc.boolean(), (list, which, inHeaders) => {
        const within = inHeaders ? 1536 : undefined;
        const stub = which === 'stub' ? changed(makeStub(), list, within) : makeStub();
        const linux = byteSource(which === 'kernel' ? changed(kernel, list, within) : kernel);
        let source: ByteSource | undefined;
        const osRelease = Buffer.from('ID=x\n');
        if (refused(() => (source = buildUki({ stub, osRelease, cmdline: 'rw', uname: '1', linux }).source)))
          return;
        const made = source as unknown as ByteSource;
        expect(readUki(made).cmdline).toBe('rw');
        refused(() => prepareAuthenticode(made));
      }),
      runs,
    );
  });
});

describe('a CMS signature', () => {
  const message = Buffer.from('what is signed');

  it.each([
    ['db', true],
    ['db', false],
    ['p256', true],
    ['p256', false],
  ])('by %s, with attributes %s, proves nothing else when it is changed', async (name, signedAttributes) => {
    const certificate = testCertificate(name);
    const content = { hash: 'sha256', contentType: OID_DATA, message, signedAttributes } as const;
    const spec = { ...content, certificates: [certificate] };
    const inner = Buffer.from(await signCms(spec, certificate, testSigner(name)));
    const forms: [Buffer, (bytes: Uint8Array) => CmsSignedData][] = [
      [Buffer.from(encodeContentInfo(inner)), decodeCms],
      [inner, decodeSignedData],
    ];
    for (const [whole, decode] of forms) {
      expect(verifyCms(decode(whole), message, [certificate]).anchor).toBe(certificate);
      for (let length = 0; length < whole.length; length += 1)
        expect(refused(() => decode(whole.subarray(0, length)))).toBe(true);
      fc.assert(
        fc.property(changes, (list) => {
          const other = changed(whole, list);
          fc.pre(!other.equals(whole));
          // Certificates, and a type that no attribute repeats, are not what is signed.
          refused(() => {
            const data = decode(other);
            const verdict = verifyCms(data, message, [certificate]);
            expect(verdict.anchor).toBe(certificate);
            expect(verdict.signer.publicKey.equals(certificate.publicKey)).toBe(true);
            expect(data.signers).toEqual(decode(whole).signers);
            if (signedAttributes) expect(data.contentType).toBe(OID_DATA);
          });
        }),
        runs,
      );
    }
  });

  it('of bytes that mean nothing, or of deep nesting, is refused', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(refused(() => decodeCms(bytes))).toBe(true);
        expect(refused(() => decodeSignedData(bytes))).toBe(true);
      }),
      runs,
    );
    for (const tag of [0x30, 0x31, 0xa0]) {
      let nested: Buffer = Buffer.of(tag, 0);
      for (let depth = 0; depth < 2000; depth += 1) nested = nest(tag, nested);
      expect(refused(() => decodeCms(nested))).toBe(true);
    }
  });
});

/** One more element around others. */
function nest(tag: number, inner: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(inner.length);
  const digits = length.subarray(length.findIndex((byte) => byte !== 0));
  const head = inner.length < 0x80 ? [tag, inner.length] : [tag, 0x80 | digits.length, ...digits];
  return Buffer.concat([Buffer.from(head), inner]);
}

describe('files of keys', () => {
  it.each(['db.crt', 'db.der', 'leaf.crt'])('certificates as %s, with any changes', (name) => {
    fc.assert(
      fc.property(changes, (list) => {
        refused(() => parseCertificates(changed(keyBytes(name), list), name));
      }),
      runs,
    );
  });

  it.each(['db.key', 'p256.key', 'db.pkcs1.der', 'db.pkcs8.der', 'ed25519.key'])(
    'a private key as %s, with any changes',
    (name) => {
      fc.assert(
        fc.property(changes, (list) => {
          refused(() => parsePrivateKey(changed(keyBytes(name), list), name, undefined));
        }),
        runs,
      );
    },
  );
});
