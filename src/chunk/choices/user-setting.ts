/** What a user can say of a component, in extended attributes and map files: its name and how often it changes. */
import { type ByteString, byteString } from '../../bytes/byte-string.ts';
import type { ComponentFacts } from '../component.ts';
import { roundRate } from '../rates.ts';

const INTERVALS: ReadonlyMap<string, number> = new Map([
  ['daily', 1],
  ['weekly', 7],
  ['biweekly', 14],
  ['monthly', 30],
  ['quarterly', 91],
  ['yearly', 365],
]);

/** Longest interval: a century. */
const MAX_DAYS = 36_500;
const NAME_BYTES = 255;
const DAYS_A_WEEK = 7;

/** Days between updates: a whole number from 1 to 36,500 or a word like `weekly`; `undefined` for anything else. */
export function parseInterval(text: string): number | undefined {
  const word = INTERVALS.get(text.toLowerCase());
  if (word !== undefined) return word;
  const days = /^[1-9]\d{0,4}$/.test(text) ? Number(text) : undefined;
  return days === undefined || days > MAX_DAYS ? undefined : days;
}

/** Whether a text can name a component: 1 to 255 bytes, no control characters, no space at either end. */
export function isComponentName(name: ByteString): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is to be refused.
  return name.length > 0 && name.length <= NAME_BYTES && !/[\u0000-\u001f\u007f]|^ | $/.test(name);
}

/** Key of a component that a user named: the same for every way of naming it. */
export function userKey(name: ByteString): ByteString {
  return byteString(`user/${name}`);
}

/** Facts of such a component: an update in `days` days, or what its files tell. */
export function userFacts(days: number | undefined): ComponentFacts {
  return { kind: 'package', rate: days === undefined ? undefined : roundRate(DAYS_A_WEEK / days) };
}

/** Intervals said of components. The shortest counts: to take something for calmer than it is costs more. */
export class Intervals {
  readonly #days = new Map<ByteString, number>();

  /** Takes an interval in; whether it contradicts an earlier one. */
  add(key: ByteString, days: number): boolean {
    const known = this.#days.get(key);
    this.#days.set(key, Math.min(known ?? days, days));
    return known !== undefined && known !== days;
  }

  get(key: ByteString): number | undefined {
    return this.#days.get(key);
  }
}
