/**
 * What lint says hosts refuse is what composefs-rs refuses, fixture by fixture; what it accepts, lint lets pass; and an
 * image sealed with the digest that composefs-rs computes has no findings.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { RULE_IDS, type RuleId } from '../../src/lint/rules.ts';
import { temporaryDirectory } from '../support/cli.ts';
import { hasTool } from '../support/composefs-tools.ts';
import { ImageFixture } from '../unit/lint/image-fixture.ts';
import { FIXTURES } from '../unit/lint/rule-fixtures.ts';

const SKIPPED = 'lint against what cfsctl refuses';
const cfsctl = hasTool('cfsctl', SKIPPED) && hasTool('skopeo', SKIPPED);
const directory = temporaryDirectory();
let serial = 0;
const fresh = (): string => join(directory, String(serial++));

/** What composefs-rs computes for booting; `undefined` where it refuses. */
function computedByHost(reference: string): string | undefined {
  const repository = fresh();
  const cfs = (...args: string[]): ReturnType<typeof spawnSync> =>
    spawnSync('cfsctl', ['--repo', repository, ...args]);
  if (cfs('init', '--insecure').status !== 0 || !existsSync(repository)) throw new Error('no repository');
  if (cfs('oci', 'pull', reference, 'image').status !== 0) return undefined;
  const { status, stdout } = cfs('oci', 'compute-id', '--bootable', 'image');
  return status === 0 ? String(stdout).trim() : undefined;
}

/** Images that composefs-rs 0.9.4 makes no bootable image of. */
const REFUSED: ReadonlySet<RuleId> = new Set<RuleId>([
  'end-of-archive-missing',
  'media-type-wrong',
  'sparse-entry',
  'size-without-content',
  'negative-time',
  'path-invalid',
  'parent-missing',
  'parent-not-directory',
  'whiteout-below-link',
  'link-target-missing',
  'platform-mismatch',
  'usr-missing',
  'run-not-directory',
  'boot-missing',
  'sysroot-missing',
  'selinux-policy-missing',
  'selinux-file-irregular',
  'selinux-rules-unreadable',
  'host-refuses',
  'uki-irregular',
]);

/** Hundreds of layers say nothing about this peer and take long. */
const CASES = RULE_IDS.filter((id) => !id.startsWith('layer-count'));

describe.skipIf(!cfsctl)('composefs-rs', () => {
  test.each(CASES)('%s', async (id) => {
    const image = await FIXTURES[id](new ImageFixture(), fresh());
    const { summary } = await image.lint(fresh());
    const digest = computedByHost(await image.write(fresh()));
    expect(digest === undefined).toBe(REFUSED.has(id));
    if (digest === undefined) expect(summary.error).toBeGreaterThan(0);
  });

  test.each([
    ['with a kernel beside a sealed tree', (image: ImageFixture) => image],
    [
      'with a policy',
      (image: ImageFixture) =>
        image
          .file('etc/selinux/config', 'SELINUXTYPE=test\n')
          .file(
            'etc/selinux/test/contexts/files/file_contexts',
            '/.* u:r:t:s0\n/usr/bin/tool -- u:r:tool:s0\n',
          ),
    ],
  ])('sealed by its digest has no findings: %s', async (_, change) => {
    const probe = change(new ImageFixture()).seal({ cmdline: 'rw' });
    await probe.lint(fresh());
    const digest = computedByHost(await probe.write(fresh()));
    expect(digest).toMatch(/^[0-9a-f]{128}$/);
    const sealed = change(new ImageFixture()).seal({ cmdline: `rw composefs=${digest}` });
    expect((await sealed.lint(fresh())).findings).toEqual([]);
  });
});
