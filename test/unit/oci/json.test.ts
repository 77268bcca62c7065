import { describe, expect, it } from 'vitest';
import { isPlanishError, type PlanishError } from '../../../src/errors.ts';
import { formatJson, parseJson } from '../../../src/oci/json.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8');

function failure(run: () => unknown): PlanishError {
  try {
    run();
  } catch (error) {
    if (isPlanishError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('parseJson', () => {
  it('parses UTF-8 JSON', () => {
    expect(parseJson(bytes('{"a":[1,"ü"]}'), 'x')).toEqual({ a: [1, 'ü'] });
  });

  it.each([
    ['a byte order mark', Buffer.from('\ufeff{}', 'utf8')],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['a cut document', bytes('{"a":')],
    ['something after the document', bytes('{} {}')],
    ['nothing', bytes('')],
  ])('refuses %s', (_, input) => {
    expect(failure(() => parseJson(input, 'config x'))).toMatchObject({
      code: 'JSON_BAD_DOCUMENT',
      message: 'config x is no JSON in UTF-8',
    });
  });

  it('refuses nesting beyond 256, but not brackets in strings', () => {
    const nested = (depth: number) => bytes('['.repeat(depth) + ']'.repeat(depth));
    expect(() => parseJson(nested(256), 'x')).not.toThrow();
    expect(failure(() => parseJson(nested(257), 'x'))).toMatchObject({
      code: 'LIMIT_EXCEEDED',
      detail: { limit: 'jsonDepth', expected: 256, actual: 257 },
    });
    expect(parseJson(bytes(`"\\"${'['.repeat(1000)}"`), 'x')).toBe(`"${'['.repeat(1000)}`);
  });

  it('refuses documents beyond 32 MiB before parsing them', () => {
    const error = failure(() => parseJson(new Uint8Array(32 * 1024 * 1024 + 1), 'x'));
    expect(error).toMatchObject({ code: 'LIMIT_EXCEEDED', detail: { limit: 'jsonBytes' } });
  });
});

describe('formatJson', () => {
  it('keeps the order of insertion, without white space or newline', () => {
    expect(Buffer.from(formatJson({ b: 1, a: ['ü', null], c: { d: true } })).toString()).toBe(
      '{"b":1,"a":["ü",null],"c":{"d":true}}',
    );
  });

  it('keeps a field named __proto__', () => {
    const text = '{"__proto__":{"x":1},"y":2}';
    expect(Buffer.from(formatJson(parseJson(bytes(text), 'x'))).toString()).toBe(text);
  });
});
