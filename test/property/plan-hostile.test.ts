import { describe, expect, test } from 'vitest';
import { byteString } from '../../src/bytes/byte-string.ts';
import { assignComponents, wantedPaths } from '../../src/chunk/components.ts';
import { fc } from '../support/property.ts';
import { emptyFixture, putFile, putLink, putText, type TreeFixture } from '../unit/chunk/tree-fixture.ts';

const STATUS = 'Package: p\nStatus: install ok installed\nArchitecture: amd64\nSource: s (1)\nVersion: 1\n\n';
const LIST = '/.\n/bin\n/bin/x\n/usr/share/y\n';
const DIVERSIONS = '/bin/x\n/bin/x.real\nq\n';
const CHANGELOG = 'p (1) s; u\n\n  * x\n\n -- A <a@b>  Mon, 12 Jun 2023 10:11:12 +0200\n';

function build(texts: readonly (string | Uint8Array)[]): TreeFixture {
  const fixture = emptyFixture();
  const paths = [
    '/var/lib/dpkg/status',
    '/var/lib/dpkg/info/p.list',
    '/var/lib/dpkg/diversions',
    '/usr/share/doc/p/changelog.gz',
  ];
  for (const [index, path] of paths.entries()) putText(fixture, path, texts[index] ?? '');
  putFile(fixture, '/usr/bin/x', 1);
  putFile(fixture, '/usr/share/y', 1);
  putLink(fixture, '/bin', 'usr/bin');
  return fixture;
}

/** Every path owned once, whatever the database says. */
function check(fixture: TreeFixture): void {
  const { components, owner } = assignComponents(fixture.root, fixture.reader);
  expect(owner.size).toBe(7);
  expect(components.reduce((sum, { paths }) => sum + paths.length, 0)).toBe(7);
  expect(wantedPaths(fixture.root).length).toBe(4);
}

const texts = [STATUS, LIST, DIVERSIONS, CHANGELOG];

describe('a hostile database', () => {
  test('of any bytes only loses claims', () => {
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string({ maxLength: 200 }));
    fc.assert(
      fc.property(fc.tuple(bytes, bytes, bytes, bytes), (all) => check(build(all))),
      { numRuns: 300 },
    );
  });

  test('that is cut or has a byte flipped only loses claims', () => {
    fc.assert(
      fc.property(
        fc.nat(3),
        fc.nat(400),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        (which, at, flip, cut) => {
          const damaged: Uint8Array[] = texts.map((text) => Buffer.from(text));
          const target = damaged[which] as Uint8Array;
          const position = at % target.length;
          if (cut) damaged[which] = target.subarray(0, position);
          else target[position] = (target[position] as number) ^ flip;
          check(build(damaged));
        },
      ),
      { numRuns: 400 },
    );
  });

  test('intact is used', () => {
    const { owner } = assignComponents(build(texts).root, build(texts).reader);
    expect(owner.get(byteString('/usr/share/y'))?.key).toBe('dpkg/s');
  });
});
