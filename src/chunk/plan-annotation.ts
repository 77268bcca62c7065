/**
 * A layer of a plan as one line of text, for annotations and history comments, so that a later build can read the
 * plan back from an image.
 *
 * Text: `1;COUNT;MEMBER MEMBER …;` with MEMBER = `KEY:RATE:SIZE`, keys percent-encoded but for
 * `A-Z a-z 0-9 . _ + ~ / @ -`, rate in changes a million weeks, size in bytes. Count and closing semicolon tell a
 * text that was cut.
 */
import { type ByteString, byteString } from '../bytes/byte-string.ts';
import { LIMITS } from '../limits.ts';
import type { PackItem } from './pack-model.ts';
import type { PlannedLayer } from './plan.ts';

/** Layer annotation that holds the members. */
export const COMPONENTS_ANNOTATION = 'org.planish.components';
/** Layer annotation that holds the stability, three decimals, for people. */
export const STABILITY_ANNOTATION = 'org.planish.stability';

const PLAIN = /[A-Za-z0-9._+~/@-]/;
const MEMBER = /^((?:[A-Za-z0-9._+~/@-]|%[0-9A-F]{2})+):(\d{1,16}):(\d{1,16})$/;

/** Key with every byte but the plain ones as `%HH`. */
function encodeKey(key: ByteString): string {
  let text = '';
  for (const character of key) text += PLAIN.test(character) ? character : percent(character);
  return text;
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

function decodeKey(text: string): ByteString {
  return byteString(
    text.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
  );
}

/** The members of a layer as text in ASCII without control characters. */
export function formatPlanAnnotation(members: readonly PackItem[]): string {
  const list = members.map(({ key, rate, size }) => `${encodeKey(key)}:${rate}:${size}`);
  return `1;${list.length};${list.join(' ')};`;
}

/**
 * Reads {@link formatPlanAnnotation} back; `undefined` for anything else: text of another program or version, cut
 * or altered. Losing a plan costs clients some bytes and is no error.
 */
export function parsePlanAnnotation(text: string): PackItem[] | undefined {
  if (text.length > LIMITS.jsonBytes) return undefined;
  const [version, count, list, rest, ...more] = text.split(';');
  if (version !== '1' || list === undefined || rest !== '' || more.length > 0) return undefined;
  const members: PackItem[] = [];
  const keys = new Set<ByteString>();
  for (const word of list === '' ? [] : list.split(' ')) {
    const member = parseMember(word);
    if (member === undefined || keys.has(member.key)) return undefined;
    keys.add(member.key);
    members.push(member);
  }
  return String(members.length) === count ? members : undefined;
}

function parseMember(word: string): PackItem | undefined {
  const [, key, rate, size] = MEMBER.exec(word) ?? [];
  if (key === undefined) return undefined;
  const member = { key: decodeKey(key), rate: Number(rate), size: Number(size) };
  return Number.isSafeInteger(member.rate) && Number.isSafeInteger(member.size) ? member : undefined;
}

/** The annotations of a layer. */
export function planAnnotations(layer: PlannedLayer): Record<string, string> {
  return {
    [COMPONENTS_ANNOTATION]: formatPlanAnnotation(layer.members),
    [STABILITY_ANNOTATION]: layer.stability.toFixed(3),
  };
}
