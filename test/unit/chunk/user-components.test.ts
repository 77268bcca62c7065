import { describe, expect, test } from 'vitest';
import { byteString, toBytes } from '../../../src/bytes/byte-string.ts';
import { parseComponentMap } from '../../../src/chunk/choices/component-map.ts';
import { matchesPattern, parsePattern } from '../../../src/chunk/choices/path-pattern.ts';
import { parseInterval } from '../../../src/chunk/choices/user-setting.ts';
import type { Assignment, AssignOptions } from '../../../src/chunk/components.ts';
import { assignComponents } from '../../../src/chunk/components.ts';
import { lookup } from '../../../src/tree/walk.ts';
import type { Warning } from '../../../src/warnings.ts';
import { cpuSeconds, cpuSecondsSince } from '../../support/cpu-time.ts';
import { putPackages } from './rpm-maker.ts';
import { emptyFixture, putDirectory, putFile, putLink, type TreeFixture } from './tree-fixture.ts';

interface Outcome {
  readonly owners: Record<string, string>;
  readonly rates: Record<string, number>;
  readonly warnings: readonly Warning[];
  readonly assignment: Assignment;
}

function assign(fixture: TreeFixture, options: AssignOptions = {}): Outcome {
  const warnings: Warning[] = [];
  const onWarning = (warning: Warning): void => void warnings.push(warning);
  const assignment = assignComponents(fixture.root, fixture.reader, { ...options, onWarning });
  return {
    owners: Object.fromEntries([...assignment.owner].map(([path, { key }]) => [path, key])),
    rates: Object.fromEntries(assignment.components.map(({ key, rate }) => [key, rate])),
    warnings,
    assignment,
  };
}

function setXattr(fixture: TreeFixture, path: string, name: string, value: string): void {
  const node = lookup(fixture.root, byteString(path));
  if (node === undefined) throw new Error(`${path} is not there`);
  const xattrs = new Map([...node.metadata.xattrs, [byteString(name), toBytes(byteString(value))]]);
  node.metadata = { ...node.metadata, xattrs };
}

function label(fixture: TreeFixture, path: string, component: string, interval?: string): void {
  setXattr(fixture, path, 'user.component', component);
  if (interval !== undefined) setXattr(fixture, path, 'user.update-interval', interval);
}

describe('user.component', () => {
  test('holds for a directory and all below, until another name', () => {
    const fixture = emptyFixture();
    for (const path of ['/a/file', '/a/own', '/a/b/file', '/a/b/c/d/file', '/x/file', '/other'])
      putFile(fixture, path, 1);
    putLink(fixture, '/a/link', 'file');
    putDirectory(fixture, '/a/empty');
    label(fixture, '/a', 'A');
    label(fixture, '/a/own', 'own');
    label(fixture, '/a/b', 'B');
    label(fixture, '/a/b/c/d', '');
    label(fixture, '/x', 'A');
    expect(assign(fixture).owners).toEqual({
      '/a/b/c/d/file': 'rest/a',
      '/a/b/file': 'user/B',
      '/a/empty': 'user/A',
      '/a/file': 'user/A',
      '/a/link': 'user/A',
      '/a/own': 'user/own',
      '/other': 'rest',
      '/x/file': 'user/A',
    });
  });

  test('wins over packages, never over @db', () => {
    const fixture = emptyFixture();
    putFile(fixture, '/usr/bin/a', 1);
    putPackages(fixture, [{ name: 'a', files: [{ path: '/usr/bin/a' }] }]);
    label(fixture, '/', 'all');
    expect(assign(fixture).owners).toEqual({
      '/usr/bin/a': 'user/all',
      '/usr/lib/sysimage/rpm/Packages.db': '@db',
    });
  });

  test('has a rate from the interval, the shortest where several are said', () => {
    const fixture = emptyFixture();
    for (const path of ['/a', '/b', '/c', '/d', '/e']) putFile(fixture, path, 1);
    label(fixture, '/a', 'app', 'monthly');
    label(fixture, '/b', 'app', '14');
    label(fixture, '/c', 'app', 'monthly');
    label(fixture, '/d', 'weekly', 'weekly');
    setXattr(fixture, '/e', 'user.update-interval', 'daily');
    const { rates, warnings } = assign(fixture);
    expect([rates['user/app'], rates['user/weekly'], warnings]).toEqual([
      500_000,
      1_000_000,
      [
        {
          code: 'COMPONENT_SETTING',
          message: 'user/app has several update intervals; the shortest counts',
          path: '/b',
        },
        {
          code: 'COMPONENT_SETTING',
          message: 'user/app has several update intervals; the shortest counts',
          path: '/c',
        },
        { code: 'COMPONENT_SETTING', message: 'an update interval belongs to no component', path: '/e' },
      ],
    ]);
  });

  test('takes the interval of a directory above, the nearest one', () => {
    const fixture = emptyFixture();
    for (const path of ['/d/a', '/d/b', '/d/near/c', '/x/e']) putFile(fixture, path, 1);
    setXattr(fixture, '/d', 'user.update-interval', 'weekly');
    setXattr(fixture, '/d/near', 'user.update-interval', 'monthly');
    setXattr(fixture, '/x', 'user.update-interval', 'daily');
    label(fixture, '/d/a', 'inherits');
    label(fixture, '/d/b', 'own', 'yearly');
    label(fixture, '/d/near/c', 'near');
    const { rates, warnings } = assign(fixture);
    expect([rates['user/inherits'], rates['user/own'], rates['user/near']]).toEqual([
      1_000_000, 19_178, 233_333,
    ]);
    expect(warnings.map(({ path, message }) => [path, message])).toEqual([
      ['/x', 'an update interval belongs to no component'],
    ]);
  });

  test('that is malformed is said and left out', () => {
    const fixture = emptyFixture();
    for (const path of ['/a', '/b', '/c']) putFile(fixture, path, 1);
    label(fixture, '/a', 'a\nb');
    label(fixture, '/b', 'x'.repeat(256));
    label(fixture, '/c', 'good', 'fortnight');
    const { owners, warnings } = assign(fixture);
    expect(owners).toEqual({ '/a': 'rest', '/b': 'rest', '/c': 'user/good' });
    expect(warnings.map(({ path, message }) => [path, message.slice(0, 60)])).toEqual([
      ['/a', 'the component name a\\x0ab is too long or has characters that'],
      ['/b', `the component name ${'x'.repeat(41)}`],
      ['/c', 'fortnight is no update interval'],
    ]);
  });

  test('tells nothing of what day it is: only packages do', () => {
    const fixture = emptyFixture();
    putFile(fixture, '/mine', 1, 2_000_000_000);
    putPackages(fixture, [{ name: 'p', changes: [86_400 * 100] }]);
    label(fixture, '/mine', 'mine');
    expect(assign(fixture).assignment.today).toBe(100);
  });
});

test.each([
  ['daily', 1],
  ['Weekly', 7],
  ['biweekly', 14],
  ['monthly', 30],
  ['quarterly', 91],
  ['yearly', 365],
  ['1', 1],
  ['36500', 36_500],
  ['36501', undefined],
  ['0', undefined],
  ['-1', undefined],
  ['7 days', undefined],
  ['', undefined],
])('interval %s is %s days', (text, days) => {
  expect(parseInterval(text)).toBe(days);
});

describe('patterns', () => {
  test.each([
    ['/a', '/a', true],
    ['/a', '/ab', false],
    ['/a/*', '/a/b', true],
    ['/a/*', '/a/', true],
    ['/a/*', '/a/b/c', false],
    ['/a/**', '/a/b/c', true],
    ['/**/x', '/a/b/x', true],
    ['/**/x', '/x', false],
    ['**x', '/x', true],
    ['/a?c', '/abc', true],
    ['/a?c', '/a/c', false],
    ['/[a-c]', '/b', true],
    ['/[!a-c]', '/b', false],
    ['/[^a-c]', '/d', true],
    ['/[!a]', '//', false],
    ['/[]a]', '/]', true],
    ['/[a-]', '/-', true],
    ['/a\\*', '/a*', true],
    ['/a\\*', '/ab', false],
    ['/*.so.*', '/libc.so.6', true],
    ['', '/', false],
  ])('%s against %s', (pattern, path, expected) => {
    const parsed = parsePattern(byteString(pattern));
    expect(parsed && matchesPattern(parsed, byteString(path))).toBe(expected);
  });

  test('that end too soon are refused', () => {
    expect(parsePattern(byteString('/a['))).toBe(undefined);
    expect(parsePattern(byteString('/a[]'))).toBe(undefined);
    expect(parsePattern(byteString('/a\\'))).toBe(undefined);
  });

  test('cannot be made slow', () => {
    const pattern = parsePattern(byteString(`/${'*a'.repeat(200)}b`));
    const match = (): void =>
      expect(pattern && matchesPattern(pattern, byteString(`/${'a'.repeat(4000)}`))).toBe(false);
    expect(cpuSeconds(match)).toBeLessThan(30);
  });
});

const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'utf8');

describe('component maps', () => {
  const lines = [
    '# what\twe build\tourselves',
    '/opt/app/\tapp\tweekly',
    '',
    '/opt/app/models/**\tmodels\t90\r',
    '/opt/*/shared.so\tshared',
    '/usr/bin/a\tapp',
  ].join('\n');
  const json = JSON.stringify({
    '/opt/app/': { component: 'app', interval: 'weekly' },
    '/opt/app/models/**': { component: 'models', interval: 90 },
    '/opt/*/shared.so': 'shared',
    '/usr/bin/a': { component: 'app' },
  });
  const list = JSON.stringify([
    { path: '/opt/app', component: 'app', interval: 'weekly' },
    { path: '/opt/app/models/**', component: 'models', interval: '90' },
    { path: '/opt/*/shared.so', component: 'shared' },
    { path: '/usr/bin/a', component: 'app' },
  ]);

  test('are the same as lines, object and list', () => {
    const [first, ...others] = [lines, json, list].map((text) => parseComponentMap(bytesOf(text)));
    expect(first?.map(({ component, interval }) => [component, interval])).toEqual([
      ['app', 7],
      ['models', 90],
      ['shared', undefined],
      ['app', undefined],
    ]);
    expect(others).toEqual([first, first]);
  });

  test('win over packages; of several entries the last one holds', () => {
    const fixture = emptyFixture();
    for (const path of ['/opt/app/run', '/opt/app/models/x/y', '/opt/app/shared.so', '/opt/b/shared.so'])
      putFile(fixture, path, 1);
    putFile(fixture, '/usr/bin/a', 1);
    putPackages(fixture, [{ name: 'a', files: [{ path: '/usr/bin/a' }] }]);
    const { owners, rates, warnings } = assign(fixture, { componentMap: parseComponentMap(bytesOf(lines)) });
    expect(owners).toEqual({
      '/opt/app/models/x/y': 'user/models',
      '/opt/app/run': 'user/app',
      '/opt/app/shared.so': 'user/shared',
      '/opt/b/shared.so': 'user/shared',
      '/usr/bin/a': 'user/app',
      '/usr/lib/sysimage/rpm/Packages.db': '@db',
    });
    expect([rates['user/app'], rates['user/models'], warnings]).toEqual([1_000_000, 77_778, []]);
  });

  test('give way to attributes, and share components with them', () => {
    const fixture = emptyFixture();
    for (const path of ['/a', '/b', '/c']) putFile(fixture, path, 1);
    label(fixture, '/a', 'one', 'yearly');
    label(fixture, '/b', 'two');
    const componentMap = parseComponentMap(bytesOf('/**\tone\tdaily\n/b\tone\tweekly\n'));
    const { owners, rates, warnings } = assign(fixture, { componentMap });
    expect(owners).toEqual({ '/a': 'user/one', '/b': 'user/two', '/c': 'user/one' });
    expect([rates['user/one'], warnings]).toEqual([
      19_178,
      [
        {
          code: 'COMPONENT_SETTING',
          message: 'component one has several update intervals in the map; the shortest counts',
        },
      ],
    ]);
  });

  test('of the root hold for everything', () => {
    const fixture = emptyFixture();
    putFile(fixture, '/a/b', 1);
    const { owners } = assign(fixture, { componentMap: parseComponentMap(bytesOf('/\tall\n')) });
    expect(owners).toEqual({ '/a/b': 'user/all' });
  });

  test('may hold any bytes in lines', () => {
    const fixture = emptyFixture();
    putFile(fixture, '/\xff\xfe', 1);
    const text = Buffer.from('/\xff*\tapp\n', 'latin1');
    expect(assign(fixture, { componentMap: parseComponentMap(text) }).owners).toEqual({
      '/\xff\xfe': 'user/app',
    });
  });

  test('are fast with 100,000 paths', () => {
    const fixture = emptyFixture();
    const made = Array.from({ length: 100_000 }, (_, n) => `/usr/share/${n % 100}/${n}`);
    for (const path of made.slice(0, 20_000)) putFile(fixture, path, 1);
    const text = made.map((path, n) => `${path}\tc${n % 7}`).join('\n');
    const since = process.cpuUsage();
    const { assignment } = assign(fixture, { componentMap: parseComponentMap(bytesOf(text)) });
    expect(assignment.components.map(({ key }) => key)).toEqual(
      Array.from({ length: 7 }, (_, n) => `user/c${n}`),
    );
    expect(cpuSecondsSince(since)).toBeLessThan(60);
  });

  test.each([
    ['/a\n', 'a line is not PATH, COMPONENT and maybe INTERVAL, with tabs between', 1],
    ['#\n/a\tb\tdaily\tx\n', 'a line is not PATH, COMPONENT and maybe INTERVAL, with tabs between', 2],
    ['a\tb\n', 'a is no pattern of absolute paths', 1],
    ['/[\tb\n', '/[ is no pattern of absolute paths', 1],
    ['/a\t x\n', ' x cannot name a component', 1],
    ['/a\tx\tnow\n', 'now is no update interval', 1],
    ['{"/a"', 'the component map is no JSON document', undefined],
    ['["/a"]', 'entry 1 lacks a path or component, or has one that is no text', undefined],
    ['[null]', 'entry 1 lacks a path or component, or has one that is no text', undefined],
    ['{"/a": 5}', '/a lacks a path or component, or has one that is no text', undefined],
    ['{"/a": {"component": "x", "path": "/b"}}', '/a has the unknown field path', undefined],
    [
      '[{"path": "/a", "component": "x", "intervall": 1}]',
      'entry 1 has the unknown field intervall',
      undefined,
    ],
    [
      '{"/a": {"component": "x", "interval": true}}',
      'the interval of /a is neither text nor number',
      undefined,
    ],
    ['{"/a": {"component": "x", "interval": 1.5}}', '1.5 is no update interval', undefined],
    ['{"__proto__": "x"}', '__proto__ is no pattern of absolute paths', undefined],
  ])('%j are refused', (text, message, line) => {
    try {
      parseComponentMap(bytesOf(text));
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({
        code: 'COMPONENT_MAP_BAD',
        message,
        detail: line === undefined ? {} : { line },
      });
    }
  });

  test('that are empty assign nothing', () => {
    expect(parseComponentMap(bytesOf(''))).toEqual([]);
    expect(parseComponentMap(bytesOf(' \n[]'))).toEqual([]);
    expect(parseComponentMap(bytesOf('{}'))).toEqual([]);
  });
});
