/**
 * Tar entries as blocks, written without the code under test, in three dialects as tools in the field write them: PAX,
 * GNU (long names and base-256 numbers), and ustar with PAX only where it must be. Names are one byte a character.
 */

/** An entry. What is absent is empty or 0. */
export interface RawEntry {
  readonly type: 'regular' | 'hardlink' | 'symlink' | 'character' | 'block' | 'directory' | 'fifo';
  readonly path: string;
  readonly linkTarget?: string;
  readonly content?: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sec: number;
  readonly nsec: number;
  readonly major?: number;
  readonly minor?: number;
  readonly xattrs: readonly (readonly [string, Buffer])[];
}

export type RawDialect = 'pax' | 'gnu' | 'ustar';

const BLOCK = 512;
const TYPES = {
  regular: '0',
  hardlink: '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
} as const;

/** The blocks of an entry, extension headers first. */
export function rawEntry(entry: RawEntry, dialect: RawDialect): Buffer {
  const records = paxRecords(entry, dialect);
  const parts: Buffer[] = [];
  if (dialect === 'gnu') {
    if (entry.path.length > 100) parts.push(longName('L', entry.path));
    if ((entry.linkTarget ?? '').length > 100) parts.push(longName('K', entry.linkTarget ?? ''));
  }
  if (records.length > 0) parts.push(paxHeader(records));
  const content = entry.content ?? Buffer.alloc(0);
  parts.push(header(entry, content.length, dialect), padded(content));
  return Buffer.concat(parts);
}

/** Two zero blocks. */
export const RAW_END = Buffer.alloc(2 * BLOCK);

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc((BLOCK - (bytes.length % BLOCK)) % BLOCK)]);
}

function longName(type: 'L' | 'K', name: string): Buffer {
  const bytes = Buffer.from(`${name}\0`, 'latin1');
  const block = blank('././@LongLink', type, bytes.length, 'gnu');
  return Buffer.concat([finish(block), padded(bytes)]);
}

function paxHeader(records: readonly (readonly [string, Buffer])[]): Buffer {
  const body = Buffer.concat(records.map(([key, value]) => paxRecord(key, value)));
  return Buffer.concat([finish(blank('PaxHeaders.0/x', 'x', body.length, 'pax')), padded(body)]);
}

function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`, 'latin1'), value, Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length++;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function paxRecords(entry: RawEntry, dialect: RawDialect): [string, Buffer][] {
  const text = (value: string | number): Buffer => Buffer.from(String(value), 'latin1');
  const records: [string, Buffer][] = [];
  const pax = dialect !== 'gnu';
  if (pax && entry.path.length > 100) records.push(['path', text(entry.path)]);
  if (pax && (entry.linkTarget ?? '').length > 100) records.push(['linkpath', text(entry.linkTarget ?? '')]);
  if (entry.nsec > 0 || (pax && entry.sec >= 8 ** 11) || dialect === 'pax') {
    const fraction = entry.nsec === 0 ? '' : `.${String(entry.nsec).padStart(9, '0').replace(/0+$/, '')}`;
    records.push(['mtime', text(`${entry.sec}${fraction}`)]);
  }
  if (pax && entry.uid >= 8 ** 7) records.push(['uid', text(entry.uid)]);
  if (pax && entry.gid >= 8 ** 7) records.push(['gid', text(entry.gid)]);
  for (const [name, value] of entry.xattrs) records.push([`SCHILY.xattr.${name}`, value]);
  return records;
}

function header(entry: RawEntry, size: number, dialect: RawDialect): Buffer {
  const block = blank(entry.path.slice(0, 100), TYPES[entry.type], size, dialect);
  const put = (value: number, at: number, length: number): void => {
    putNumber(block, value, at, length, dialect);
  };
  put(entry.mode, 100, 8);
  put(entry.uid, 108, 8);
  put(entry.gid, 116, 8);
  put(entry.sec, 136, 12);
  block.write((entry.linkTarget ?? '').slice(0, 100), 157, 'latin1');
  if (entry.type === 'character' || entry.type === 'block') {
    put(entry.major ?? 0, 329, 8);
    put(entry.minor ?? 0, 337, 8);
  }
  return finish(block);
}

function blank(name: string, type: string, size: number, dialect: RawDialect): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(name.slice(0, 100), 0, 'latin1');
  for (const [at, length] of [
    [100, 8],
    [108, 8],
    [116, 8],
    [124, 12],
    [136, 12],
  ] as const) {
    putNumber(block, at === 124 ? size : 0, at, length, dialect);
  }
  block.write(type, 156, 'latin1');
  block.write(dialect === 'gnu' ? 'ustar  \0' : 'ustar\x0000', 257, 'latin1');
  return block;
}

/** Octal digits and a NUL; what does not fit is base-256 in GNU tars and 0 where PAX says it. */
function putNumber(block: Buffer, value: number, at: number, length: number, dialect: RawDialect): void {
  const digits = value.toString(8);
  if (digits.length < length) {
    block.write(`${digits.padStart(length - 1, '0')}\0`, at, 'latin1');
  } else if (dialect === 'gnu') {
    block.fill(0, at, at + length);
    block.writeUIntBE(value, at + length - 6, 6);
    block.writeUInt8(0x80, at);
  } else {
    block.write(`${'0'.repeat(length - 1)}\0`, at, 'latin1');
  }
}

function finish(block: Buffer): Buffer {
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}
