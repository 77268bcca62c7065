/**
 * Virtual machines for the boot tests: QEMU's plain emulator (TCG), one processor, OVMF that enforces Secure Boot. They
 * need no privileges, no /dev/kvm and no network. One at a time; each ends by itself, at a text that the firmware
 * writes, or after ten minutes.
 */
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const OVMF = '/usr/share/OVMF';
const FIRMWARE = join(OVMF, 'OVMF_CODE_4M.secboot.fd');
/** Against machines that hang; a good boot takes seconds, or minutes where the machine has other things to do. */
const LIMIT_MS = 600_000;
const GIVEN_UP = /No bootable option or device was found|Access [Dd]enied/;

/** Which keys the firmware begins with: those of Debian's test certificate, or none and waiting for some. */
export type FirmwareKeys = 'snakeoil' | 'setup';

/** How a machine is started. */
export interface MachineOptions {
  /** An ext4 image with serial `cfsdisk`. */
  readonly disk: string;
  /** Whether what it writes to the disk stays. Default false. */
  readonly keepDisk?: boolean;
  /** A second one, with serial `tools`, of which nothing is kept. */
  readonly tools?: string;
  /** By the firmware, from a directory that becomes a FAT disk; else directly. */
  readonly start:
    | { readonly esp: string; readonly variables: string }
    | { readonly kernel: string; readonly initrd: string; readonly append: string };
}

/** What came of it. */
export interface Boot {
  /** `off`: it ended by itself; `refused`: the firmware or boot loader gave up; `late`: it was stopped. */
  readonly ended: 'off' | 'refused' | 'late';
  /** What the init program said, without the marks. */
  readonly lines: readonly string[];
  /** All that came over the serial port. */
  readonly console: string;
  readonly seconds: number;
}

/** Why machines can't be started here, or `undefined`. */
export function machineMissing(): string | undefined {
  const tools = ['qemu-system-x86_64', 'mke2fs', 'debugfs', 'busybox', 'xz', 'cc', 'bsdtar'];
  const missing = tools.find((tool) => spawnSync('which', [tool]).status !== 0);
  if (missing !== undefined) return `${missing} is not on PATH`;
  return [FIRMWARE, variablesFile('snakeoil'), variablesFile('setup')]
    .filter((file) => !existsSync(file))
    .map((file) => `${file} is missing (package ovmf)`)[0];
}

function variablesFile(keys: FirmwareKeys): string {
  return join(OVMF, keys === 'setup' ? 'OVMF_VARS_4M.fd' : 'OVMF_VARS_4M.snakeoil.fd');
}

/** A private copy of the firmware's variables. */
export function makeVariables(keys: FirmwareKeys, directory: string): string {
  const copy = join(mkdtempSync(join(directory, 'variables-')), 'vars.fd');
  copyFileSync(variablesFile(keys), copy);
  return copy;
}

/** Starts a machine and waits for its end. */
export function boot(options: MachineOptions): Promise<Boot> {
  const began = Date.now();
  const child = spawn('qemu-system-x86_64', machineArguments(options), { stdio: ['ignore', 'pipe', 'pipe'] });
  let console = '';
  let ended: Boot['ended'] = 'off';
  const stop = (reason: Boot['ended']): void => {
    ended = reason;
    child.kill('SIGKILL');
  };
  const limit = setTimeout(stop, LIMIT_MS, 'late');
  const receive = (piece: Buffer): void => {
    console += piece.toString('latin1');
    if (GIVEN_UP.test(console)) stop('refused');
  };
  child.stdout.on('data', receive);
  child.stderr.on('data', receive);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => {
      clearTimeout(limit);
      keepConsole(began, console);
      resolve({ ended, lines: linesOf(console), console, seconds: (Date.now() - began) / 1000 });
    });
  });
}

/** For whoever looks for the reason of a failure: into the directory that `PLANISH_VM_CONSOLES` names. */
function keepConsole(began: number, console: string): void {
  const directory = process.env['PLANISH_VM_CONSOLES'] ?? '';
  if (directory !== '') writeFileSync(join(directory, `${began}.console`), console);
}

/** Whole lines only: the last one counts when its end has come. */
function linesOf(console: string): string[] {
  const whole = console.slice(0, console.lastIndexOf('\n') + 1).split(/\r*\n/);
  return whole.filter((line) => line.startsWith('@ ')).map((line) => line.slice(2).trimEnd());
}

/** Vectors are slower to emulate than what they are faster than. */
const PROCESSOR = 'max,avx=off,avx2=off';

function machineArguments({ disk, keepDisk, tools, start }: MachineOptions): string[] {
  const snapshot = keepDisk === true ? 'cache=unsafe' : 'snapshot=on';
  const base = [
    '-accel',
    'tcg',
    '-cpu',
    PROCESSOR,
    '-smp',
    '1',
    '-m',
    '1024',
    '-display',
    'none',
    '-nodefaults',
  ];
  const drive = (file: string, id: string, serial: string, cache: string): string[] => [
    ...['-drive', `file=${file},format=raw,if=none,id=${id},${cache}`],
    ...['-device', `virtio-blk-pci,drive=${id},serial=${serial}`],
  ];
  const disks = drive(disk, 'd', 'cfsdisk', snapshot);
  if (tools !== undefined) disks.push(...drive(tools, 't', 'tools', 'snapshot=on'));
  return [...base, '-no-reboot', '-serial', 'stdio', ...startArguments(start), ...disks];
}

function startArguments(start: MachineOptions['start']): string[] {
  if ('kernel' in start) {
    const { kernel, initrd, append } = start;
    return ['-machine', 'q35', '-kernel', kernel, '-initrd', initrd, '-append', append];
  }
  const flash = (unit: number, rest: string): string => `if=pflash,unit=${unit},format=raw,${rest}`;
  return [
    ...['-machine', 'q35,smm=on', '-global', 'driver=cfi.pflash01,property=secure,value=on'],
    ...['-drive', flash(0, `readonly=on,file=${FIRMWARE}`), '-drive', flash(1, `file=${start.variables}`)],
    ...['-drive', `file=fat:rw:${start.esp},format=raw,if=none,id=esp`],
    ...['-device', 'virtio-blk-pci,drive=esp,serial=esp,bootindex=1'],
  ];
}
