/** Every rule speaks on its fixture, alone, and none on a clean image. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { LINT_RULES, RULE_IDS, type RuleId } from '../../../src/lint/rules.ts';
import { signPe } from '../../support/signed-pe.ts';
import { makePe, OPTIONAL_HEADER_AT } from '../../support/uki-maker.ts';
import { ImageFixture, LOADER } from './image-fixture.ts';
import { FIXTURES, hostileUkis, otherKernel, withUki } from './rule-fixtures.ts';

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

describe('signatures of a UKI', () => {
  const messages = async (change: ImageFixture['signUki']): Promise<string[]> => {
    const { findings } = await withUki(new ImageFixture(), change).lint(fresh());
    return findings.map(({ rule, message }) => `${rule} ${message}`);
  };
  const uki = '/boot/EFI/Linux/6.12.1.efi';
  const checkSumAt = OPTIONAL_HEADER_AT + 64;

  test('of other bytes, where no checksum tells', async () => {
    const found = await messages(async (bytes) => {
      const changed = otherKernel(await signPe(bytes));
      changed.writeUInt32LE(0, checkSumAt);
      return changed;
    });
    expect(found).toEqual([`uki-signature ${uki}: a signature is of other bytes than those of the file`]);
  });

  test('by another key than the certificate has', async () => {
    const found = await messages((bytes) => signPe(bytes, 'db', 'other'));
    expect(found).toEqual([
      `uki-signature ${uki}: a signature is damaged, or by another key than its certificate has`,
    ]);
  });

  test('one that holds is enough', async () => {
    expect(await messages(async (bytes) => signPe(await signPe(bytes, 'db', 'other')))).toEqual([]);
  });

  test('in a table that is malformed', async () => {
    const found = await messages(async (bytes) => {
      const signed = await signPe(bytes);
      signed.writeUInt16LE(7, bytes.length + 4);
      signed.writeUInt32LE(0, checkSumAt);
      return signed;
    });
    expect(found).toEqual([`uki-signature ${uki}: an entry of a certificate table is no PKCS #7 signature`]);
  });

  test('that are missing where systemd-boot has none either are told once', async () => {
    const image = withUki(new ImageFixture(), (bytes) => bytes).file(
      LOADER,
      makePe([['.text', 'a boot loader']]),
    );
    expect((await image.lint(fresh())).findings.map(({ rule }) => rule)).toEqual(['uki-unsigned']);
  });

  test('of systemd-boot in a file beside it count', async () => {
    const image = new ImageFixture().seal().file(LOADER, makePe([['.text', 'a boot loader']]));
    image.file(`${LOADER}.signed`, await signPe(makePe([['.text', 'a boot loader']])));
    expect((await image.lint(fresh())).findings).toEqual([]);
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
