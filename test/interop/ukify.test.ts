/** UKIs and addons of ours against those of ukify 257, byte for byte. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { decodePe, findSection, readTextSection } from '../../src/boot/pe.ts';
import { decodePeHeaders, NX_COMPAT, OPTIONAL } from '../../src/boot/pe-headers.ts';
import { buildAddon, buildUki, type UkiParts } from '../../src/boot/uki-writer.ts';
import { type ByteSource, byteSource } from '../../src/bytes/byte-source.ts';
import { temporaryDirectory } from '../support/cli.ts';
import { runTool } from '../support/composefs-tools.ts';
import { trixieFile } from '../support/trixie.ts';

const EFI = 'usr/lib/systemd/boot/efi';
const ukify = trixieFile('bin/ukify', 'UKIs against ukify');
const folder = temporaryDirectory();

/** Writes an input and gives its path. */
function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

const whole = (source: ByteSource): Buffer => Buffer.from(source.read(0, source.size));

/** What ukify makes with these arguments. */
function byUkify(args: readonly string[]): Buffer {
  const output = join(folder, 'by-ukify.efi');
  const { status, stderr } = runTool(ukify ?? '', ['build', ...args, '--output', output]);
  if (status !== 0) throw new Error(stderr);
  return readFileSync(output);
}

describe.skipIf(ukify === undefined)('ukify', () => {
  const efi = (name: string): string => join(process.env['PLANISH_TRIXIE'] ?? '', EFI, name);
  const stub = ukify === undefined ? Buffer.of() : readFileSync(efi('linuxx64.efi.stub'));
  // Any EFI program will do; this one has revocation lines of its own.
  const linux = ukify === undefined ? Buffer.of() : readFileSync(efi('systemd-bootx64.efi'));
  const withoutNx = Buffer.from(linux);
  if (linux.length > 0) {
    const at = decodePeHeaders(byteSource(linux)).optionalHeader + OPTIONAL.dllCharacteristics;
    withoutNx.writeUInt16LE(linux.readUInt16LE(at) & ~NX_COMPAT, at);
  }
  const withNx = Buffer.from(linux);
  if (linux.length > 0) {
    const at = decodePeHeaders(byteSource(linux)).optionalHeader + OPTIONAL.dllCharacteristics;
    withNx.writeUInt16LE(linux.readUInt16LE(at) | NX_COMPAT, at);
  }
  const initrds = [Buffer.alloc(1001, 'a'), Buffer.alloc(70_003, 'b'), Buffer.alloc(4096, 'c')];
  const osRelease = Buffer.from('ID=debian\nPRETTY_NAME="Debian GNU/Linux 13 (trixie) ü"\n');
  const cmdline = `console=ttyS0 quiet composefs=${'0123456789abcdef'.repeat(8)}`;

  const cases: [string, Omit<UkiParts, 'stub' | 'osRelease'>][] = [
    ['a kernel and an initrd', { linux: byteSource(linux), initrds: [byteSource(initrds[0] ?? linux)] }],
    ['a kernel that needs executable memory', { linux: byteSource(withoutNx) }],
    ['a kernel that does not', { linux: byteSource(withNx) }],
    ['several initrds', { linux: byteSource(linux), initrds: initrds.map(byteSource) }],
    [
      'everything',
      {
        linux: byteSource(linux),
        initrds: initrds.slice(0, 2).map(byteSource),
        dtb: Buffer.from('a device tree'),
        splash: Buffer.from('a picture'),
        pcrPublicKey: Buffer.from('a key'),
        microcode: byteSource(Buffer.alloc(511, 'm')),
      },
    ],
  ];

  test.each(cases)('%s', (_, parts) => {
    const args = [`--stub=${efi('linuxx64.efi.stub')}`, `--linux=${file('linux', whole(parts.linux))}`];
    parts.initrds?.forEach((initrd, index) => {
      args.push(`--initrd=${file(`initrd${index}`, whole(initrd))}`);
    });
    args.push(
      `--cmdline=${cmdline}`,
      `--os-release=@${file('os-release', osRelease)}`,
      '--uname=6.12.1-test',
    );
    if (parts.dtb !== undefined) args.push(`--devicetree=${file('dtb', parts.dtb)}`);
    if (parts.splash !== undefined) args.push(`--splash=${file('splash', parts.splash)}`);
    if (parts.pcrPublicKey !== undefined) args.push(`--pcrpkey=${file('key', parts.pcrPublicKey)}`);
    if (parts.microcode !== undefined) args.push(`--microcode=${file('ucode', whole(parts.microcode))}`);
    const ours = buildUki({ ...parts, stub, osRelease, cmdline, uname: '6.12.1-test' });
    expect(ours.sbatMerged).toBe(true);
    expect(whole(ours.source).equals(byUkify(args))).toBe(true);
  });

  test('an addon', () => {
    const addon = readFileSync(efi('addonx64.efi.stub'));
    const args = [`--stub=${efi('addonx64.efi.stub')}`, '--cmdline=debug rw', '--uname=6.12.1-test'];
    const ours = buildAddon({ stub: addon, cmdline: 'debug rw', uname: '6.12.1-test' });
    expect(whole(ours.source).equals(byUkify(args))).toBe(true);
  });

  test('revocation lines of stub and kernel are both in it', () => {
    const { source } = buildUki({ stub, linux: byteSource(linux), osRelease, cmdline: 'rw' });
    const section = findSection(decodePe(source), '.sbat');
    if (section === undefined) throw new Error('no .sbat');
    const names = Buffer.from(readTextSection(source, section)).toString().split('\n');
    expect(names.map((line) => line.split(',')[0])).toEqual([
      'sbat',
      'systemd-stub',
      'systemd-stub.debian',
      'systemd-boot',
      'systemd-boot.debian',
      'uki',
      '\0',
    ]);
  });
});
