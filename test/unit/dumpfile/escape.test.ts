import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { escapeField, escapeOptional, escapeXattr, unescapeField } from '../../../src/dumpfile/escape.ts';

describe('unescapeField', () => {
  test.each([
    ['', ''],
    ['plain', 'plain'],
    ['\\\\\\n\\r\\t', '\\\n\r\t'],
    ['\\x00\\xff\\xFf\\x2F', '\0\xff\xff/'],
    ['a\\x20b\\\\x20', 'a b\\x20'],
    ['\xe9=-', '\xe9=-'],
  ])('%j', (text, bytes) => {
    expect(unescapeField(byteString(text))).toBe(bytes);
  });

  test.each(['\\', 'a\\', '\\q', '\\x', '\\x4', '\\xg0', '\\x+1', '\\x 1', '\\N', '\\constructor'])(
    'refuses %j',
    (text) => {
      expect(unescapeField(byteString(text))).toBeUndefined();
    },
  );
});

describe('escaping', () => {
  test('every byte, as composefs-info prints it', () => {
    const printed = Array.from({ length: 256 }, (_, code) =>
      escapeField(byteString(String.fromCharCode(code))),
    );
    const named: Record<number, string> = { 9: '\\t', 10: '\\n', 13: '\\r', 92: '\\\\' };
    const expected = printed.map((_, code) => {
      const graphic = code >= 0x21 && code <= 0x7e;
      return (
        named[code] ?? (graphic ? String.fromCharCode(code) : `\\x${code.toString(16).padStart(2, '0')}`)
      );
    });
    expect(printed).toEqual(expected);
  });

  test('"=" in attributes only, a lone "-" in optional fields only', () => {
    const text = byteString('a=b');
    expect([escapeField(text), escapeOptional(text), escapeXattr(text)]).toEqual(['a=b', 'a=b', 'a\\x3db']);
    const dash = byteString('-');
    expect([escapeField(dash), escapeOptional(dash), escapeXattr(dash)]).toEqual(['-', '\\x2d', '-']);
    expect(escapeOptional(byteString('--'))).toBe('--');
  });
});
