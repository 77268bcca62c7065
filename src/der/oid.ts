/** Object identifiers: content octets ⇄ numbers with dots (ITU-T X.690, 8.19). */

/** The text of content octets, or `undefined` where they are none or a number is beyond 2^28. */
export function decodeOidContent(content: Uint8Array): string | undefined {
  const numbers: number[] = [];
  let value = 0;
  let digits = 0;
  for (const byte of content) {
    if ((digits === 0 && byte === 0x80) || digits === 4) return undefined;
    value = value * 128 + (byte & 0x7f);
    digits += 1;
    if (byte >= 0x80) continue;
    numbers.push(value);
    value = 0;
    digits = 0;
  }
  const [first, ...rest] = numbers;
  if (first === undefined || digits > 0) return undefined;
  const root = Math.min(Math.trunc(first / 40), 2);
  return [root, first - 40 * root, ...rest].join('.');
}

/** Content octets of a text that is an object identifier of ours. */
export function encodeOidContent(text: string): Uint8Array {
  const [root = 0, second = 0, ...rest] = text.split('.').map(Number);
  return Uint8Array.from([40 * root + second, ...rest].flatMap(base128));
}

function base128(value: number): number[] {
  const digits = [value % 128];
  for (let left = Math.trunc(value / 128); left > 0; left = Math.trunc(left / 128)) {
    digits.unshift((left % 128) | 0x80);
  }
  return digits;
}
