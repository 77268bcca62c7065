/** Debian changelogs (deb-changelog(5)): the days on which a package was changed, and what for. */
import { gunzipSync, constants as zlib } from 'node:zlib';
import { fromBytes } from '../../bytes/byte-string.ts';
import { LIMITS } from '../../limits.ts';
import { type ChangeHistory, type ChangeKind, noteChange } from '../change-history.ts';
import { dayOf } from '../rates.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DATE =
  /^(?:[A-Za-z]{3}, +)?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) +(\d{1,2}):(\d{2})(?::(\d{2}))?(?: ([+-])(\d{2})(\d{2}))?/;

// `source (version) distribution distribution; urgency=low`
const HEADING = /^\S+ \([^()]*\)((?:[ \t]+[-+.0-9A-Za-z]+)+);/;
const DEVELOPMENT = /^(?:unstable|experimental|sid|testing|unreleased)(?:-|$)|-backports/i;
const CVE = /CVE-[0-9]/g;

/** Days from 1970-01-01 to a date of the proleptic Gregorian calendar; month 1 to 12. */
function daysFromCivil(year: number, month: number, day: number): number {
  // Years are counted from March, so that the leap day comes last.
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function daysInMonth(year: number, month: number): number {
  const next = month === 12 ? daysFromCivil(year + 1, 1, 1) : daysFromCivil(year, month + 1, 1);
  return next - daysFromCivil(year, month, 1);
}

/**
 * UTC day of an RFC 2822 date as changelogs have it (`Mon, 12 Jun 2023 10:11:12 +0200`; weekday, seconds and zone
 * may be absent). `Date.parse` is not used: what it takes besides its own format is up to the engine.
 */
export function parseChangelogDate(text: string): number | undefined {
  const match = DATE.exec(text);
  if (match === null) return undefined;
  const [day, year, hour, minute, zoneHour, zoneMinute] = [1, 3, 4, 5, 8, 9].map((at) =>
    Number(match[at] ?? 0),
  );
  const month = MONTHS.indexOf(match[2] ?? '') + 1;
  if (day === undefined || year === undefined || hour === undefined || minute === undefined) return undefined;
  if (month === 0 || year < 1970 || day < 1 || day > daysInMonth(year, month)) return undefined;
  const offset = ((zoneHour ?? 0) * 60 + (zoneMinute ?? 0)) * 60 * (match[7] === '-' ? -1 : 1);
  return dayOf(daysFromCivil(year, month, day) * 86_400 + (hour * 60 + minute) * 60 - offset);
}

/**
 * Distinct days of all trailer lines (` -- Name <address>  date`) of a changelog, each with what the entry above was for.
 * Text of another format has none.
 */
export function parseChangelog(text: string): ChangeHistory {
  const history = new Map<number, ChangeKind>();
  const security = new NextMatch(text, CVE);
  let start = 0;
  for (let at = findTrailer(text, 0); at >= 0; at = findTrailer(text, at + 1)) {
    const end = text.indexOf('\n', at);
    const line = text.slice(at, end < 0 ? text.length : end);
    const day = parseChangelogDate(line.slice(line.lastIndexOf('>') + 1).trim());
    const kind = isForRelease(text, start) ? 'release' : kindInDevelopment(security.from(start) < at);
    if (day !== undefined) noteChange(history, day, kind);
    start = at + line.length;
  }
  return history;
}

function kindInDevelopment(isSecurity: boolean): ChangeKind {
  return isSecurity ? 'security' : 'development';
}

/** Whether the entry that begins here, behind empty lines, is an upload to a distribution that is not for development. */
function isForRelease(text: string, start: number): boolean {
  let from = start;
  while (text[from] === '\n') from++;
  const end = text.indexOf('\n', from);
  const [, distributions = ''] = HEADING.exec(text.slice(from, end < 0 ? text.length : end)) ?? [];
  return distributions.split(/\s+/).some((name) => name !== '' && !DEVELOPMENT.test(name));
}

/** Where a pattern is found next; asked for ever later places, it looks at a text once. */
class NextMatch {
  readonly #text: string;
  readonly #pattern: RegExp;
  #found = -1;

  constructor(text: string, pattern: RegExp) {
    this.#text = text;
    this.#pattern = new RegExp(pattern);
  }

  /** Offset of the first match from here on; infinite without any. */
  from(start: number): number {
    if (this.#found >= start) return this.#found;
    this.#pattern.lastIndex = start;
    this.#found = this.#pattern.exec(this.#text)?.index ?? Number.POSITIVE_INFINITY;
    return this.#found;
  }
}

function findTrailer(text: string, from: number): number {
  if (from === 0 && text.startsWith(' -- ')) return 0;
  const found = text.indexOf('\n -- ', Math.max(from - 1, 0));
  return found < 0 ? -1 : found + 1;
}

/** Text of a changelog file, plain or gzip; at most `LIMITS.changelogBytes` of it, `undefined` when damaged. */
export function readChangelog(bytes: Uint8Array): string | undefined {
  const plain = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipBounded(bytes) : bytes;
  return plain === undefined ? undefined : fromBytes(plain, 0, Math.min(plain.length, LIMITS.changelogBytes));
}

/**
 * Entries are newest first, so the beginning of an overlong changelog is what matters. zlib gives no partial result
 * when its limit is passed; half the input is tried instead, until the output fits.
 */
function gunzipBounded(bytes: Uint8Array): Uint8Array | undefined {
  for (
    let length = Math.min(bytes.length, LIMITS.changelogBytes);
    length > 0;
    length = Math.floor(length / 2)
  ) {
    try {
      return gunzipSync(bytes.subarray(0, length), {
        maxOutputLength: LIMITS.changelogBytes,
        finishFlush: length < bytes.length ? zlib.Z_SYNC_FLUSH : zlib.Z_FINISH,
      });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') return undefined;
    }
  }
  return undefined;
}
