/**
 * Reading a directory, compared with programs that nobody here wrote: find and getfattr for what an inode is,
 * cfsctl (composefs-rs) for the tree it makes of the same directory, fsverity for digests of contents.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ByteString, byteString, fromBytes } from '../../src/bytes/byte-string.ts';
import type { Xattrs } from '../../src/bytes/stat.ts';
import { measureFile } from '../../src/io/measure-file.ts';
import { measureTree, scanRootfs } from '../../src/io/rootfs.ts';
import { nativeBackend, portableBackend, type RootfsBackend } from '../../src/io/rootfs-backend.ts';
import type { Rootfs } from '../../src/io/rootfs-scan.ts';
import { findGetfattr, parseGetfattr } from '../../src/io/xattr-getfattr.ts';
import { contentSize, type Node, TYPE_BITS } from '../../src/tree/tree.ts';
import { countLinks, walk } from '../../src/tree/walk.ts';
import { render } from '../support/tree-builder.ts';
import { makeRootfsFixture, type RootfsFixture, raw, removeDirectories } from '../unit/io/rootfs-fixture.ts';
import { freshHelpers } from '../unit/native/build-helpers.ts';

const MEBI = 1 << 20;
const helpers = freshHelpers();
const getfattr = findGetfattr();

function has(tool: string, ...args: string[]): boolean {
  const found = spawnSync(tool, args).status === 0;
  if (!found) process.stderr.write(`SKIPPED: rootfs against ${tool}: it is not installed\n`);
  return found;
}

const hasFind = has('find', '--version') && has('getfattr', '--version');
const hasCfsctl = has('cfsctl', '--help');
const hasFsverity = has('fsverity', '--version');

const backends: [string, RootfsBackend][] = [];
if (helpers !== undefined) backends.push(['native', nativeBackend(helpers, 'all')]);
if (getfattr !== undefined) backends.push(['node and getfattr', portableBackend(getfattr, 'a test')]);
if (backends.length === 0) process.stderr.write('SKIPPED: rootfs: neither a C compiler nor getfattr\n');

/** Directories with thousands of entries that nobody writes to meanwhile. */
const candidates = ['../../node_modules/zod', '../../node_modules/.bin', '../../node_modules/typescript'];
const trees = [
  ...candidates.map((path) => new URL(path, import.meta.url).pathname),
  '/usr/share/zoneinfo',
].filter((path) => existsSync(path));

let fixture: RootfsFixture;
const directories = (): string[] => [fixture.top, ...trees];

beforeAll(async () => {
  fixture = await makeRootfsFixture();
});
afterAll(() => {
  fixture.server.close();
  removeDirectories();
});

function run(tool: string, args: string[], input = ''): ByteString {
  const result = spawnSync(tool, args, { maxBuffer: 512 * MEBI, input: raw(input) });
  if (result.status !== 0) throw new Error(`${tool}: ${result.stderr}`);
  return fromBytes(result.stdout);
}

/** A directory whose name may be any bytes is given on standard input. */
function runOn(tool: string[], directory: string): ByteString {
  return run('xargs', ['-0', ...tool], `${directory}\0`);
}

const FIND_LETTER = {
  directory: 'd',
  regular: 'f',
  symlink: 'l',
  character: 'c',
  block: 'b',
  fifo: 'p',
  socket: 's',
};

function findLine(path: string, node: Node, links: number | undefined): string {
  const { mode, uid, gid, mtime } = node.metadata;
  const time = `${mtime.sec}.${String(mtime.nsec).padStart(9, '0')}`;
  const size = node.type === 'regular' ? contentSize(node.content) : '-';
  const target = node.type === 'symlink' ? node.target : '';
  return [
    path.slice(1),
    FIND_LETTER[node.type],
    mode.toString(8),
    uid,
    gid,
    time,
    size,
    links ?? '-',
    target,
  ].join('\0');
}

/** The output of `find -printf`, sorted; find prints a tenth digit of the nanoseconds, always 0. */
function fromFind(output: ByteString): string[] {
  return output
    .split('\0\0\n')
    .slice(0, -1)
    .map((line) => {
      const [path, type, mode, uid, gid, time, size, links, target] = line.split('\0') as string[];
      const trimmed = (time as string).replace(/(\.\d{9})0$/, '$1');
      return [
        path,
        type,
        mode,
        uid,
        gid,
        trimmed,
        type === 'f' ? size : '-',
        type === 'd' ? '-' : links,
        target,
      ].join('\0');
    })
    .sort();
}

function attributesOf(rootfs: Rootfs, top: string): Map<string, Xattrs> {
  const found = new Map<string, Xattrs>();
  for (const { path, node } of walk(rootfs.root)) {
    if (node.metadata.xattrs.size > 0) found.set(path === '/' ? top : top + path, node.metadata.xattrs);
  }
  return found;
}

describe.skipIf(!hasFind).each(backends)('find and getfattr agree with %s', (_, backend) => {
  it('on every inode', async () => {
    for (const top of directories()) {
      const { root } = await scanRootfs(raw(top), { backend });
      const links = countLinks(root);
      const ours = [...walk(root)].map(({ path, node }) =>
        findLine(path, node, node.type === 'directory' ? undefined : links.get(node)),
      );
      const format = '%P\\0%y\\0%m\\0%U\\0%G\\0%T@\\0%s\\0%n\\0%l\\0\\0\\n';
      const theirs = fromFind(runOn(['sh', '-c', `find "$0" -printf '${format}'`], top));
      expect(ours.sort()).toEqual(theirs);
      expect(ours.length).toBeGreaterThan(10);
    }
  });

  it('on every attribute', async () => {
    for (const top of directories()) {
      const rootfs = await scanRootfs(raw(top), { backend });
      const flags = ['-R', '-P', '-h', '-d', '-m', '-', '-e', 'hex', '--absolute-names', '--'];
      const theirs = parseGetfattr(runOn(['getfattr', ...flags], top));
      expect(attributesOf(rootfs, top)).toEqual(theirs);
    }
  });
});

/** One line of a composefs dumpfile, as far as the tree alone decides it. */
interface DumpLine {
  readonly path: string;
  readonly mode: string;
  readonly owner: string;
  readonly mtime: string;
  readonly rdev: string;
  readonly size: string;
  readonly payload: string;
  readonly digest: string;
  readonly xattrs: string[];
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', '\\': '\\' };

function unquote(field: string): string {
  return field.replace(/\\(?:x([0-9a-f]{2})|(.))/g, (_, hex: string | undefined, letter: string) =>
    hex === undefined ? (ESCAPES[letter] ?? letter) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function parseDumpLine(line: string): DumpLine | undefined {
  const [path, size, mode, , uid, gid, rdev, mtime, payload, , digest, ...xattrs] = line.split(
    ' ',
  ) as string[];
  if (mode?.startsWith('@')) return undefined;
  const kind = Number.parseInt(mode as string, 8) & 0o170000;
  return {
    path: unquote(path as string),
    mode: mode as string,
    owner: `${uid}:${gid}`,
    mtime: mtime as string,
    rdev: rdev as string,
    size: kind === TYPE_BITS.regular ? (size as string) : '-',
    payload: kind === TYPE_BITS.symlink ? unquote(payload as string) : '-',
    digest: digest as string,
    xattrs: xattrs.map(unquote).sort(),
  };
}

function dumpLine(path: string, node: Node): DumpLine {
  const { mode, uid, gid, mtime, xattrs } = node.metadata;
  const device = node.type === 'character' || node.type === 'block';
  const rdev = device ? encodeDevice(node.major, node.minor) : 0;
  const content = node.type === 'regular' ? node.content : undefined;
  return {
    path,
    mode: (TYPE_BITS[node.type] | mode).toString(8),
    owner: `${uid}:${gid}`,
    mtime: `${mtime.sec}.${mtime.nsec}`,
    rdev: String(rdev),
    size: content === undefined ? '-' : String(contentSize(content)),
    payload: node.type === 'symlink' ? node.target : '-',
    digest: content?.kind === 'external' ? String(content.verity) : '-',
    xattrs: [...xattrs].map(([name, value]) => `${name}=${fromBytes(value)}`).sort(),
  };
}

function encodeDevice(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

describe.skipIf(!hasCfsctl || helpers === undefined)('cfsctl create-dumpfile', () => {
  it('sees the same tree, with the same digests of contents', async () => {
    const backend = nativeBackend(helpers as never, 'all');
    let digests = 0;
    for (const top of directories()) {
      const rootfs = await scanRootfs(raw(top), { backend });
      await measureTree(rootfs, async (files) =>
        files.map(({ path, size }) => measureFile(path, size, 'sha256')),
      );
      const ours = [...walk(rootfs.root)]
        .filter(({ firstPath }) => firstPath === undefined)
        .map(({ path, node }) => dumpLine(path, node));
      const output = run('cfsctl', [
        '--hash',
        'sha256',
        'create-dumpfile',
        '--no-propagate-usr-to-root',
        top,
      ]);
      const theirs = output
        .split('\n')
        .filter((line) => line !== '')
        .map(parseDumpLine)
        .filter((line) => line !== undefined);
      expect(ours).toEqual(theirs);
      digests += ours.filter(({ digest }) => digest !== '-').length;
    }
    expect(digests).toBeGreaterThan(100);
  });
});

describe.skipIf(!hasFsverity)('fsverity digest', () => {
  it('measures the same', async () => {
    const { files } = await scanRootfs(trees[0] as string, { backend: portableBackend(undefined, 'a test') });
    // Every so-and-so-many file: a process each.
    const chosen = files.filter((_, index) => index % Math.ceil(files.length / 40) === 0);
    expect(chosen.length).toBeGreaterThan(20);
    for (const algorithm of ['sha256', 'sha512'] as const) {
      const args = ['-0', 'fsverity', 'digest', '--compact', `--hash-alg=${algorithm}`];
      const theirs = run('xargs', args, chosen.map((path) => `${path}\0`).join(''))
        .trim()
        .split('\n');
      const sizes = run(
        'xargs',
        ['-0', 'stat', '-c', '%s'],
        chosen.map((path) => `${path}\0`).join(''),
      ).split('\n');
      const ours = chosen.map((path, index) =>
        measureFile(byteString(path), Number(sizes[index]), algorithm),
      );
      expect(ours).toEqual(theirs);
    }
  });
});

describe.skipIf(backends.length < 2)('a real tree', () => {
  it('is the same by every backend', async () => {
    for (const top of directories()) {
      const [first, ...others] = await Promise.all(
        backends.map(async ([, backend]) => {
          const { root, files, totalBytes } = await scanRootfs(raw(top), { backend });
          return { lines: render(root), files, totalBytes };
        }),
      );
      for (const other of others) expect(other).toEqual(first);
    }
  });
});
