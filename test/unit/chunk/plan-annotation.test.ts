import { describe, expect, test } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { planLayers } from '../../../src/chunk/plan.ts';
import { formatPlanText, parsePlanText, planAnnotations } from '../../../src/chunk/plan-annotation.ts';

const DIGEST = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_-';
const MEMBERS = [
  { key: byteString('@db'), rate: 8_000_000, size: 2_360_832, digest: DIGEST },
  { key: byteString('dpkg/libstdc++6'), rate: 6757, size: 512, digest: undefined },
  { key: byteString('file/opt/a b;c:d%\n\u00ff\u0000'), rate: 0, size: 2 ** 43, digest: DIGEST },
];
const NOTHING = {
  verity: undefined,
  directories: undefined,
  tarSize: undefined,
  regret: undefined,
  today: undefined,
};
const LAYER = { members: MEMBERS, ...NOTHING };
const TEXT = `3;3;@db:8000000:2360832:${DIGEST} dpkg/libstdc++6:6757:512: file/opt/a%20b%3Bc%3Ad%25%0A%FF%00:0:8796093022208:${DIGEST};;`;

describe('plan annotations', () => {
  test('hold keys of any bytes', () => {
    expect(formatPlanText(LAYER)).toBe(TEXT);
    expect(parsePlanText(TEXT)).toEqual(LAYER);
  });

  test('may be empty', () => {
    expect(formatPlanText({ members: [] })).toBe('3;0;;;');
    expect(parsePlanText('3;0;;;')).toEqual({ members: [], ...NOTHING });
  });

  test('hold what else is known of the layer and the plan', () => {
    const facts = {
      verity: 'sha512',
      directories: DIGEST,
      tarSize: 10_240,
      regret: 7,
      today: 20_600,
    } as const;
    const text = `3;0;;verity=sha512 dirs=${DIGEST} tar=10240 regret=7 today=20600;`;
    expect(formatPlanText({ members: [], ...facts })).toBe(text);
    expect(parsePlanText(text)).toEqual({ members: [], ...facts });
  });

  test.each(['verity=md5', 'dirs=short', 'tar=-1', 'regret=99999999999999999', 'today=', 'later=1', '='])(
    'say nothing by %j',
    (fact) => {
      expect(parsePlanText(`3;0;;${fact};`)).toEqual({ members: [], ...NOTHING });
    },
  );

  test('of version 1 are read, without digests', () => {
    const [member] = MEMBERS;
    expect(parsePlanText('1;1;@db:8000000:2360832;')).toEqual({
      members: [{ ...member, digest: undefined }],
      ...NOTHING,
    });
  });

  test('of version 2, whose bytes were those of tars, are read without their regret', () => {
    expect(parsePlanText(TEXT.replace('3;', '2;'))).toEqual(LAYER);
    const text = '2;0;;verity=sha512 regret=7 today=20600;';
    expect(parsePlanText(text)).toEqual({
      members: [],
      ...NOTHING,
      verity: 'sha512',
      regret: 0,
      today: 20_600,
    });
  });

  test('hold days of changes where there are any', () => {
    const members = [
      { key: byteString('a'), rate: 1, size: 2, digest: DIGEST, changeDays: [20_600, 0] },
      { key: byteString('b'), rate: 1, size: 2, digest: undefined, changeDays: [999_999] },
    ];
    const text = `3;2;a:1:2:${DIGEST}:20600.0 b:1:2::999999;;`;
    expect(formatPlanText({ members })).toBe(text);
    expect(parsePlanText(text)).toEqual({ ...NOTHING, members });
  });

  test('that are cut anywhere are none', () => {
    for (let length = 0; length < TEXT.length; length++) {
      expect(parsePlanText(TEXT.slice(0, length))).toBeUndefined();
    }
  });

  test.each([
    'bash glibc',
    '4;1;a:1:1;;;',
    '3;1;a:1:1;',
    '3;1;a:1:1::;;',
    '3;1;a:1:1::1.;;',
    '3;1;a:1:1::-1;;',
    '3;1;a:1:1::1000000;;',
    '3;1;a:1:1:short;;',
    '2;1;a:1:1;',
    '1;1;a:1:1;;',
    '2;1;a:1:1:short;;',
    '2;1;a:1:1:;',
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
    expect(parsePlanText(text)).toBeUndefined();
  });

  test('name the layer and its stability', () => {
    const plan = planLayers([{ key: byteString('a'), kind: 'package', size: 1024, rate: 105_361 }]);
    expect(plan.layers.map(planAnnotations)).toEqual([
      { 'org.planish.components': '3;1;a:105361:1024:;;', 'org.planish.stability': '0.900' },
    ]);
  });
});
