/**
 * A layer of a plan as one line of text, for annotations and history comments, so that a later build can read the
 * plan back from an image.
 *
 * Text: `3;COUNT;MEMBER MEMBER …;FACT FACT …;` with MEMBER = `KEY:RATE:SIZE:DIGEST`, keys percent-encoded but for
 * `A-Z a-z 0-9 . _ + ~ / @ -`, rate in changes a million weeks, size in estimated compressed bytes, digest 32 digits
 * of base64url or nothing, behind it perhaps `:DAY.DAY…`, days since 1970 on which it changed; FACT = `NAME=VALUE`.
 * Count and closing semicolon tell a text that was cut. Sizes and regret of version 2 were bytes of tars; version 1 had
 * neither digests nor facts.
 */
import { type ByteString, byteString } from '../bytes/byte-string.ts';
import type { HashAlgorithm } from '../bytes/digest.ts';
import { LIMITS } from '../limits.ts';
import { stabilityOf } from './rates.ts';
import type { RememberedMember } from './warm-plan.ts';

/** Layer annotation that holds the members. */
export const COMPONENTS_ANNOTATION = 'org.planish.components';
/** Layer annotation that holds the stability, three decimals, for people. */
export const STABILITY_ANNOTATION = 'org.planish.stability';

/** What a text says beside the members. All may be absent. */
export interface PlanFacts {
  /** Algorithm of the fs-verity digests that the members' digests rest on. */
  readonly verity?: HashAlgorithm | undefined;
  /** Digest of the layer's directories that belong to no member. */
  readonly directories?: string | undefined;
  /** Bytes of the layer's tar. */
  readonly tarSize?: number | undefined;
  /** Of the whole plan, in its last layer: see `RememberedPlan`. */
  readonly regret?: number | undefined;
  readonly today?: number | undefined;
}

/** One layer, written down. */
export interface PlanText extends PlanFacts {
  readonly members: readonly RememberedMember[];
}

const VERSION = 3;
/** Parts behind the members, by version. */
const LATER_PARTS: Readonly<Record<string, number>> = { 1: 1, 2: 2, 3: 2 };

const PLAIN = /[A-Za-z0-9._+~/@-]/;
const MEMBER =
  /^((?:[A-Za-z0-9._+~/@-]|%[0-9A-F]{2})+):(\d{1,16}):(\d{1,16})(?::([\w-]{32})?(?::(\d{1,6}(?:\.\d{1,6}){0,63}))?)?$/;
const CONTENT_DIGEST = /^[\w-]{32}$/;
const NUMBER = /^\d{1,16}$/;

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

/** A layer as text in ASCII without control characters. */
export function formatPlanText(layer: PlanText): string {
  const members = layer.members.map(
    ({ key, rate, size, digest, changeDays }) =>
      `${encodeKey(key)}:${rate}:${size}:${digest ?? ''}${changeDays === undefined ? '' : `:${changeDays.join('.')}`}`,
  );
  const facts: readonly (readonly [string, string | number | undefined])[] = [
    ['verity', layer.verity],
    ['dirs', layer.directories],
    ['tar', layer.tarSize],
    ['regret', layer.regret],
    ['today', layer.today],
  ];
  const known = facts.flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
  return `${VERSION};${members.length};${members.join(' ')};${known.join(' ')};`;
}

/**
 * Reads {@link formatPlanText} back, and versions 1 and 2; `undefined` for anything else: text of another program or
 * version, cut or altered. Losing a plan costs clients some bytes and is no error. Facts of other names are ignored.
 * Members of older texts are to be compared with each other only; regret of other bytes begins anew.
 */
export function parsePlanText(text: string): PlanText | undefined {
  if (text.length > LIMITS.jsonBytes) return undefined;
  const [version, count, list, ...rest] = text.split(';');
  const facts = rest.length === 2 ? rest[0] : '';
  if (list === undefined || rest.at(-1) !== '' || rest.length !== LATER_PARTS[version ?? ''])
    return undefined;
  const members: RememberedMember[] = [];
  const keys = new Set<ByteString>();
  for (const word of list === '' ? [] : list.split(' ')) {
    const member = parseMember(word);
    if (member === undefined || keys.has(member.key)) return undefined;
    keys.add(member.key);
    members.push(member);
  }
  if (String(members.length) !== count) return undefined;
  const known = parseFacts(facts ?? '');
  const inTarBytes = version !== String(VERSION) && known.regret !== undefined;
  return { members, ...known, ...(inTarBytes ? { regret: 0 } : {}) };
}

function parseMember(word: string): RememberedMember | undefined {
  const [, key, rate, size, digest, days] = MEMBER.exec(word) ?? [];
  if (key === undefined) return undefined;
  const changeDays = days?.split('.').map(Number);
  const known = changeDays === undefined ? {} : { changeDays };
  const member = { key: decodeKey(key), rate: Number(rate), size: Number(size), digest, ...known };
  return Number.isSafeInteger(member.rate) && Number.isSafeInteger(member.size) ? member : undefined;
}

function parseFacts(text: string): PlanFacts {
  const values = new Map(text.split(' ').map((word) => splitFact(word)));
  const number = (name: string): number | undefined => {
    const value = values.get(name) ?? '';
    return NUMBER.test(value) && Number.isSafeInteger(Number(value)) ? Number(value) : undefined;
  };
  const verity = values.get('verity');
  const directories = values.get('dirs') ?? '';
  return {
    verity: verity === 'sha256' || verity === 'sha512' ? verity : undefined,
    directories: CONTENT_DIGEST.test(directories) ? directories : undefined,
    tarSize: number('tar'),
    regret: number('regret'),
    today: number('today'),
  };
}

function splitFact(word: string): [string, string] {
  const equals = word.indexOf('=');
  return [word.slice(0, equals), word.slice(equals + 1)];
}

/** The annotations of a layer. */
export function planAnnotations(layer: PlanText): Record<string, string> {
  const rate = layer.members.reduce((sum, member) => sum + member.rate, 0);
  return {
    [COMPONENTS_ANNOTATION]: formatPlanText(layer),
    [STABILITY_ANNOTATION]: stabilityOf(rate).toFixed(3),
  };
}
