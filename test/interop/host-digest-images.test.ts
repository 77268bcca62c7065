/**
 * Plain and bootable digests of real images against composefs-rs' own program: a server, from the layout that
 * `PLANISH_SERVER_LAYOUT` names (tag `server`), and one with the SELinux reference policy, from the tar of its root
 * that `PLANISH_POLICY_TAR` names. Neither is made for boot, so a layer adds what hosts demand.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { verify } from '../../src/ops/verify/verify.ts';
import { hasTool } from '../support/composefs-tools.ts';
import { memoryDirectory } from '../support/memory-directory.ts';
import { RAW_END, type RawEntry, rawEntry } from '../support/raw-tar.ts';
import { run, runPlanishJson } from '../support/run.ts';
import { serverImage } from '../support/server-image.ts';
import { layoutOfTars, layoutOnTop } from '../support/stack-layout.ts';

const SKIPPED = 'bootable digests of real images against cfsctl';
const cfsctl = hasTool('cfsctl', SKIPPED);
const directory = memoryDirectory();

/** `/sysroot`, a `/boot` with content, and labels that are not the policy's. */
function bootLayer(): Buffer {
  const entry = (type: RawEntry['type'], path: string, more: Partial<RawEntry> = {}): Buffer => {
    const stat = { mode: type === 'directory' ? 0o755 : 0o644, uid: 0, gid: 0, sec: 1_700_000_000, nsec: 0 };
    return rawEntry({ type, path, ...stat, xattrs: [], ...more }, 'pax');
  };
  return Buffer.concat([
    entry('directory', 'sysroot', { nsec: 5 }),
    entry('regular', 'sysroot/left', { content: Buffer.from('over') }),
    entry('directory', 'boot', { nsec: 123_456_789 }),
    entry('directory', 'boot/EFI'),
    entry('directory', 'boot/EFI/Linux'),
    entry('regular', 'boot/EFI/Linux/1.efi', { content: Buffer.alloc(1000, 'MZ') }),
    entry('regular', 'usr/labelled', { xattrs: [['security.selinux', Buffer.from('u:r:wrong_t:s0\0')]] }),
    RAW_END,
  ]);
}

/** What `verify` says of the file that `bootLayer` puts where UKIs lie. */
const MADE_UP_UKI = {
  check: 'uki',
  subject: '/boot/EFI/Linux/1.efi',
  outcome: 'unreadable',
  error: { code: 'PE_BAD_IMAGE', message: 'the file ends within the PE header' },
};

/** Digests by composefs-rs, in one repository of an algorithm. */
async function byHost(layout: string, algorithm: string): Promise<Record<string, string>> {
  const repository = join(directory, 'repository');
  const cfs = async (...args: string[]): Promise<string> =>
    (await run('cfsctl', ['--repo', repository, ...args])).trim();
  try {
    await cfs('init', '--insecure', '--algorithm', `fsverity-${algorithm}-12`);
    await cfs('oci', 'pull', '--bootable', `oci:${layout}:t`, 'image');
    const found: Record<string, string> = {};
    for (const format of ['1', '2']) {
      const id = (...flags: string[]): Promise<string> =>
        cfs('--erofs-version', format, 'oci', 'compute-id', ...flags, 'image');
      found[`container v${format}`] = await id();
      found[`bootable v${format}`] = await id('--bootable');
    }
    return found;
  } finally {
    rmSync(repository, { recursive: true, force: true });
  }
}

async function byPlanish(layout: string, algorithm: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const format of ['1', '2']) {
    const options = ['--profile', 'cfsctl', '--algorithm', algorithm, '--format', `v${format}`];
    const { container, bootable } = await runPlanishJson(['digest', `oci:${layout}:t`, ...options]);
    found[`container v${format}`] = container;
    found[`bootable v${format}`] = bootable;
  }
  return found;
}

function compareWithHost(layout: string, result: string, algorithms: readonly string[]): void {
  test.each(algorithms)('has the digests of composefs-rs, %s', async (algorithm) => {
    const expected = await byHost(layout, algorithm);
    expect(new Set(Object.values(expected)).size).toBe(4);
    expect(await byPlanish(layout, algorithm)).toEqual(expected);
  });

  test('built, it has the digests of composefs-rs, which it records and which verify', async () => {
    const { digests } = await runPlanishJson(['build', `oci:${layout}:t`, '-o', `oci:${result}:t`]);
    const expected = await byHost(result, 'sha512');
    expect(digests.container).toBe(expected['container v1']);
    expect(digests.bootable).toBe(expected['bootable v1']);
    const { composefs } = await runPlanishJson(['inspect', `oci:${result}:t`]);
    expect(composefs['composefs.merged.bootable.erofs.v1.fsverity-sha512-12']).toBe(digests.bootable);
    const { checks } = await verify(`oci:${result}:t`);
    // The UKI of this image is made up; all else must match.
    expect(checks.filter(({ outcome }) => outcome !== 'match')).toEqual([MADE_UP_UKI]);
    expect(checks.filter(({ check }) => check === 'merged')).toHaveLength(2);
  });
}

const server = cfsctl ? await serverImage(`${SKIPPED}: a server`) : undefined;

describe.skipIf(server === undefined)('a server', () => {
  const layout = join(directory, 'server');
  beforeAll(async () => {
    const [, source = '', tag = ''] = (server ?? '').split(':');
    const flat = join(directory, 'server-flat');
    // umoci's layers are refused by hosts as they are: whiteouts below what has become a symlink.
    await runPlanishJson(['build', `oci:${source}:${tag}`, '-o', `oci:${flat}:flat`]);
    await layoutOnTop(layout, flat, 'flat', [bootLayer()]);
  });
  // The other algorithm is compared on the smaller image: a minute less.
  compareWithHost(layout, join(directory, 'server-built'), ['sha512']);
});

const policyTar = process.env['PLANISH_POLICY_TAR'];
if (policyTar === undefined)
  process.stderr.write(`SKIPPED: ${SKIPPED}: a policy: PLANISH_POLICY_TAR is not set\n`);

describe.skipIf(!cfsctl || policyTar === undefined)('a server with a policy', () => {
  const layout = join(directory, 'policy');
  beforeAll(async () => {
    await layoutOfTars(layout, [policyTar ?? '', bootLayer()]);
  });
  compareWithHost(layout, join(directory, 'policy-built'), ['sha512', 'sha256']);
});
