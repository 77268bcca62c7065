/** Plain ECDSA signatures of ours, as cosign takes them for files. */
import { createPublicKey } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../support/cli.ts';
import { runTool } from '../support/composefs-tools.ts';
import { keyBytes, testSigner } from '../support/test-keys.ts';
import { trixieFile } from '../support/trixie.ts';

const cosign = trixieFile('bin/cosign', 'signatures against cosign');
const folder = temporaryDirectory();

describe.skipIf(cosign === undefined)('cosign', () => {
  const verify = async (content: string): Promise<number | null> => {
    const blob = join(folder, 'blob');
    const key = join(folder, 'key.pem');
    const signature = await testSigner('p256').sign(Buffer.from('a payload'), 'sha256');
    writeFileSync(blob, content);
    writeFileSync(key, createPublicKey(keyBytes('p256.key')).export({ format: 'pem', type: 'spki' }));
    writeFileSync(join(folder, 'signature'), Buffer.from(signature).toString('base64'));
    const how = ['--insecure-ignore-tlog=true', '--key', key, '--signature', join(folder, 'signature')];
    return runTool(cosign ?? '', ['verify-blob', ...how, blob]).status;
  };

  test('accepts our signature, and no other content', async () => {
    expect(await verify('a payload')).toBe(0);
    expect(await verify('another payload')).toBe(1);
  });
});
