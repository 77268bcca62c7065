/** Signatures of PE files against sbverify, sbsign and pesign. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { detachSignatures, prepareAuthenticode } from '../../src/boot/authenticode.ts';
import { checkAuthenticode } from '../../src/boot/authenticode-verify.ts';
import { computeChecksum } from '../../src/boot/pe-digest.ts';
import { decodePeHeaders } from '../../src/boot/pe-headers.ts';
import { buildUki } from '../../src/boot/uki-writer.ts';
import { byteSource } from '../../src/bytes/byte-source.ts';
import { temporaryDirectory } from '../support/cli.ts';
import { hasTool, runTool } from '../support/composefs-tools.ts';
import { signPe } from '../support/signed-pe.ts';
import { keyFile, testCertificate } from '../support/test-keys.ts';
import { trixieFile } from '../support/trixie.ts';

const stubFile = trixieFile('usr/lib/systemd/boot/efi/linuxx64.efi.stub', 'Authenticode of real stubs');
const folder = temporaryDirectory();
const trusted = [testCertificate('db')];

function whole(source: ReturnType<typeof byteSource>): Buffer {
  return Buffer.from(source.read(0, source.size));
}

function tool(program: string, args: readonly string[]): string {
  const { status, stdout, stderr } = runTool(program, args);
  return `${status} ${stdout.toString().trim() || stderr.trim()}`;
}

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const canSbsign = hasTool('sbsign', 'Authenticode against sbsign and sbverify');
const canPesign = hasTool('pesign', 'Authenticode against pesign');

describe.skipIf(stubFile === undefined).each(['a loader', 'a UKI', 'a UKI of an odd size'])('%s', (kind) => {
  const path = stubFile ?? '';
  const loader =
    stubFile === undefined
      ? Buffer.of()
      : readFileSync(path.replace('linuxx64.efi.stub', 'systemd-bootx64.efi'));
  const parts = {
    stub: stubFile === undefined ? loader : readFileSync(path),
    osRelease: Buffer.from('ID=x\n'),
    cmdline: 'rw',
  };
  const make = (): Buffer => {
    if (kind === 'a loader') return loader;
    const uki = whole(buildUki({ ...parts, linux: byteSource(loader), uname: '1' }).source);
    return kind === 'a UKI' ? uki : Buffer.concat([uki, Buffer.from('odd')]);
  };

  test.skipIf(!canSbsign)('sbverify accepts ours, and none that is changed or by another', async () => {
    const ours = file('ours.efi', await signPe(make()));
    expect(tool('sbverify', ['--cert', keyFile('db.crt'), ours])).toBe('0 Signature verification OK');
    expect(tool('sbverify', ['--cert', keyFile('other.crt'), ours])).toMatch(/^1 /);
    const changed = await signPe(make());
    changed[0x400] = (changed[0x400] ?? 0) ^ 1;
    expect(tool('sbverify', ['--cert', keyFile('db.crt'), file('changed.efi', changed)])).toMatch(/^1 /);
  });

  test.skipIf(!canSbsign)('we accept that of sbsign, whose digest, place and checksum are ours', async () => {
    const unsigned = make();
    const theirs = join(folder, 'sbsign.efi');
    const args = ['--key', keyFile('db.key'), '--cert', keyFile('db.crt'), '--output', theirs];
    expect(tool('sbsign', [...args, file('unsigned.efi', unsigned)])).toMatch(/^0 /);
    const source = byteSource(readFileSync(theirs));
    expect(checkAuthenticode(source, trusted)).toMatchObject({
      verified: true,
      signatures: [{ fault: undefined }],
    });
    const headers = decodePeHeaders(source);
    const ours = decodePeHeaders(byteSource(await signPe(unsigned)));
    expect(headers.certificateTable?.offset).toBe(ours.certificateTable?.offset);
    expect([0, computeChecksum(source, headers)]).toContain(headers.checkSum); // 0.9.4 leaves it out
    expect(checkAuthenticode(source, [testCertificate('other')]).signatures[0]?.fault?.code).toBe(
      'SIGNATURE_UNTRUSTED',
    );
  });

  test.skipIf(!canPesign)('pesign computes the digest that we sign', async () => {
    const { digest } = prepareAuthenticode(byteSource(make()));
    const hex = Buffer.from(digest).toString('hex');
    for (const bytes of [make(), await signPe(make())]) {
      if (bytes.length % 8 !== 0) continue; // pesign does not fill up before it hashes
      expect(tool('pesign', ['-h', '-i', file('hash.efi', bytes)])).toContain(hex);
    }
  });

  test.skipIf(!canSbsign)('two signatures: each is accepted, in ours and in theirs', async () => {
    const twice = await signPe(await signPe(make()), 'kek');
    for (const name of ['db', 'kek']) {
      const verdict = checkAuthenticode(byteSource(twice), [testCertificate(name)]);
      expect(verdict.signatures.map(({ anchor }) => anchor)).toEqual(
        ['db', 'kek'].map((key) => (key === name ? `CN=planish test ${name}` : undefined)),
      );
      expect(tool('sbverify', ['--cert', keyFile(`${name}.crt`), file('twice.efi', twice)])).toMatch(/^0 /);
    }
    const theirs = join(folder, 'twice-sbsign.efi');
    const args = ['--key', keyFile('kek.key'), '--cert', keyFile('kek.crt'), '--output', theirs];
    tool('sbsign', [...args, file('once.efi', await signPe(make()))]);
    expect(checkAuthenticode(byteSource(readFileSync(theirs)), trusted).verified).toBe(true);
  });

  test('taken off again, the file is what it was, filled up', async () => {
    const unsigned = make();
    const off = whole(detachSignatures(byteSource(await signPe(unsigned))));
    const headers = decodePeHeaders(byteSource(off));
    const at = headers.optionalHeader + 64;
    const masked = (bytes: Buffer): string =>
      Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 4)]).toString('hex');
    expect(masked(off.subarray(0, unsigned.length)) === masked(unsigned)).toBe(true);
    expect(off.subarray(unsigned.length).every((byte) => byte === 0)).toBe(true);
  });

  test('python3-pefile computes our checksum', async () => {
    const ours = file('checksum.efi', await signPe(make()));
    const script =
      'import pefile,sys; pe=pefile.PE(sys.argv[1],fast_load=True); print(pe.OPTIONAL_HEADER.CheckSum, pe.generate_checksum())';
    const { stdout } = spawnSync('python3', ['-c', script, ours], {
      env: { ...process.env, PYTHONPATH: path.replace(/usr\/lib\/.*/, 'usr/lib/python3/dist-packages') },
    });
    const { checkSum } = decodePeHeaders(byteSource(readFileSync(ours)));
    expect(stdout.toString().trim()).toBe(`${checkSum} ${checkSum}`);
  });

  test('is signed the same again', async () => {
    expect((await signPe(make())).equals(await signPe(make()))).toBe(true);
  });
});
