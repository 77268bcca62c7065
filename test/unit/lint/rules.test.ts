/** Every rule speaks on its fixture, alone, and none on a clean image. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { LINT_RULES, RULE_IDS, type RuleId } from '../../../src/lint/rules.ts';
import { ImageFixture } from './image-fixture.ts';
import { FIXTURES, hostileUkis } from './rule-fixtures.ts';

const root = mkdtempSync(join(tmpdir(), 'planish-test-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let serial = 0;
const fresh = (): string => join(root, String(serial++));

describe('a clean image', () => {
  test('with a kernel beside its modules has no findings', async () => {
    const result = await new ImageFixture().lint(fresh());
    expect(result).toMatchObject({ bootable: true, profile: 'bootc', findings: [] });
    expect(result.summary).toEqual({ error: 0, warning: 0, note: 0 });
  });

  test('with a UKI sealed for its tree has no findings', async () => {
    const result = await new ImageFixture().seal({ uname: '6.12.1' }).lint(fresh());
    expect(result.findings).toEqual([]);
  });

  test('with a policy has no findings', async () => {
    const image = new ImageFixture()
      .file('etc/selinux/config', 'SELINUX=enforcing\nSELINUXTYPE=test\n')
      .file('etc/selinux/test/contexts/files/file_contexts', '/.* u:r:t:s0\n/usr/bin/tool -- u:r:tool:s0\n');
    expect((await image.seal().lint(fresh())).findings).toEqual([]);
  });

  test('of an application has no findings, and is not asked to boot', async () => {
    const result = await new ImageFixture().application().lint(fresh());
    expect(result).toMatchObject({ bootable: false, findings: [] });
  });

  test.each(['gzip', 'zstd'] as const)('compressed with %s has no findings', async (compression) => {
    const image = new ImageFixture();
    image.stored = { compression };
    expect((await image.lint(fresh())).findings).toEqual([]);
  });
});

describe('a rule speaks on its fixture, alone', () => {
  test.each(RULE_IDS)('%s', async (id: RuleId) => {
    const image = await FIXTURES[id](new ImageFixture(), fresh());
    const { findings, summary } = await image.lint(fresh());
    expect([...new Set(findings.map(({ rule }) => rule))]).toEqual([id]);
    const { severity } = LINT_RULES[id];
    expect(summary).toEqual({ error: 0, warning: 0, note: 0, [severity]: findings.length });
    for (const { message } of findings) expect(message).toMatch(/^[^\n]*[^.\n]$/);
  });
});

describe('a hostile UKI is a finding', () => {
  test.each(hostileUkis())('%s', async (_, bytes) => {
    const image = new ImageFixture().seal();
    image.uki = undefined;
    const { findings } = await image.file('boot/EFI/Linux/6.12.1.efi', bytes).lint(fresh());
    expect(findings.map(({ rule }) => rule)).toEqual(['uki-malformed']);
  });
});
