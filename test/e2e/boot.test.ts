/**
 * A sealed image in a machine with enforcing Secure Boot: what it boots, and what it refuses. Ten boots, one after
 * another. The first starts without firmware and runs planish itself inside: it emits the image into the repository of the disk, with
 * fs-verity, from which the others boot, and shows what else it does on a file system that has fs-verity.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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
import {
  EMIT_SEALED,
  findPeers,
  learnFacts,
  machineSteps,
  PROBES,
  type ProbeName,
  prepareTools,
  probeHash,
  type StepFacts,
  TREE_SUMS,
} from '../support/vm-steps.ts';
import { makeToolsDisk, type StepAnswer, stepAnswers } from '../support/vm-tools.ts';

/** On a loaded machine. */
const LONG = 600_000;

const SNAKEOIL = '/usr/share/ovmf/PkKek-1-snakeoil';

const root = vmRoot();
const missing = 'missing' in root ? root.missing : machineMissing();
if (missing !== undefined) process.stderr.write(`SKIPPED: booting sealed images: ${missing}\n`);
const able = missing === undefined;
const peers = able ? findPeers() : { cfsctl: false, mountComposefs: false };
const loader = able
  ? trixieFile('usr/lib/systemd/boot/efi/systemd-bootx64.efi', 'taking up keys of our own')
  : undefined;

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
  let facts: StepFacts;
  let answers: Map<string, StepAnswer>;

  beforeAll(async () => {
    const source = await makeVmSource((root as { tar: string }).tar, top);
    sealImage(source);
    tree = dumpBootable(sealed);
    await makeRepositoryDisk();
    await makeTools();
    prepared = await boot({
      disk: at('disk.img'),
      keepDisk: true,
      start: {
        kernel: source.kernel,
        initrd: source.initrd,
        append: 'console=ttyS0 quiet loglevel=1 panic=-1 planish.task=verbs',
      },
      tools: at('tools.img'),
    });
    answers = stepAnswers(prepared.lines);
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
    const emitted = planishJson(['emit', sealed, '--repo', at('composefs')]);
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
      at('composefs'),
      digest,
      '/printed',
    ]);
    writeFileSync(
      at('disk/mount.sh'),
      printed.stdout.toString().replaceAll(at('composefs'), '/disk/composefs'),
    );
    makeDisk(at('disk.img'), at('disk'), 512);
  }

  async function makeTools(): Promise<void> {
    await prepareTools(at('tools'), peers);
    facts = learnFacts(at('store'), at('tools'));
    cpSync(at('sealed'), at('tools/sealed'), { recursive: true });
    makeToolsDisk(at('tools.img'), at('tools'), machineSteps(facts, peers));
    rmSync(at('tools'), { recursive: true });
  }

  /** What came of a step; the beginning of its line will do. */
  function answer(step: string): StepAnswer {
    const found =
      [...answers].find(([line]) => line === step) ?? [...answers].find(([line]) => line.startsWith(step));
    if (found === undefined)
      throw new Error(`the machine did not get to: ${step}\n${prepared.console.slice(-2000)}`);
    return found[1];
  }

  /** The document that a verb printed. */
  // biome-ignore lint/suspicious/noExplicitAny: documents of many shapes.
  function document(step: string, status = 0): any {
    const { lines, status: actual } = answer(step);
    expect([step, actual, lines.join('\n')]).toEqual([step, status, expect.stringMatching(/^\{[\s\S]*\}$/)]);
    return JSON.parse(lines.join('\n'));
  }

  const lines = (step: string): readonly string[] => answer(step).lines;

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

  it('is emitted by planish inside the machine, every object with fs-verity that the kernel enforces', () => {
    expect(prepared).toMatchObject({ ended: 'off' });
    const emitted = document(EMIT_SEALED);
    expect(emitted).toMatchObject({ created: true, secure: true, verity: 'required', warnings: [] });
    const images = (emitted.images as { kind: string; digest: string }[]).map((one) => [
      one.kind,
      one.digest,
    ]);
    expect(images).toEqual([
      ['plain', plain],
      ['bootable', digest],
    ]);
    // Nothing was left for the program that switches fs-verity on.
    expect(lines('tool enable-tree')).toEqual(['enabled 0']);
    expect(lines('tool enable sha512')).toEqual(['enable /disk/composefs/meta.json EEXIST']);
  });

  it('has builtin signatures checked by the kernel', () => {
    expect(
      prepared.lines.filter(
        (line) => line.startsWith('enable /disk/signatures') || /^enable \w+ /.test(line),
      ),
    ).toEqual(SIGNATURE_CASES.map(({ file, answer: result }) => `enable ${file} ${result}`));
    expect(prepared.lines).toContain('key db.der ok');
    expect(prepared.lines).toContain('key p256.der ok');
    expect(prepared.lines.at(-1)).toBe('END');
  });

  describe('a repository on a file system with fs-verity', () => {
    const file = (name: ProbeName): string => `/mnt/${PROBES[name]}`;
    const good = (): string => `${probeHash('good')}  ${file('good')}`;

    it('is secure and sound', () => {
      const emitted = document('planish --json emit oci:/probe:probe');
      expect(emitted).toMatchObject({ created: true, secure: true, verity: 'required', warnings: [] });
      expect(emitted.images[0].digest).toBe(facts.probe);
      expect(document('planish --json repo fsck /disk/small')).toMatchObject({ secure: true, findings: [] });
    });

    it('is mounted by digest, and what was changed is refused by the kernel and named by fsck', () => {
      const mounted = document(`planish --json mount --repo /disk/small ${facts.probe}`);
      expect(mounted).toMatchObject({ digest: facts.probe, verity: true, readOnly: true });
      expect(lines("grep ' /mnt ' /proc/mounts").join()).toMatch(
        new RegExp(`^composefs:${facts.probe} /mnt overlay ro,.*verity=require`),
      );
      expect(lines(`sha256sum ${file('good')}`)).toEqual([good()]);
      expect(lines('tool xattr')).toEqual([
        `xattr security.capability ${file('good')} ${CAPABILITY.toString('hex')}`,
      ]);
      for (const name of ['bare', 'exchanged'] as const) {
        const [said] = lines(`sha256sum ${file(name)} 2>&1`);
        expect(said).toMatch(new RegExp(`${file(name)}.*: Input/output error$`));
      }
      const kernel = prepared.lines
        .filter((line) => line.startsWith('dmesg overlayfs: lower file'))
        .join('\n');
      expect(kernel).toMatch(/has no fs-verity digest\n.*has the wrong fs-verity digest$/);
      expect(document('planish --json umount /mnt')).toMatchObject({ mountpoint: '/mnt' });
      const findings = document('planish --json repo fsck /disk/small # changed', 1).findings as {
        problem: string;
        path: string;
      }[];
      const objects = findings.filter(({ path }) => path.startsWith('objects/'));
      const { bare, exchanged } = facts.objects;
      expect(objects.map(({ problem, path }) => `${problem} ${path}`).sort()).toEqual(
        [bare, exchanged].map((path) => `object-verity objects/${path}`).sort(),
      );
    });

    it('is mounted writable, and with other owners', () => {
      const mounted = document('planish --json mount --repo /disk/small --upper');
      expect(mounted).toMatchObject({ digest: facts.probe, verity: true, readOnly: false });
      expect(lines('echo new')).toEqual(['new']);
      expect(lines(`sha256sum ${file('bare')} 2>&1 # restored`)).toEqual([
        `${probeHash('bare')}  ${file('bare')}`,
      ]);
      expect(answer('planish umount /mnt # writable').status).toBe(0);
      expect(document('planish --json mount --repo /disk/small --idmap').verity).toBe(true);
      expect(lines('stat -c')).toEqual(['100000:100000']);
      expect(answer('planish umount /mnt # mapped').status).toBe(0);
    });

    it('gives no image that is not as promised', () => {
      const code = (step: string): unknown[] => [lines(step)[0]?.split(': ')[1], answer(step).status];
      expect(code(`planish mount --objects /disk/small/objects --digest 0000`)).toEqual([
        'VERITY_MISMATCH',
        4,
      ]);
      expect(code(`planish mount --objects /disk/small/objects --digest ${facts.probe}`)).toEqual([
        'VERITY_MISSING',
        4,
      ]);
      expect(code('planish umount /mnt # nothing')).toEqual(['NOT_MOUNTED', 2]);
    });

    it.skipIf(!peers.cfsctl)('is mounted and found sound by cfsctl', () => {
      for (const verb of ['fsck', 'oci fsck'])
        expect(lines(`cfsctl --repo /disk/small --require-verity ${verb}`)).toContain('status: ok');
      expect(answer('cfsctl --repo /disk/small oci mount').status).toBe(0);
      expect(lines("grep ' /mnt ' /proc/mounts # cfsctl").join()).toContain('verity=require');
      expect(lines(`sha256sum ${file('good')} # cfsctl`)).toEqual([good()]);
      expect(answer('cfsctl --repo /disk/composefs oci mount --bootable').status).toBe(0);
      expect(lines('sha256sum /mnt/usr/bin/dpkg # cfsctl')).toEqual([
        `${contentHash('/usr/bin/dpkg')}  /mnt/usr/bin/dpkg`,
      ]);
    });

    it('in the layout of mkcomposefs is mounted by the kernel', () => {
      const emitted = document('planish --json emit rootfs:/tree');
      expect(emitted).toMatchObject({ digest: facts.store, verity: 'enabled', algorithm: 'sha256' });
      expect(lines('tool measure')).toEqual([`measure /disk/store/image.cfs sha256:${facts.store}`]);
      expect(lines('tool mount')).toEqual(['mount /disk/store/image.cfs ok']);
      expect(lines('cd /mnt && sha256sum small sub/large # kernel')).toEqual(TREE_SUMS);
    });

    const demands =
      'in the layout of mkcomposefs is mounted by mount.composefs, which demands digest and fs-verity';
    it.skipIf(!peers.mountComposefs)(demands, () => {
      expect(answer('mount.composefs -o basedir')).toEqual({ lines: [], status: 0 });
      expect(lines('cd /mnt && sha256sum small sub/large # mount.composefs')).toEqual(TREE_SUMS);
    });
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
      changeDisk(disk, `write ${top}${objectOf('/usr/bin/sed')} ${objectOf('/usr/bin/sed')}`);
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

  it.skipIf(loader === undefined)(
    'boots on a machine that took up keys of our own, from a disk that had fs-verity from the start',
    async () => {
      const esp = at('own');
      for (const directory of ['EFI/BOOT', 'EFI/Linux', 'loader'])
        mkdirSync(join(esp, directory), { recursive: true });
      writeFileSync(join(esp, 'loader/loader.conf'), 'secure-boot-enroll force\ntimeout 0\n');
      const db = ['--key', keyFile('db.key'), '--cert', keyFile('db.crt')];
      planishJson(['pe', 'sign', loader as string, '-o', join(esp, 'EFI/BOOT/BOOTX64.EFI'), ...db]);
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
