/**
 * Parsing composefs dumpfiles (composefs-dump(5)): one line per name, the root first, parents before children.
 *
 * Two modes. The lenient one takes what the C tool `mkcomposefs --from-file` takes and reads it as it does, so that
 * its images can be made; it refuses only what C refuses, where C would store uninitialised memory (digests that are
 * no 64 or 128 hexadecimal digits), hard links to directories, and lines that end in CR LF. The strict one refuses in
 * addition what composefs-rs refuses, what C refuses under `CFS_PARSE_STRICT`, and what the two read differently.
 */
import type { ByteString } from '../bytes/byte-string.ts';
import type { HashAlgorithm } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { type DumpFacts, newDumpFacts } from '../tree/dump-facts.ts';
import type { Directory, FileType } from '../tree/tree.ts';
import { EntryReader, fileType } from './entry.ts';
import { DumpLine, FIELD } from './line.ts';
import { readMode, readU64 } from './numbers.ts';
import { TreeUnderConstruction } from './placement.ts';
import { checkStrictLine, checkStrictPath } from './strict.ts';

/** How to parse. */
export interface ParseDumpOptions {
  /** Refuse whatever the two composefs projects do not both accept and read alike. Default false. */
  readonly strict?: boolean | undefined;
}

/** What a dumpfile says. */
export interface ParsedDump {
  readonly root: Directory;
  /** What C would write but a tree cannot hold; empty in strict mode. */
  readonly facts: DumpFacts;
  /** Algorithm of all digests; `undefined` when there is none. */
  readonly algorithm: HashAlgorithm | undefined;
  readonly lines: number;
}

const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const AT_SIGN = 0x40;

/** A push parser; any split of the input gives the same result. Chunks may be reused once `push` returns. */
export class DumpfileParser {
  readonly #strict: boolean;
  readonly #facts = newDumpFacts();
  readonly #line = new DumpLine();
  readonly #entries: EntryReader;
  readonly #tree: TreeUnderConstruction;
  /** The start of a line whose newline has not come yet. */
  #partial: Buffer[] = [];
  #partialLength = 0;
  #offset = 0;
  /** Where the next NUL stands in the buffer being parsed; past its end when there is none. */
  #nextNul = 0;

  constructor(options: ParseDumpOptions = {}) {
    this.#strict = options.strict ?? false;
    this.#entries = new EntryReader(this.#strict, this.#facts);
    this.#tree = new TreeUnderConstruction(this.#facts);
  }

  /** Parses all lines that are complete with this chunk. Throws `DUMP_BAD_LINE`, `LIMIT_EXCEEDED`. */
  push(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    this.#nextNul = findNul(bytes, 0);
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this.#checkLength(end - start);
      if (this.#partialLength === 0) this.#parseLine(bytes, start, end);
      else this.#parseJoined(bytes.subarray(start, end));
      this.#offset += 1;
      start = end + 1;
    }
    this.#keep(bytes.subarray(start));
  }

  /** Ends the input. Throws as {@link push} does, also for what only the whole shows: a link without target. */
  finish(): ParsedDump {
    if (this.#partialLength > 0) {
      this.#parseJoined(Buffer.alloc(0));
      if (this.#strict) this.#line.failAt(this.#line.end, 'the last line has no newline');
    }
    const root = this.#tree.root;
    if (root === undefined)
      throw new PlanishError('DUMP_BAD_LINE', 'the dumpfile is empty', { line: 1, offset: 0 });
    this.#tree.resolveLinks();
    return { root, facts: this.#facts, algorithm: this.#entries.algorithm, lines: this.#line.number };
  }

  #keep(rest: Buffer): void {
    if (rest.length === 0) return;
    this.#checkLength(rest.length);
    this.#partial.push(Buffer.from(rest));
    this.#partialLength += rest.length;
  }

  #checkLength(more: number): void {
    const length = this.#partialLength + more;
    if (length <= LIMITS.dumpLineBytes) return;
    throw new PlanishError('LIMIT_EXCEEDED', 'a line of the dumpfile passes the limit dumpLineBytes', {
      line: this.#line.number + 1,
      offset: this.#offset,
      limit: 'dumpLineBytes',
      expected: LIMITS.dumpLineBytes,
      actual: length,
    });
  }

  #parseJoined(last: Buffer): void {
    const whole = Buffer.concat([...this.#partial, last]);
    this.#partial = [];
    this.#partialLength = 0;
    const nextNul = this.#nextNul;
    this.#nextNul = findNul(whole, 0);
    this.#parseLine(whole, 0, whole.length);
    this.#nextNul = nextNul;
  }

  #parseLine(bytes: Buffer, start: number, end: number): void {
    const line = this.#line;
    line.assign(bytes, start, end, this.#offset);
    checkLineEnd(line);
    if (this.#nextNul < end) line.failAt(this.#nextNul, 'the line holds a NUL byte');
    if (this.#strict) checkStrictLine(line);
    const isLink = bytes[line.from(FIELD.mode)] === AT_SIGN && line.to(FIELD.mode) > line.from(FIELD.mode);
    const name = isLink ? undefined : this.#tree.plainName(line);
    const path = name === undefined ? this.#readPath() : undefined;
    const mode = readMode(line, isLink, this.#strict);
    if (isLink) this.#placeLink(path as ByteString, mode);
    else this.#place(fileType(line, mode), mode, name, path);
    this.#offset += end - start;
  }

  #readPath(): ByteString {
    const line = this.#line;
    const path = line.cString(FIELD.path, this.#strict);
    if (path === '') line.fail(FIELD.path, 'is empty');
    if (this.#strict) checkStrictPath(line, FIELD.path, path);
    return path;
  }

  /** Most lines are of a file beside the one before, of which a name is all that must be read. */
  #place(type: FileType, mode: number, name: ByteString | undefined, path: ByteString | undefined): void {
    const node = this.#entries.read(this.#line, type, mode);
    if (name !== undefined && node.type !== 'directory') this.#tree.placeBeside(this.#line, name, node);
    else this.#tree.place(this.#line, path ?? this.#readPath(), node);
  }

  #placeLink(path: ByteString, mode: number): void {
    const line = this.#line;
    if (fileType(line, mode) === 'directory') line.fail(FIELD.mode, 'says that a directory is a hard link');
    if (line.isNone(FIELD.payload)) line.fail(FIELD.payload, 'is "-": a hard link needs a target');
    if (path === '/') line.fail(FIELD.path, 'is the root, which cannot be a hard link');
    const target = line.cString(FIELD.payload, this.#strict);
    if (this.#strict) this.#placeStrictLink(path, target);
    else this.#tree.placeLink(line, path, target);
  }

  #placeStrictLink(path: ByteString, target: ByteString): void {
    const line = this.#line;
    if (readU64(line, FIELD.size, true) === undefined) line.fail(FIELD.size, 'is not a number in range');
    checkStrictPath(line, FIELD.payload, target);
    this.#tree.placeResolvedLink(line, path, target);
  }
}

function findNul(bytes: Buffer, from: number): number {
  const at = bytes.indexOf(0, from);
  return at < 0 ? bytes.length : at;
}

function checkLineEnd(line: DumpLine): void {
  if (line.end === line.start) line.failAt(line.start, 'the line is empty');
  if (line.bytes[line.end - 1] === CARRIAGE_RETURN)
    line.failAt(line.end - 1, 'the line ends in CR LF; dumpfile lines end in LF');
}

/** Parses a whole dumpfile. Throws `DUMP_BAD_LINE`, `LIMIT_EXCEEDED`. */
export function parseDumpfile(bytes: Uint8Array, options: ParseDumpOptions = {}): ParsedDump {
  const parser = new DumpfileParser(options);
  parser.push(bytes);
  return parser.finish();
}
