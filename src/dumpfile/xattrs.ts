/** Extended attributes at the end of a dumpfile line: `NAME=VALUE`, separated by single spaces. */
import { type ByteString, fromBytes, toBytes } from '../bytes/byte-string.ts';
import { NO_XATTRS, type Xattrs } from '../bytes/stat.ts';
import { LIMITS } from '../limits.ts';
import { unescapeField } from './escape.ts';
import type { DumpLine } from './line.ts';

/** Bytes of a line's attributes as they stand, in C (`UINT16_MAX`). */
const TEXT_MAX = 0xffff;
/** Bytes of a value, in both projects. */
const VALUE_MAX = 0xffff;
/** Bytes that C counts for an inode: 12, and for each attribute 7, its name and its value. */
const BODY_MAX = 0x7fff;
const BODY_HEADER = 12;
const ENTRY_OVERHEAD = 7;

/** Most texts that are kept to be recognised again, and the longest. */
const CACHE_ENTRIES = 4096;
const CACHE_TEXT_MAX = 1024;

/**
 * Reads attributes. Most files of a system share theirs (an SELinux label), so a text seen before gives the same
 * map: the maps returned are shared and not to be changed.
 */
export class XattrParser {
  readonly #strict: boolean;
  readonly #known = new Map<string, Xattrs>();

  constructor(strict: boolean) {
    this.#strict = strict;
  }

  /**
   * The attributes of a line. A name given twice keeps its last value, as in C; strict mode refuses it, because
   * composefs-rs keeps the greatest. Throws `DUMP_BAD_LINE`.
   */
  parse(line: DumpLine): Xattrs {
    const from = line.tailStart;
    if (from < 0) return NO_XATTRS;
    if (from === line.end) return this.#trailingSpace(line);
    if (line.end - from > TEXT_MAX) line.failAt(from, `the extended attributes pass ${TEXT_MAX} bytes`);
    const text = line.text(from, line.end);
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const xattrs = this.#parseText(line, text);
    if (text.length <= CACHE_TEXT_MAX && this.#known.size < CACHE_ENTRIES) this.#known.set(text, xattrs);
    return xattrs;
  }

  #trailingSpace(line: DumpLine): Xattrs {
    if (this.#strict) line.failAt(line.end - 1, 'the line ends in a space');
    return NO_XATTRS;
  }

  #parseText(line: DumpLine, text: string): Xattrs {
    const trimmed = !this.#strict && text.endsWith(' ') ? text.slice(0, -1) : text;
    const xattrs = new Map<ByteString, Uint8Array>();
    let at = line.tailStart;
    let total = BODY_HEADER;
    for (const item of trimmed.split(' ')) {
      const [name, value] = this.#parseItem(line, item, at);
      total += ENTRY_OVERHEAD + name.length + value.length - replaced(xattrs, name);
      if (total > BODY_MAX) line.failAt(at, `the extended attributes pass ${BODY_MAX} bytes`);
      if (this.#strict && xattrs.has(name)) line.failAt(at, 'an extended attribute occurs twice');
      xattrs.set(name, value);
      at += item.length + 1;
    }
    return xattrs;
  }

  #parseItem(line: DumpLine, item: string, at: number): [ByteString, Uint8Array] {
    const equals = item.indexOf('=');
    if (equals < 0) line.failAt(at, 'an extended attribute has no "="');
    const name = unescapeField(item.slice(0, equals) as ByteString);
    const value = unescapeField(item.slice(equals + 1) as ByteString);
    if (name === undefined || value === undefined)
      line.failAt(at, 'an extended attribute holds an invalid escape');
    if (value.length > VALUE_MAX) line.failAt(at, `an extended attribute passes ${VALUE_MAX} bytes`);
    return [this.#checkName(line, name, at), toBytes(value)];
  }

  #checkName(line: DumpLine, escaped: ByteString, at: number): ByteString {
    const nul = escaped.indexOf('\0');
    if (nul >= 0 && this.#strict) line.failAt(at, 'the name of an extended attribute holds an escaped NUL');
    const name = nul < 0 ? escaped : (escaped.slice(0, nul) as ByteString);
    if (name === '') line.failAt(at, 'an extended attribute has no name');
    if (name.length > LIMITS.xattrNameBytes)
      line.failAt(at, `the name of an extended attribute passes ${LIMITS.xattrNameBytes} bytes`);
    // A copy of its own: slices would keep the whole line.
    return fromBytes(toBytes(name));
  }
}

function replaced(xattrs: Xattrs, name: ByteString): number {
  const old = xattrs.get(name);
  return old === undefined ? 0 : ENTRY_OVERHEAD + name.length + old.length;
}
