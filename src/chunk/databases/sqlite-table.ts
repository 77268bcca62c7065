/**
 * Rows of SQLite tables ("Database File Format", sections 1.5, 1.6 and 2): table b-trees, overflow chains and the
 * record format. Every page is visited at most once, so no lie about them can make a loop.
 */
import { type ByteString, fromBytes } from '../../bytes/byte-string.ts';
import { badDatabase, FILE_HEADER_BYTES, type SqliteFile } from './sqlite-file.ts';

/** A column of a row. Integers beyond 2^53 lose their last bits; no wanted column has such. */
export type SqliteValue = null | number | ByteString | Uint8Array;

const INTERIOR = 0x05;
const LEAF = 0x0d;
const SCHEMA_PAGE = 1;
const SCHEMA_COLUMNS = 4;

/** Rows of the table of a name, each with at most `columns` of its columns. Throws `RPM_BAD_DATABASE`. */
export function* readTable(
  file: SqliteFile,
  name: string,
  columns: number,
): Generator<SqliteValue[], void, undefined> {
  const root = findTable(file, name);
  for (const payload of new TableWalk(file).payloads(root)) yield decodeRecord(payload, columns);
}

function findTable(file: SqliteFile, wanted: string): number {
  for (const payload of new TableWalk(file).payloads(SCHEMA_PAGE)) {
    const [type, name, , root] = decodeRecord(payload, SCHEMA_COLUMNS);
    if (type === 'table' && name === wanted && typeof root === 'number') return root;
  }
  throw badDatabase(`the database has no table ${wanted}`);
}

/** One variable-length integer (section 1.6): up to nine bytes, the most significant first. */
function readVarint(bytes: Uint8Array, start: number): { value: number; end: number } {
  let value = 0;
  for (let at = start; at < start + 8; at++) {
    const byte = byteAt(bytes, at);
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return { value, end: at + 1 };
  }
  return { value: value * 256 + byteAt(bytes, start + 8), end: start + 9 };
}

function byteAt(bytes: Uint8Array, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw badDatabase('a cell or record reaches beyond its page');
  return byte;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function uint32(bytes: Uint8Array, at: number): number {
  if (at + 4 > bytes.length) throw badDatabase('a cell or record reaches beyond its page');
  return viewOf(bytes).getUint32(at);
}

class TableWalk {
  readonly #file: SqliteFile;
  readonly #seen = new Set<number>();

  constructor(file: SqliteFile) {
    this.#file = file;
  }

  #page(number: number): Uint8Array {
    if (this.#seen.has(number)) throw badDatabase(`page ${number} is used twice`);
    this.#seen.add(number);
    return this.#file.page(number);
  }

  /** Payloads of all rows below a page, in order of their row numbers. */
  *payloads(root: number): Generator<Uint8Array, void, undefined> {
    const stack = [root];
    for (let number = stack.pop(); number !== undefined; number = stack.pop()) {
      const page = this.#page(number);
      const header = number === SCHEMA_PAGE ? FILE_HEADER_BYTES : 0;
      const type = page[header];
      if (type === INTERIOR) stack.push(...children(page, header).reverse());
      else if (type !== LEAF) throw badDatabase(`page ${number} is no page of a table`);
      else for (const cell of cellOffsets(page, header, 8)) yield this.#payload(page, cell);
    }
  }

  #payload(page: Uint8Array, cell: number): Uint8Array {
    const { value: length, end } = readVarint(page, cell);
    const start = readVarint(page, end).end;
    const local = localBytes(length, this.#file.usable);
    if (start + local > page.length) throw badDatabase('a cell reaches beyond its page');
    const first = page.subarray(start, start + local);
    return local === length ? first : this.#overflow(first, length, uint32(page, start + local));
  }

  /** Follows a chain: each page starts with the number of the next one, 0 in the last. */
  #overflow(first: Uint8Array, length: number, next: number): Uint8Array {
    const pieces = [first];
    let left = length - first.length;
    for (let number = next; left > 0; ) {
      if (number === 0) throw badDatabase('an overflow chain is shorter than its row');
      const page = this.#page(number);
      const piece = page.subarray(4, 4 + Math.min(left, page.length - 4));
      pieces.push(piece);
      left -= piece.length;
      number = uint32(page, 0);
    }
    return Buffer.concat(pieces, length);
  }
}

/** Bytes of a payload that lie in the leaf itself; the formula of section 1.6 for tables. */
function localBytes(length: number, usable: number): number {
  const most = usable - 35;
  if (length <= most) return length;
  const least = Math.floor(((usable - 12) * 32) / 255) - 23;
  const fitting = least + ((length - least) % (usable - 4));
  return fitting <= most ? fitting : least;
}

function cellOffsets(page: Uint8Array, header: number, headerBytes: number): number[] {
  const view = viewOf(page);
  const count = view.getUint16(header + 3);
  const start = header + headerBytes;
  if (start + count * 2 > page.length) throw badDatabase('a page claims more cells than it has room for');
  return Array.from({ length: count }, (_, cell) => view.getUint16(start + cell * 2));
}

function children(page: Uint8Array, header: number): number[] {
  const cells = cellOffsets(page, header, 12).map((cell) => uint32(page, cell));
  return [...cells, uint32(page, header + 8)];
}

/** The first columns of a record. */
function decodeRecord(payload: Uint8Array, columns: number): SqliteValue[] {
  const { value: headerEnd, end } = readVarint(payload, 0);
  if (headerEnd > payload.length) throw badDatabase('the header of a record is longer than the record');
  const values: SqliteValue[] = [];
  let body = headerEnd;
  for (let at = end; at < headerEnd && values.length < columns; ) {
    const type = readVarint(payload, at);
    const length = typeBytes(type.value);
    if (body + length > payload.length) throw badDatabase('a column is longer than its record');
    values.push(decodeValue(type.value, payload, body, length));
    at = type.end;
    body += length;
  }
  return values;
}

const INTEGER_BYTES = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0];

function typeBytes(type: number): number {
  if (type >= 12) return Math.floor((type - 12) / 2);
  const length = INTEGER_BYTES[type];
  if (length === undefined) throw badDatabase(`a column has the reserved type ${type}`);
  return length;
}

function decodeValue(type: number, payload: Uint8Array, start: number, length: number): SqliteValue {
  if (type >= 12) {
    const end = start + length;
    return type % 2 === 0 ? payload.subarray(start, end) : fromBytes(payload, start, end);
  }
  const view = viewOf(payload);
  switch (type) {
    case 0:
      return null;
    case 7:
      return view.getFloat64(start);
    case 8:
    case 9:
      return type - 8;
    case 6:
      return Number(view.getBigInt64(start));
    default:
      return Buffer.from(payload.buffer, payload.byteOffset + start, length).readIntBE(0, length);
  }
}
