import {
  closeSync,
  ftruncateSync,
  openSync,
  readFileSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSmallBlob, wholeFile } from '../../../src/io/blob-file.ts';
import { readTarIndex, scanMembers, type TarIndex } from '../../../src/io/tar-index.ts';
import { failure, type Member, scratch, tarOf } from './sample-image.ts';

function archive(members: readonly Member[]): string {
  const path = join(scratch(), 'archive.tar');
  writeFileSync(path, tarOf(members));
  return path;
}

function content(index: TarIndex, name: string): string | undefined {
  const blob = index.find(name);
  return blob === undefined ? undefined : Buffer.from(readSmallBlob(blob, 1e6)).toString();
}

const text = (value: string): Buffer => Buffer.from(value);

describe('readTarIndex', () => {
  it('finds contents, whatever their size and however long their names', () => {
    const long = `${'d/'.repeat(200)}file`;
    const big = 'x'.repeat(100_000);
    const index = readTarIndex(
      wholeFile(
        archive([
          ['./a', text('1')],
          ['b', text(big)],
          [long, text('2')],
          ['/c//d/.', text('')],
          ['ü', text('3')],
        ]),
      ),
    );
    expect(content(index, 'a')).toBe('1');
    expect(content(index, './b')).toBe(big);
    expect(content(index, long)).toBe('2');
    expect(content(index, 'c/d')).toBe('');
    expect(content(index, 'ü')).toBe('3');
    expect(content(index, 'e')).toBeUndefined();
  });

  it('follows links inside the archive, and only there', () => {
    const index = readTarIndex(
      wholeFile(
        archive([
          ['x/layer.tar', { link: '../y/layer.tar' }],
          ['y/layer.tar', text('layer')],
          ['hard', { link: 'y/layer.tar', hard: true }],
          ['chain', { link: 'x/layer.tar' }],
          ['absolute', { link: '/etc/passwd' }],
          ['above', { link: '../../etc/passwd' }],
          ['loop', { link: 'loop' }],
          ['../escape', text('no')],
        ]),
      ),
    );
    for (const name of ['x/layer.tar', 'y/layer.tar', 'hard', 'chain'])
      expect(content(index, name)).toBe('layer');
    for (const name of ['absolute', 'above', 'loop', '../escape', 'escape', '', '.']) {
      expect(content(index, name)).toBeUndefined();
    }
  });

  it('takes the last of several members with one name', () => {
    expect(
      content(
        readTarIndex(
          wholeFile(
            archive([
              ['a', text('1')],
              ['./a', text('2')],
            ]),
          ),
        ),
        'a',
      ),
    ).toBe('2');
  });

  it('does not read contents', () => {
    // Eight gigabytes of hole: reading them would take seconds.
    const path = join(scratch(), 'huge.tar');
    const header = tarOf([['big', Buffer.alloc(512)]]).subarray(0, 512);
    const size = 2 ** 33 - 512;
    header.write(size.toString(8).padStart(11, '0'), 124, 'latin1');
    header.fill(0x20, 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
    const file = openSync(path, 'w');
    writeSync(file, header);
    const rest = tarOf([['after', text('1')]]);
    writeSync(file, rest, 0, rest.length, 512 + size);
    closeSync(file);
    const index = readTarIndex(wholeFile(path));
    expect(index.find('big')).toEqual({ file: path, offset: 512, size });
    expect(content(index, 'after')).toBe('1');
  });

  it('stops at the end of the archive, whatever follows', () => {
    const path = archive([['a', text('1')]]);
    truncateSync(path, 2 ** 40);
    expect(content(readTarIndex(wholeFile(path)), 'a')).toBe('1');
  });

  it('names the offset where an archive is cut', async () => {
    const path = archive([
      ['a', text('1')],
      ['b', text('x'.repeat(1000))],
    ]);
    const file = openSync(path, 'r+');
    ftruncateSync(file, 2000);
    closeSync(file);
    expect(await failure(() => readTarIndex(wholeFile(path)))).toMatchObject({
      code: 'TAR_TRUNCATED',
      detail: { file: path, offset: 1024, expected: 2536, actual: 2000 },
    });
  });

  it('gives a clear error for every cut and every changed header', async () => {
    const path = archive([
      ['a', text('1')],
      ['l', { link: 'a' }],
      ['b', text('22')],
    ]);
    const good = readFileSync(path);
    for (let length = 1; length < good.length; length += 37) {
      writeFileSync(path, good.subarray(0, length));
      try {
        readTarIndex(wholeFile(path));
      } catch (error) {
        expect((error as { code: string }).code).toMatch(/^TAR_/);
      }
    }
    for (let at = 0; at < 512; at += 5) {
      // What follows the digits of the checksum is not looked at.
      if (at === 155) continue;
      const bad = Buffer.from(good);
      bad.writeUInt8(bad.readUInt8(at) ^ 0x11, at);
      writeFileSync(path, bad);
      expect((await failure(() => readTarIndex(wholeFile(path)))).code).toBe('TAR_BAD_CHECKSUM');
    }
  });
});

describe('scanMembers', () => {
  it('stops when it is told to', () => {
    const seen: string[] = [];
    const path = archive([
      ['a', text('1')],
      ['b', text('2')],
      ['c', text('3')],
    ]);
    scanMembers(wholeFile(path), (entry) => {
      seen.push(entry.path);
      return entry.path !== 'b';
    });
    expect(seen).toEqual(['a', 'b']);
  });
});
