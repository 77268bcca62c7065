/**
 * A sealed image in a machine with enforcing Secure Boot: what it boots, and what it refuses. Ten boots, one after
 * another. The repository on its disk is emitted by planish; fs-verity is switched on by planish's own C, inside.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { planish, planishJson, temporaryDirectory } from '../support/cli.ts';
import { keyFile } from '../support/test-keys.ts';
import { trixieFile } from '../support/trixie.ts';
import { changeDisk, copyDisk, flipByte, makeDisk } from '../support/vm-disk.ts';
import { type DumpedFile, dumpBootable } from '../support/vm-dump.ts';
import { CAPABILITY, makeVmSource, type VmSource, vmRoot } from '../support/vm-image.ts';
import { type Boot, boot, machineMissing, makeVariables } from '../support/vm-machine.ts';
import { SIGNATURE_CASES, writeSignatureCases } from '../support/vm-signatures.ts';

/** On a loaded machine. */
const LONG = 600_000;

const SNAKEOIL = '/usr/share/ovmf/PkKek-1-snakeoil';

const root = vmRoot();
const missing = 'missing' in root ? root.missing : machineMissing();
if (missing !== undefined) process.stderr.write(`SKIPPED: booting sealed images: ${missing}\n`);
const able = missing === undefined;

const top = temporaryDirectory();
const at = (name: string): string => join(top, name);

/** Files whose contents are compared, and what else is asked of them. */
const FILES = [
  '/usr/lib/os-release',
  '/usr/bin/dpkg',
  '/usr/bin/tar',
  '/usr/bin/sed',
  '/usr/bin/gzip',
  '/opt/capable',
];
const PLACES = ['/usr/bin', '/bin', '/proc', ...FILES];

describe.skipIf(!able)('a sealed image', () => {
  let sealed: string;
  let digest: string;
  let plain: string;
  let commandLine: string;
  let tree: Map<string, DumpedFile>;
  let prepared: Boot;

  beforeAll(async () => {
    const source = await makeVmSource((root as { tar: string }).tar, top);
    sealImage(source);
    tree = dumpBootable(sealed);
    await makeRepositoryDisk();
    prepared = await boot({
      disk: at('disk.img'),
      keepDisk: true,
      start: {
        kernel: source.kernel,
        initrd: source.initrd,
        append: 'console=ttyS0 quiet panic=-1 planish.task=seal',
      },
    });
  }, LONG);

  /** By planish, with Debian's test key, whose certificate the firmware's variables hold. */
  function sealImage(source: VmSource): void {
    const key = ['rsa', '-passin', 'pass:snakeoil', '-in', `${SNAKEOIL}.key`, '-out', at('snakeoil.key')];
    execFileSync('openssl', key, { stdio: 'ignore' });
    sealed = `oci:${at('sealed')}:os`;
    const args = [
      'seal',
      source.reference,
      '-o',
      sealed,
      '--key',
      at('snakeoil.key'),
      '--cert',
      `${SNAKEOIL}.pem`,
    ];
    const result = planishJson([...args, '--compression', 'none']);
    const [uki] = result.files as [{ path: string; cmdline: string }];
    expect(uki.path).toBe(`/boot/EFI/Linux/${source.kernelVersion}.efi`);
    commandLine = uki.cmdline;
    digest = (result.argument as string).replace('composefs=', '');
    expect(digest).toMatch(/^[0-9a-f]{128}$/);
    writeFileSync(at('good.efi'), planish(['cat', sealed, uki.path]).stdout);
    copyFileSync(at('good.efi'), at('unsigned.efi'));
    execFileSync('sbattach', ['--remove', at('unsigned.efi')], { stdio: 'ignore' });
  }

  async function makeRepositoryDisk(): Promise<void> {
    mkdirSync(at('disk'));
    const emitted = planishJson(['emit', sealed, '--repo', at('disk/composefs')]);
    const images = emitted.images as { kind: string; digest: string }[];
    expect(images.find(({ kind }) => kind === 'bootable')?.digest).toBe(digest);
    plain = images.find(({ kind }) => kind === 'plain')?.digest as string;
    await writeSignatureCases(at('disk/signatures'));
    const probes = [
      ...PLACES.flatMap((path) => [`stat ${path}`, `xattr ${path} security.selinux`]),
      ...FILES.map((path) => `sha256 ${path}`),
      'xattr /opt/capable security.capability',
      'link /etc/os-release',
      'list /boot',
      'write /usr/new',
      'run /usr/bin/dpkg --version',
    ];
    writeFileSync(at('disk/probes'), `${probes.join('\n')}\n`);
    const printed = planish([
      'mount',
      '--print',
      '--kernel',
      '6.12',
      '--repo',
      at('disk/composefs'),
      digest,
      '/printed',
    ]);
    writeFileSync(at('disk/mount.sh'), printed.stdout.toString().replaceAll(at('disk/'), '/disk/'));
    makeDisk(at('disk.img'), at('disk'), 512);
  }

  /** From the firmware, with what lies on the EFI system partition. */
  async function start(uki: string, disk = at('disk.img')): Promise<Boot> {
    mkdirSync(at('esp/EFI/BOOT'), { recursive: true });
    copyFileSync(uki, at('esp/EFI/BOOT/BOOTX64.EFI'));
    return await boot({ disk, start: { esp: at('esp'), variables: makeVariables('snakeoil', top) } });
  }

  const contentHash = (path: string): string =>
    createHash('sha256')
      .update(planish(['cat', sealed, path]).stdout)
      .digest('hex');
  const objectOf = (path: string): string => `/composefs/objects/${tree.get(path)?.object}`;

  it('lies in a repository that gets fs-verity inside the machine, and builtin signatures are checked', () => {
    expect(prepared).toMatchObject({ ended: 'off' });
    const enabled = prepared.lines.find((line) => line.startsWith('enabled '));
    expect(enabled).toBe(
      `enabled ${
        execFileSync('find', [at('disk/composefs/objects'), '-type', 'f'])
          .toString()
          .trim()
          .split('\n').length
      }`,
    );
    expect(prepared.lines.filter((line) => line.startsWith('enable '))).toEqual([
      'enable /disk/composefs/meta.json ok',
      ...SIGNATURE_CASES.map(({ file, answer }) => `enable ${file} ${answer}`),
    ]);
    expect(prepared.lines).toContain('key db.der ok');
    expect(prepared.lines).toContain('key p256.der ok');
    expect(prepared.lines.at(-1)).toBe('END');
  });

  it(
    'boots: the firmware accepts it, the kernel measures its digest, and every file reads right',
    async () => {
      const { ended, lines } = await start(at('good.efi'));
      expect(ended).toBe('off');
      expect(lines).toContain('secureboot 1');
      expect(lines).toContain('lockdown none [integrity] confidentiality');
      expect(lines).toContain(`cmdline ${commandLine}`);
      expect(lines).toContain(`measured ${digest}`);
      expect(lines).toContain(`mount /disk/composefs/images/${digest} ok`);
      for (const path of PLACES) {
        const { stat, xattrs } = tree.get(path) as DumpedFile;
        expect(lines).toContain(`stat ${path} ${stat}`);
        expect(lines).toContain(
          `xattr security.selinux /new${path} ${xattrs.get('security.selinux') ?? 'ENODATA'}`,
        );
      }
      expect(PLACES.filter((path) => !tree.get(path)?.xattrs.has('security.selinux'))).toEqual(['/proc']);
      for (const path of FILES) expect(lines).toContain(`sha256 ${path} ${contentHash(path)}`);
      expect(lines).toContain(`xattr security.capability /new/opt/capable ${CAPABILITY.toString('hex')}`);
      expect(lines).toContain('link /etc/os-release ../usr/lib/os-release');
      expect(lines).toContain('list /boot');
      expect(lines).toContain('write /usr/new Read-only file system');
      expect(lines.find((line) => line.startsWith('run '))).toMatch(
        /^run \/usr\/bin\/dpkg --version Debian 'dpkg'/,
      );
      expect(lines.at(-1)).toBe('END');

      // The commands of `mount --print`, run by the shell there, make the same mount.
      expect(lines.filter((line) => line.startsWith('mount.sh:'))).toEqual([]);
      const [shown, hash] = lines.filter((line) => line.startsWith('printed '));
      expect(shown).toMatch(new RegExp(`^printed composefs:${digest} /printed overlay ro,.*verity=require`));
      expect(hash).toBe(`printed ${contentHash('/usr/bin/dpkg')}  -`);
      expect(lines).toContain(`files ${tree.size}`);
    },
    LONG,
  );

  it.each([
    ['without a signature', (): string => at('unsigned.efi')],
    ['whose digest was changed after signing', (): string => changed()],
    ['signed with another key', (): string => otherKey()],
  ])(
    'is refused by the firmware %s',
    async (_, uki) => {
      const { ended, lines, console } = await start(uki());
      expect(lines).toEqual([]);
      expect(ended).toBe('refused');
      expect(console).toMatch(/failed to load Boot\w+ .*Access Denied/);
    },
    LONG,
  );

  function changed(): string {
    const bytes = readFileSync(at('good.efi'));
    const place = bytes.indexOf(digest);
    bytes[place] = digest.startsWith('0') ? 0x31 : 0x30;
    writeFileSync(at('changed.efi'), bytes);
    return at('changed.efi');
  }

  function otherKey(): string {
    const args = ['--key', keyFile('other.key'), '--cert', keyFile('other.crt')];
    execFileSync('sbsign', [...args, '--output', at('other.efi'), at('unsigned.efi')], { stdio: 'ignore' });
    return at('other.efi');
  }

  it(
    'gives no byte of an object that was tampered with',
    async () => {
      const disk = copyDisk(at('disk.img'), at('tampered.img'));
      flipByte(disk, objectOf('/usr/bin/dpkg'));
      changeDisk(disk, `rm ${objectOf('/usr/bin/tar')}`);
      changeDisk(disk, `ln ${objectOf('/opt/capable')} ${objectOf('/usr/bin/tar')}`);
      changeDisk(disk, `rm ${objectOf('/usr/bin/sed')}`);
      changeDisk(disk, `write ${at('disk')}${objectOf('/usr/bin/sed')} ${objectOf('/usr/bin/sed')}`);
      changeDisk(disk, `rm ${objectOf('/usr/bin/gzip')}`);
      const { lines } = await start(at('good.efi'), disk);
      rmSync(disk);
      expect(lines).toContain(`measured ${digest}`);
      expect(lines).toContain(`sha256 /usr/lib/os-release ${contentHash('/usr/lib/os-release')}`);
      for (const name of ['dpkg', 'tar', 'sed'])
        expect(lines).toContain(`sha256 /usr/bin/${name} Input/output error`);
      expect(lines).toContain('sha256 /usr/bin/gzip No such file or directory');
      const said = lines.filter((line) => line.startsWith('dmesg ')).join('\n');
      expect(said).toContain('FILE CORRUPTED!');
      expect(said).toContain('has the wrong fs-verity digest');
      expect(said).toContain('has no fs-verity digest');
      expect(said).toContain('lazy lowerdata lookup failed');
    },
    LONG,
  );

  it(
    'is not replaced by another image',
    async () => {
      const disk = copyDisk(at('disk.img'), at('replaced.img'));
      changeDisk(disk, `rm /composefs/images/${digest}`);
      changeDisk(
        disk,
        `symlink /composefs/images/${digest} ../objects/${plain.slice(0, 2)}/${plain.slice(2)}`,
      );
      const { lines } = await start(at('good.efi'), disk);
      rmSync(disk);
      expect(lines).toContain(`measured ${plain}`);
      expect(lines).toContain('refused: the image is another one');
      expect(lines.some((line) => line.startsWith('mount '))).toBe(false);
    },
    LONG,
  );

  it(
    'boots on a machine that took up keys of our own, from a disk that had fs-verity from the start',
    async () => {
      const loader = trixieFile('usr/lib/systemd/boot/efi/systemd-bootx64.efi', 'taking up keys of our own');
      if (loader === undefined) return;
      const esp = at('own');
      for (const directory of ['EFI/BOOT', 'EFI/Linux', 'loader'])
        mkdirSync(join(esp, directory), { recursive: true });
      writeFileSync(join(esp, 'loader/loader.conf'), 'secure-boot-enroll force\ntimeout 0\n');
      const db = ['--key', keyFile('db.key'), '--cert', keyFile('db.crt')];
      planishJson(['pe', 'sign', loader, '-o', join(esp, 'EFI/BOOT/BOOTX64.EFI'), ...db]);
      planishJson(['pe', 'sign', at('unsigned.efi'), '-o', join(esp, 'EFI/Linux/os.efi'), ...db]);
      const pair = (name: string): string[] => [
        `--${name}`,
        keyFile(`${name}.crt`),
        `--${name}-key`,
        keyFile(`${name}.key`),
      ];
      planishJson(['enroll', '--esp', esp, ...pair('pk'), ...pair('kek'), '--db', keyFile('db.crt')]);
      planishJson(['emit', sealed, '--disk', at('own.img')]);

      const variables = makeVariables('setup', top);
      const first = await boot({ disk: at('own.img'), start: { esp, variables } });
      expect(first.ended).toBe('off');
      expect(first.lines).toEqual([]);
      const { lines } = await boot({ disk: at('own.img'), start: { esp, variables } });
      expect(lines).toContain('secureboot 1');
      expect(lines).toContain(`measured ${digest}`);
      expect(lines).toContain(`sha256 /usr/bin/dpkg ${contentHash('/usr/bin/dpkg')}`);
      expect(lines.filter((line) => line.startsWith('dmesg integrity: Loaded X.509 cert'))).toHaveLength(1);
      expect(lines.at(-1)).toBe('END');
      // Debian's test certificate is nobody here.
      copyFileSync(at('good.efi'), join(esp, 'EFI/Linux/os.efi'));
      const refused = await boot({ disk: at('own.img'), start: { esp, variables } });
      expect(refused.ended).toBe('refused');
      expect(refused.lines).toEqual([]);
    },
    LONG,
  );
});
