import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { planLayers } from '../../../src/chunk/plan.ts';
import {
  formatPlanAnnotation,
  parsePlanAnnotation,
  planAnnotations,
} from '../../../src/chunk/plan-annotation.ts';

const MEMBERS = [
  { key: byteString('@db'), rate: 8_000_000, size: 2_360_832 },
  { key: byteString('dpkg/libstdc++6'), rate: 6757, size: 512 },
  { key: byteString('file/opt/a b;c:d%\n\u00ff\u0000'), rate: 0, size: 2 ** 43 },
];
const TEXT =
  '1;3;@db:8000000:2360832 dpkg/libstdc++6:6757:512 file/opt/a%20b%3Bc%3Ad%25%0A%FF%00:0:8796093022208;';

describe('plan annotations', () => {
  test('hold keys of any bytes', () => {
    expect(formatPlanAnnotation(MEMBERS)).toBe(TEXT);
    expect(parsePlanAnnotation(TEXT)).toEqual(MEMBERS);
  });

  test('may be empty', () => {
    expect(formatPlanAnnotation([])).toBe('1;0;;');
    expect(parsePlanAnnotation('1;0;;')).toEqual([]);
  });

  test('that are cut anywhere are none', () => {
    for (let length = 0; length < TEXT.length; length++) {
      expect(parsePlanAnnotation(TEXT.slice(0, length))).toBeUndefined();
    }
  });

  test.each([
    'bash glibc',
    '2;1;a:1:1;',
    '1;2;a:1:1;',
    '1;1;a:1:1; ',
    '1;1;a:1:1;;',
    '1;2;a:1:1 a:1:1;',
    '1;1;a:-1:1;',
    '1;1;a:1.5:1;',
    '1;1;a:1:9007199254740993;',
    '1;1;%4g:1:1;',
    '1;1;:1:1;',
    '1;2;a:1:1  b:1:1;',
  ])('%j is none', (text) => {
    expect(parsePlanAnnotation(text)).toBeUndefined();
  });

  test('name the layer and its stability', () => {
    const plan = planLayers([{ key: byteString('a'), kind: 'package', size: 1024, rate: 105_361 }]);
    expect(plan.layers.map(planAnnotations)).toEqual([
      { 'org.planish.components': '1;1;a:105361:1024;', 'org.planish.stability': '0.900' },
    ]);
  });
});
