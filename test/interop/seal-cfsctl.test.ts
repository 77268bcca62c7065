/** Sealed images against composefs-rs: what it makes of their layers must be what their UKIs say. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { seal } from '../../src/ops/seal/seal.ts';
import { bootableTar } from '../support/bootable-root.ts';
import { temporaryDirectory } from '../support/cli.ts';
import { hasTool, runTool } from '../support/composefs-tools.ts';
import { keyFile } from '../support/test-keys.ts';

const folder = temporaryDirectory();

/** cfsctl 0.9.4 takes the fraction of /usr's time for /boot, which is whole here, so both profiles agree. */
describe.each([
  ['cfsctl', 'cfsctl'],
  ['cfsctl-0.9.0', 'bootc'],
] as const)('%s', (program, profile) => {
  const has = hasTool(program, `sealed images against ${program}`);

  test.skipIf(!has)('finds the sealed digest, and refuses another', async () => {
    const tar = join(folder, `${program}.tar`);
    const layout = join(folder, program);
    writeFileSync(tar, bootableTar());
    const { proof } = await seal(`tar:${tar}`, {
      destination: `oci:${layout}:sealed`,
      profile,
      key: keyFile('db.key'),
      certificate: keyFile('db.crt'),
    });
    const repository = join(folder, `${program}-repository`);
    mkdirSync(repository);
    const run = (...args: readonly string[]): ReturnType<typeof runTool> =>
      runTool(program, ['--repo', repository, ...args]);
    expect(run('init', '--insecure').status).toBe(0);
    expect(run('oci', 'pull', '--bootable', `oci:${layout}:sealed`, 'sealed').status).toBe(0);
    const computed = run('oci', 'compute-id', '--bootable', 'sealed').stdout.toString().trim();
    expect(computed).toBe(proof.bootable);
    if (program !== 'cfsctl') return; // 0.9.0 has no --expected-digest
    const expecting = (digest: string): number | null =>
      run('oci', 'pull', '--bootable', '--expected-digest', digest, `oci:${layout}:sealed`, 'again').status;
    expect(expecting(proof.bootable)).toBe(0);
    expect(expecting('00'.repeat(64))).not.toBe(0);
  });
});
