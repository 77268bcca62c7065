/** Whatever the bytes of a layer or of a UKI, lint ends with findings; a changed byte is never called clean by accident. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { RULE_IDS } from '../../src/lint/rules.ts';
import { lint } from '../../src/ops/lint/lint.ts';
import { fc, place } from '../support/property.ts';
import { makeUki } from '../support/uki-maker.ts';
import { ImageFixture, WRONG_DIGEST } from '../unit/lint/image-fixture.ts';

const root = mkdtempSync(join(tmpdir(), 'planish-test-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let serial = 0;

/** Lints in a directory that does not outlive the run, and checks what every result must be. */
async function rulesOf(image: ImageFixture): Promise<string[]> {
  const directory = join(root, String(serial++));
  const { findings, summary } = await lint(await image.write(directory));
  rmSync(directory, { recursive: true });
  expect(summary.error + summary.warning + summary.note).toBe(findings.length);
  const rules = findings.map(({ rule }) => rule);
  expect(rules.filter((rule) => !(RULE_IDS as readonly string[]).includes(rule))).toEqual([]);
  return rules;
}

const flips = fc.array(fc.tuple(place, fc.integer({ min: 1, max: 255 })), {
  minLength: 1,
  maxLength: 4,
});

function flipped(bytes: Buffer, changes: readonly (readonly [number, number])[]): Buffer {
  const copy = Buffer.from(bytes);
  for (const [part, mask] of changes) {
    const at = Math.floor(part * copy.length);
    copy.writeUInt8(copy.readUInt8(at) ^ mask, at);
  }
  return copy;
}

test('a tar with changed bytes is judged', async () => {
  await fc.assert(
    fc.asyncProperty(flips, async (changes) => {
      const image = new ImageFixture();
      image.editTar = (tar) => flipped(tar, changes);
      await rulesOf(image);
    }),
    { numRuns: 150 },
  );
});

test('a tar that was cut is judged, and never clean', async () => {
  await fc.assert(
    fc.asyncProperty(place, async (part) => {
      const image = new ImageFixture();
      image.editTar = (tar) => tar.subarray(0, Math.floor(part * (tar.length - 1024)));
      expect(await rulesOf(image)).not.toEqual([]);
    }),
    { numRuns: 60 },
  );
});

test('a UKI with changed bytes is judged, and never clean with a wrong digest', async () => {
  const uki = makeUki({ cmdline: `composefs=${WRONG_DIGEST}`, uname: '6.12.1' });
  await fc.assert(
    fc.asyncProperty(flips, async (changes) => {
      const image = new ImageFixture().seal();
      image.file('boot/EFI/Linux/6.12.1.efi', flipped(uki, changes));
      expect(await rulesOf(image)).not.toEqual([]);
    }),
    { numRuns: 100 },
  );
});
