/**
 * A directory on disk with everything that one can hold, made by coreutils and setfattr and not by the code under
 * test. What needs root (devices, owners, trusted.*, security.*) is left out loudly where it cannot be made.
 */
import { spawnSync } from 'node:child_process';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Bytes of a path, one a character. */
export function raw(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}

/** Runs a tool on paths that may be any bytes; whether it worked. */
export function onPaths(tool: readonly string[], ...paths: string[]): boolean {
  const input = raw(paths.map((path) => `${path}\0`).join(''));
  return spawnSync('xargs', ['-0', ...tool], { input }).status === 0;
}

function must(done: boolean, what: string): void {
  if (!done) throw new Error(`making the fixture failed: ${what}`);
}

/** Sets an attribute without following links; the name in `printf %b` escapes, the value in hexadecimal. */
export function setAttribute(path: string, name: string, hex: string): boolean {
  const script = 'xargs -0 setfattr -h -n "$(printf %b "$1")" -v "0x$2"';
  return spawnSync('sh', ['-c', script, 'sh', name, hex], { input: raw(`${path}\0`) }).status === 0;
}

/** Sets the time without following links. */
export function setTime(path: string, seconds: string): void {
  must(onPaths(['touch', '-h', '-d', `@${seconds}`, '--'], path), `touch ${path}`);
}

/** Moves a file, and puts a link to it in its place. */
export function turnIntoLink(file: string): void {
  renameSync(file, `${file}.old`);
  symlinkSync(`${file}.old`, file);
}

/** Puts a pipe in the place of a file. */
export function turnIntoPipe(file: string): void {
  rmSync(file);
  must(onPaths(['mkfifo'], file), `mkfifo ${file}`);
}

/** Puts another file of the same size and time in the place of one. */
export function replaceAlike(file: string): void {
  const { size, mtime } = statSync(file);
  writeFileSync(`${file}.new`, Buffer.alloc(size, 'other'));
  utimesSync(`${file}.new`, mtime, mtime);
  renameSync(`${file}.new`, file);
}

const made: string[] = [];

/** Removes what {@link freshDirectory} made; for `afterAll`. */
export function removeDirectories(): void {
  for (const top of made.splice(0)) rmSync(top, { recursive: true, force: true });
}

/** A fresh directory with mode 0755, as bytes in a string. */
export function freshDirectory(): string {
  const top = mkdtempSync(join(tmpdir(), 'planish-rootfs-'));
  made.push(top);
  must(onPaths(['chmod', '0755', '--'], top), 'chmod');
  return Buffer.from(top, 'utf8').toString('latin1');
}

/** Whether the temporary directory holds `user.*` attributes; says so where it does not. */
export function holdsAttributes(): boolean {
  const holds =
    spawnSync('setfattr', ['--version']).status === 0 && setAttribute(freshDirectory(), 'user.a', '31');
  if (!holds)
    process.stderr.write('SKIPPED: attributes of rootfs: no setfattr, or a file system without user.*\n');
  return holds;
}

export interface RootfsFixture {
  readonly top: string;
  /** The socket's; must be closed. */
  readonly server: Server;
  /** Whether what needs root is there. */
  readonly privileged: boolean;
  /** What `render` must say of the tree. */
  readonly lines: readonly string[];
  /** `lines` without attributes. */
  readonly bareLines: readonly string[];
}

/** Makes the fixture. */
export async function makeRootfsFixture(): Promise<RootfsFixture> {
  const top = freshDirectory();
  makeFiles(top);
  makeAttributes(top);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(top, 'd', 'sock'), resolve));
  const privileged = makePrivileged(top);
  if (!privileged)
    process.stderr.write('SKIPPED: devices, owners, trusted.* and security.* of rootfs: not root\n');
  setModes(top);
  setTimes(top, privileged);
  const lines = expectedLines(privileged);
  return { top, server, privileged, lines, bareLines: lines.map((line) => line.replace(/ \{[^}]*\}/, '')) };
}

function makeFiles(top: string): void {
  mkdirSync(raw(`${top}/d/deep`), { recursive: true });
  mkdirSync(raw(`${top}/b\xffd`));
  writeFileSync(raw(`${top}/empty`), '');
  writeFileSync(raw(`${top}/d/64`), 'x'.repeat(64));
  writeFileSync(raw(`${top}/d/65`), 'y'.repeat(65));
  writeFileSync(raw(`${top}/d/deep/big`), 'z'.repeat(5000));
  writeFileSync(raw(`${top}/b\xffd/n\n\\=\xe9`), 'hi');
  symlinkSync(raw('/no/\xff\xfe where'), raw(`${top}/d/link`));
  symlinkSync(raw('d'), raw(`${top}/to-d`));
  must(onPaths(['mkfifo', '--'], `${top}/d/pipe`), 'mkfifo');
  linkSync(raw(`${top}/d/65`), raw(`${top}/hard`));
  linkSync(raw(`${top}/d/link`), raw(`${top}/b\xffd/hard-link`));
  linkSync(raw(`${top}/d/pipe`), raw(`${top}/hard-pipe`));
}

/** Binary, empty, large and oddly named values; on directories, hard links and names that are not UTF-8. */
function makeAttributes(top: string): void {
  const plan: [string, string, string][] = [
    [top, 'user.top', '726f6f74'],
    [`${top}/d`, 'user.bin', '00ff0a5c3d'],
    [`${top}/d/65`, 'user.b', 'ff'],
    [`${top}/d/65`, 'user.a', ''],
    [`${top}/empty`, 'user.a=b\\nc\\\\d', '01'],
    [`${top}/empty`, 'user.\\0377', '02'],
    [`${top}/b\xffd`, 'user.dir', '03'],
    [`${top}/b\xffd/n\n\\=\xe9`, 'user.file', '04'],
    [`${top}/d/deep/big`, 'user.large', 'ab'.repeat(3000)],
  ];
  for (const [path, name, hex] of plan) must(setAttribute(path, name, hex), `setfattr ${name}`);
}

function makePrivileged(top: string): boolean {
  if (process.getuid?.() !== 0) return false;
  return (
    onPaths(['sh', '-c', 'mknod "$0" c 259 1048575'], `${top}/d/char`) &&
    onPaths(['sh', '-c', 'mknod "$0" b 7 3'], `${top}/d/block`) &&
    onPaths(['sh', '-c', 'mknod "$0" c 0 0'], `${top}/d/whiteout`) &&
    onPaths(['chown', '-h', '4294967294:70000', '--'], `${top}/d/link`) &&
    setAttribute(`${top}/d/link`, 'trusted.l', '05') &&
    setAttribute(`${top}/d/pipe`, 'trusted.p', '06') &&
    setAttribute(`${top}/d/char`, 'security.selinux', '6c6162656c00') &&
    setAttribute(`${top}/d/64`, 'security.capability', '0100000200200000000000000000000000000000')
  );
}

function setModes(top: string): void {
  const modes: [string, string][] = [
    ['0755', `${top}/d`],
    ['1777', `${top}/d/deep`],
    ['0700', `${top}/b\xffd`],
    ['0644', `${top}/empty`],
    ['0600', `${top}/d/64`],
    ['4755', `${top}/d/65`],
    ['0644', `${top}/d/deep/big`],
    ['0640', `${top}/b\xffd/n\n\\=\xe9`],
    ['0622', `${top}/d/pipe`],
    ['0755', `${top}/d/sock`],
  ];
  for (const [mode, path] of modes) must(onPaths(['chmod', mode, '--'], path), `chmod ${path}`);
}

function setTimes(top: string, privileged: boolean): void {
  setTime(`${top}/d/link`, '-5.25');
  setTime(`${top}/d/64`, '-0.000000001');
  setTime(`${top}/d/65`, '1234567890.123456789');
  setTime(`${top}/d/deep/big`, '4294967296.5');
  const whole = ['d/pipe', 'd/sock', 'empty', 'to-d', 'b\xffd/n\n\\=\xe9'];
  if (privileged) whole.push('d/char', 'd/block', 'd/whiteout');
  for (const name of whole) setTime(`${top}/${name}`, '1700000000');
  // Directories last: what is made in them changes their times.
  for (const name of ['d/deep', 'd', 'b\xffd', '.']) setTime(`${top}/${name}`, '1600000000.000000001');
}

function expectedLines(privileged: boolean): string[] {
  const me = `${process.getuid?.()}:${process.getgid?.()}`;
  const at = '1700000000.0';
  const dirs = '1600000000.1';
  const large = 'ab'.repeat(3000);
  const cap = privileged ? ' {security.capability=0100000200200000000000000000000000000000}' : '';
  const link = privileged ? '4294967294:70000' : me;
  const all = [
    `/ directory 0755 ${me} ${dirs} {user.top=726f6f74}`,
    `/b\\xffd directory 0700 ${me} ${dirs} {user.dir=03}`,
    `/b\\xffd/hard-link symlink 0777 ${link} -6.750000000${privileged ? ' {trusted.l=05}' : ''} -> /no/\\xff\\xfe where`,
    `/b\\xffd/n\\x0a\\x5c=\\xe9 regular 0640 ${me} ${at} {user.file=04} "hi"`,
    `/d directory 0755 ${me} ${dirs} {user.bin=00ff0a5c3d}`,
    `/d/64 regular 0600 ${me} -1.999999999${cap} "${'x'.repeat(64)}"`,
    `/d/65 regular 4755 ${me} 1234567890.123456789 {user.a= user.b=ff} 65 bytes without digest`,
    `/d/block block 0644 ${me} ${at} 7:3`,
    `/d/char character 0644 ${me} ${at} {security.selinux=6c6162656c00} 259:1048575`,
    `/d/deep directory 1777 ${me} ${dirs}`,
    `/d/deep/big regular 0644 ${me} 4294967296.500000000 {user.large=${large}} 5000 bytes without digest`,
    '/d/link = /b\\xffd/hard-link',
    `/d/pipe fifo 0622 ${me} ${at}${privileged ? ' {trusted.p=06}' : ''}`,
    `/d/sock socket 0755 ${me} ${at}`,
    `/d/whiteout character 0644 ${me} ${at} 0:0`,
    `/empty regular 0644 ${me} ${at} {user.\\xff=02 user.a=b\\x0ac\\x5cd=01} ""`,
    '/hard = /d/65',
    '/hard-pipe = /d/pipe',
    `/to-d symlink 0777 ${me} ${at} -> d`,
  ];
  const devices = /^\/d\/(block|char|whiteout) /;
  return privileged ? all : all.filter((line) => !devices.test(line));
}
