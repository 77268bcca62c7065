/** Tars of GNU tar and bsdtar, read as Python reads them. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeEntry, scan } from './support.ts';

const folder = new URL('../../../fixtures/tar/', import.meta.url);
const cases = readdirSync(folder)
  .filter((name) => name.endsWith('.tar'))
  .map((name) => name.slice(0, -4));

describe('fixtures/tar', () => {
  it('holds the formats of both tools', () => {
    expect(cases.length).toBe(21);
  });

  it.each(cases)('%s', (name) => {
    const tar = readFileSync(new URL(`${name}.tar`, folder));
    const expected = JSON.parse(readFileSync(new URL(`${name}.expect.json`, folder), 'utf8'));
    const { found, end } = scan(tar);
    expect(found.map(describeEntry)).toEqual(expected);
    expect(end).toEqual({ size: tar.length, endOfArchive: true });
    for (const { entry, stored } of found) {
      expect(tar.subarray(entry.dataOffset, entry.dataOffset + stored.length).equals(stored)).toBe(true);
    }
  });

  it.each(cases)('%s, in pieces of any size', (name) => {
    const tar = readFileSync(new URL(`${name}.tar`, folder));
    const { found, end } = scan(tar);
    for (const step of [1, 7, 511, 512, 513, 1025, 65_537]) {
      const pieces = scan(tar, { step });
      expect(pieces.end).toEqual(end);
      expect(pieces.found.map(({ entry }) => entry)).toEqual(found.map(({ entry }) => entry));
      expect(pieces.found.every(({ stored }, index) => found[index]?.stored.equals(stored))).toBe(true);
    }
  });
});
