/** Tars of ours in the hands of GNU tar, bsdtar, tar-stream and Go, and theirs in ours. */
import { createHash } from 'node:crypto';
import {
  closeSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { extract } from 'tar-stream';
import { afterAll, describe, expect, it } from 'vitest';
import { byteString } from '../../src/bytes/byte-string.ts';
import { type TarEntry, TarScanner } from '../../src/tar/index.ts';
import { archive, entryBytes, expand, rawHeader, record, type Scanned, scan } from '../unit/tar/support.ts';
import { findTool, gnuList, listLine, run } from './tar-list.ts';

const hasTar = findTool('tar');
const hasBsdtar = findTool('bsdtar');
const hasGo = findTool('go', ['version']);
const fixtures = new URL('../../fixtures/tar/', import.meta.url).pathname;
const work = mkdtempSync(join(tmpdir(), 'planish-tar-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const hasXattrs = findTool('setfattr', ['-n', 'user.probe', work]);

const n = (count: number): string => 'n'.repeat(count);
const time = { sec: 1_234_567_890, nsec: 0 };
const binary = Uint8Array.from({ length: 256 }, (_, index) => index);
const text = (content: string): Buffer => Buffer.from(content);

/** Everything the writer can write, small enough to be looked at whole. */
const everything: [Parameters<typeof record>[0], Buffer?][] = [
  [{ type: 'directory', path: 'dir', mode: 0o755 }],
  [{ path: 'dir/hello', size: 6, mode: 0o640 }, text('hello\n')],
  [{ path: 'dir/empty', mode: 0o4711 }],
  [{ path: 'dir/caf\xe9', size: 3 }, text('raw')],
  [{ path: 'dir/line\nbreak\\', size: 1 }, text('x')],
  [{ type: 'hardlink', path: 'dir/hello2', linkTarget: 'dir/hello', mode: 0o640 }],
  [{ type: 'symlink', path: 'dir/link', linkTarget: '../some\xff/where', mode: 0o777 }],
  [{ type: 'symlink', path: 'dir/long-link', linkTarget: `${n(120)}/x`, mode: 0o777 }],
  [{ type: 'fifo', path: 'dir/fifo', mode: 0o600 }],
  [{ type: 'directory', path: `dir/${n(90)}`, mode: 0o700 }],
  [{ path: `dir/${n(90)}/${n(90)}`, size: 700, mode: 0o600 }, Buffer.alloc(700, 'y')],
  [{ path: `dir/${n(90)}/${n(200)}`, size: 512 }, Buffer.alloc(512, 'z')],
  [{ type: 'directory', path: `dir/${n(90)}/${n(150)}`, mode: 0o755 }],
  [{ path: 'dir/owner', uid: 4_294_967_294, gid: 2_097_152 }],
  [{ path: 'dir/before', mtime: { sec: -86_400, nsec: 0 } }],
  [{ path: 'dir/late', mtime: { sec: 8_589_934_592, nsec: 0 } }],
  [
    {
      path: 'dir/xattrs',
      size: 1,
      xattrs: new Map([
        [byteString('user.binary'), binary],
        [byteString('user.empty'), new Uint8Array(0)],
      ]),
    },
    text('x'),
  ],
];
const devices: [Parameters<typeof record>[0], Buffer?][] = [
  [{ type: 'character', path: 'dir/null', major: 1, minor: 3, mode: 0o666 }],
  [{ type: 'block', path: 'dir/disk', major: 259, minor: 1_048_575, mode: 0o660 }],
];

function make(name: string, list: typeof everything): { file: string; found: Scanned[] } {
  const tar = archive(
    ...list.map(([fields, content]) => entryBytes(record({ mtime: time, ...fields }), content)),
  );
  const file = join(work, name);
  writeFileSync(file, tar);
  return { file, found: scan(tar).found };
}

const withDevices = make('devices.tar', [...everything, ...devices]);
const ordinary = make('ordinary.tar', everything);

describe.skipIf(!hasTar)('GNU tar', () => {
  it('lists all we write', () => {
    expect(gnuList(withDevices.file)).toEqual(withDevices.found.map(({ entry }) => listLine(entry)));
  });

  it('extracts all we write', () => {
    const out = mkdtempSync(join(work, 'out-'));
    const options = ['--no-same-owner', '--preserve-permissions', '--delay-directory-restore'];
    run('tar', ['--extract', ...options, '--file', ordinary.file], out);
    const root = Buffer.from(`${out}/`);
    for (const { entry, stored } of ordinary.found) {
      const path = Buffer.concat([root, Buffer.from(entry.path, 'latin1')]);
      const stat = lstatSync(path);
      expect(stat.mode & 0o7777).toBe(entry.mode);
      // Not every file system goes beyond what 32 bits can count.
      if (entry.mtime.sec >= 0 && entry.mtime.sec < 2 ** 31)
        expect(stat.mtimeMs / 1000).toBe(entry.mtime.sec);
      if (entry.type === 'regular') expect(readFileSync(path).equals(stored)).toBe(true);
      if (entry.type === 'symlink') expect(readlinkSync(path, 'latin1')).toBe(entry.linkTarget);
      expect(typeOf(stat)).toBe(entry.type === 'hardlink' ? 'regular' : entry.type);
    }
    expect(lstatSync(join(out, 'dir/hello')).ino).toBe(lstatSync(join(out, 'dir/hello2')).ino);
  });

  it.skipIf(!hasXattrs)('packs again what it extracted, attributes and all, and we read the same', () => {
    const out = mkdtempSync(join(work, 'again-'));
    const list = everything.filter(([{ path }]) => path === 'dir' || path === 'dir/xattrs');
    const { file, found } = make('xattrs.tar', list);
    const xattrs = ['--xattrs', '--xattrs-include=user.*'];
    run('tar', ['--extract', '--no-same-owner', ...xattrs, '--file', file], out);
    const again = join(work, 'xattrs-again.tar');
    run('tar', ['--create', '--format=posix', ...xattrs, '--file', again, 'dir'], out);
    const entry = scan(readFileSync(again)).found.find((one) => one.entry.path === 'dir/xattrs')?.entry;
    expect(entry?.xattrs).toEqual(found[1]?.entry.xattrs);
    expect(entry?.xattrs.size).toBe(2);
  });

  it.each(readdirSync(fixtures).filter((name) => name.endsWith('.tar')))('lists %s as we read it', (name) => {
    const { found } = scan(readFileSync(join(fixtures, name)));
    expect(gnuList(join(fixtures, name))).toEqual(found.map(({ entry }) => listLine(entry)));
  });

  it('ignores the size of a hard link, as we do', () => {
    const file = join(work, 'hardlink-size.tar');
    const link = rawHeader({ name: 'link', type: '1', linkname: 'file', size: 1000 });
    writeFileSync(file, archive(rawHeader({}), link, rawHeader({ name: 'next' })));
    expect(gnuList(file)).toEqual(scan(readFileSync(file)).found.map(({ entry }) => listLine(entry)));
    expect(gnuList(file).length).toBe(3);
  });
});

function typeOf(stat: ReturnType<typeof lstatSync>): TarEntry['type'] {
  if (stat?.isDirectory() === true) return 'directory';
  if (stat?.isSymbolicLink() === true) return 'symlink';
  return stat?.isFIFO() === true ? 'fifo' : 'regular';
}

describe.skipIf(!hasBsdtar)('bsdtar', () => {
  it('reads all we write', () => {
    const options = ['--format=mtree', '--options=!all,mode,uid,gid,size,type,time,link,device,sha256'];
    const text = run('bsdtar', ['-cf', '-', ...options, `@${withDevices.file}`]);
    const lines = text.trimEnd().split('\n').slice(1);
    const seen = new Map(lines.map((line) => [line.split(' ')[0], line.split(' ').slice(1).sort()]));
    const expected = withDevices.found.map((one): [string, string[]] => {
      const name = one.entry.path.replace(/\/$/, '');
      return [`./${name.replace(UNPRINTABLE, escapeOctal)}`, mtreeWords(one).sort()];
    });
    expect(seen).toEqual(new Map(expected));
  });
});

/** What mtree escapes. */
const UNPRINTABLE = /[^\x21-\x5b\x5d-\x7e]/g;

/** The words that bsdtar's mtree writer says of an entry, its name left out. */
function mtreeWords({ entry, stored }: Scanned): string[] {
  const types = {
    regular: 'file',
    directory: 'dir',
    symlink: 'link',
    hardlink: 'file',
    character: 'char',
    block: 'block',
    fifo: 'fifo',
  };
  const words = [
    `mode=${entry.mode.toString(8)}`,
    `gid=${entry.gid}`,
    `uid=${entry.uid}`,
    `time=${entry.mtime.sec}.0`,
    `type=${types[entry.type]}`,
  ];
  if (entry.type === 'symlink') words.push(`link=${entry.linkTarget.replace(UNPRINTABLE, escapeOctal)}`);
  if (entry.type === 'character' || entry.type === 'block')
    words.push(`device=native,${entry.major},${entry.minor}`);
  if (entry.type === 'regular') {
    words.push(`size=${entry.size}`, `sha256digest=${createHash('sha256').update(stored).digest('hex')}`);
  }
  if (entry.type === 'hardlink') words.push('size=0');
  return words;
}

function escapeOctal(character: string): string {
  return `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`;
}

describe('tar-stream', () => {
  it('reads all we write', async () => {
    const names = {
      regular: 'file',
      directory: 'directory',
      symlink: 'symlink',
      hardlink: 'link',
      character: 'character-device',
      block: 'block-device',
      fifo: 'fifo',
    };
    const { found } = withDevices;
    const tar = readFileSync(withDevices.file);
    const seen: object[] = [];
    // Its types leave this option out.
    const options: object = { filenameEncoding: 'latin1' };
    const stream = extract(options);
    for await (const entry of Readable.from([tar]).pipe(stream)) {
      const parts: Buffer[] = [];
      for await (const part of entry) parts.push(part as Buffer);
      const { name, type, linkname, mode, size, devmajor, devminor, pax, ...header } = entry.header;
      const records = new Map<string, string>(Object.entries(pax ?? {}));
      // It applies only names and sizes of PAX records, and hands the rest on as text in UTF-8, whatever it is told.
      const uid = Number(records.get('uid') ?? header.uid);
      const gid = Number(records.get('gid') ?? header.gid);
      const sec = Number(records.get('mtime') ?? Number(header.mtime) / 1000);
      const xattrs = [...records.keys()].filter((key) => key.startsWith('SCHILY.xattr.'));
      const content = Buffer.concat(parts).toString('latin1');
      seen.push({ name, type, linkname, mode, uid, gid, sec, size, devmajor, devminor, xattrs, content });
    }
    const expected = found.map(({ entry, stored }) => ({
      name: entry.path,
      type: names[entry.type],
      linkname: entry.linkTarget === '' ? null : entry.linkTarget,
      mode: entry.mode,
      uid: entry.uid,
      gid: entry.gid,
      sec: entry.mtime.sec,
      size: entry.size,
      devmajor: entry.major,
      devminor: entry.minor,
      xattrs: [...entry.xattrs.keys()].map((name) => `SCHILY.xattr.${name}`),
      content: stored.toString('latin1'),
    }));
    expect(seen).toEqual(expected);
  });
});

describe.skipIf(!hasGo)('Go', () => {
  const types: Readonly<Record<string, TarEntry['type']>> = {
    '0': 'regular',
    '7': 'regular',
    S: 'regular',
    '1': 'hardlink',
    '2': 'symlink',
    '3': 'character',
    '4': 'block',
    '5': 'directory',
    '6': 'fifo',
  };
  const program = join(work, 'list');
  const list = (file: string): object[] => {
    const lines = run(program, [file]).trimEnd().split('\n');
    return lines.map((line) => {
      const { type, ...rest } = JSON.parse(line);
      return { type: types[type], ...rest };
    });
  };
  const hex = (name: string): string => Buffer.from(name, 'latin1').toString('hex');
  const inGoWords = (one: Scanned): object => {
    const { type, path, linkTarget, mode, uid, gid, mtime, size, major, minor, xattrs } = one.entry;
    const content = size <= 2 ** 24 ? expand(one) : '';
    return {
      type,
      path: hex(path),
      linkTarget: hex(linkTarget),
      mode,
      uid,
      gid,
      size,
      mtime: [mtime.sec, mtime.nsec],
      device: [major, minor],
      xattrs: Object.fromEntries(
        [...xattrs].map(([name, value]) => [hex(name), Buffer.from(value).toString('hex')]),
      ),
      sha256: createHash('sha256').update(content).digest('hex'),
    };
  };

  it('is built', () => {
    run('go', ['build', '-o', program, join(fixtures, 'list.go')]);
  });

  it('reads all we write, attributes included', () => {
    expect(list(withDevices.file)).toEqual(withDevices.found.map(inGoWords));
  });

  it.each(readdirSync(fixtures).filter((name) => name.endsWith('.tar')))('reads %s as we do', (name) => {
    const { found } = scan(readFileSync(join(fixtures, name)), { globalHeaders: 'ignore' });
    expect(list(join(fixtures, name))).toEqual(found.map(inGoWords));
  });

  it.each(['1', '2', '3', '4', '5', '6'])('ignores the size of type %s, as we do', (type) => {
    const file = join(work, 'size.tar');
    const odd = rawHeader({ name: 'odd', type, linkname: type < '3' ? 'file' : '', size: 1000 });
    writeFileSync(file, archive(rawHeader({}), odd, rawHeader({ name: 'next' })));
    const paths = list(file).map((one) => (one as { path: string }).path);
    expect(paths).toEqual(scan(readFileSync(file)).found.map(({ entry }) => hex(entry.path)));
    expect(paths.length).toBe(3);
  });

  it('takes a slash for a directory in old files only, as we do', () => {
    const file = join(work, 'slash.tar');
    writeFileSync(file, archive(rawHeader({ name: 'd/', type: '\0' }), rawHeader({ name: 'f/', type: '0' })));
    const kinds = list(file).map((one) => (one as { type: string }).type);
    expect(kinds).toEqual(scan(readFileSync(file)).found.map(({ entry }) => entry.type));
    expect(kinds).toEqual(['directory', 'regular']);
  });
});

const realTar = process.env['PLANISH_REAL_TAR'];
if (realTar === undefined)
  process.stderr.write('skipped: a tar of a real system; name one in PLANISH_REAL_TAR\n');

describe.skipIf(realTar === undefined || !hasTar)('a real tar', () => {
  it('is read as GNU tar lists it', () => {
    const lines: string[] = [];
    const scanner = new TarScanner({
      entry: (entry) => lines.push(listLine(entry)),
      data: () => {},
      endOfEntry: () => {},
    });
    const file = openSync(realTar ?? '', 'r');
    const piece = Buffer.alloc(2 ** 20);
    for (let count = readSync(file, piece); count > 0; count = readSync(file, piece))
      scanner.push(piece.subarray(0, count));
    closeSync(file);
    scanner.finish();
    const listed = gnuList(realTar ?? '');
    expect(lines.length).toBe(listed.length);
    expect(lines.findIndex((line, index) => line !== listed[index])).toBe(-1);
  });
});
