/** What composefs-rs shows of an image that planish emitted: the whole tree, read through its mounts, and its dumpfile. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DEMO, planish, planishJson, temporaryDirectory } from '../support/cli.ts';
import { canMount } from '../support/composefs-mount.ts';
import { hasTool, runTool } from '../support/composefs-tools.ts';

const cfsctl = hasTool('cfsctl', 'what cfsctl mounts and dumps');
// The kernel mounts no EROFS from a file in memory.
const directory = temporaryDirectory();
const mounts = cfsctl && canMount('cfsctl oci mount', directory);
const LAYOUT = `oci:${join(directory, 'demo')}:demo`;
const OURS = join(directory, 'ours');
const THEIRS = join(directory, 'theirs');

/** Every path with its kind, mode, owner, time, attributes, and its content or the fs-verity digest of that. */
function dumpOf(source: string, ...options: string[]): string {
  const { status, stdout, stderr } = planish(['dump', source, ...options]);
  expect(stderr).toBe('');
  expect(status).toBe(0);
  return stdout.toString();
}

/** Whether the kernel knows a mount there. */
function isMounted(point: string): boolean {
  return readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${point} `);
}

/** Long enough for any machine; a daemon that does not answer shall not stop all other tests. */
const PATIENCE = 60_000;

/** Mounts for as long as `use` takes; gives what cfsctl says where it does not. */
function mounted(repository: string, fuse: string, use: (point: string) => void): string | undefined {
  const point = mkdtempSync(join(directory, 'mounted-'));
  const said = openSync(`${point}.said`, 'w');
  // The daemon keeps what it is given open for as long as it serves, so a pipe would never end.
  const { status, error } = spawnSync(
    'cfsctl',
    ['--repo', repository, 'oci', 'mount', 'demo', point, '--fuse', fuse],
    { stdio: ['ignore', said, said], timeout: PATIENCE },
  );
  closeSync(said);
  try {
    const [what] = readFileSync(`${point}.said`, 'utf8').split('Stack backtrace');
    if (status !== 0) return `${error ?? ''} ${what}`.replace(/\s+/g, ' ');
    if (!isMounted(point)) return 'it says nothing and nothing is mounted';
    use(point);
    return undefined;
  } finally {
    if (isMounted(point)) expect(runTool('umount', [point]).stderr).toBe('');
    expect(isMounted(point)).toBe(false);
  }
}

/** Whether cfsctl mounts here what it pulled itself; says why not. */
function mountsItsOwn(fuse: string): boolean {
  if (!mounts) return false;
  const why = (fuse === 'yes' ? fuseProblem() : undefined) ?? tryOwn(fuse);
  if (why !== undefined) process.stderr.write(`SKIPPED: cfsctl oci mount --fuse ${fuse}: ${why}\n`);
  return why === undefined;
}

function tryOwn(fuse: string): string | undefined {
  let problem: string | undefined;
  const refused = mounted(THEIRS, fuse, (point) => {
    try {
      readFileSync(join(point, 'etc/passwd'));
    } catch (error) {
      problem = String(error);
    }
  });
  return refused ?? problem;
}

function fuseProblem(): string | undefined {
  try {
    closeSync(openSync('/dev/fuse', 'r+'));
    return undefined;
  } catch (error) {
    return String(error);
  }
}

/** Fills both repositories with the demonstration image; gives the dumpfile that planish writes of it. */
function fill(): string {
  planishJson(['build', `oci-archive:${DEMO}`, '-o', LAYOUT, '--compression', 'gzip']);
  planishJson(['emit', LAYOUT, '--repo', OURS, '--profile', 'cfsctl', '--insecure']);
  const init = ['init', '--insecure'];
  for (const args of [init, ['oci', 'pull', LAYOUT, 'demo']])
    expect(runTool('cfsctl', ['--repo', THEIRS, ...args]).status).toBe(0);
  return dumpOf(LAYOUT, '--profile', 'cfsctl');
}

const wanted = cfsctl ? fill() : '';
const WAYS = [
  { by: 'the kernel', fuse: 'no', able: mountsItsOwn('no') },
  { by: 'FUSE', fuse: 'yes', able: mountsItsOwn('yes') },
];

describe.skipIf(!cfsctl)('an image that planish emits, seen through cfsctl,', () => {
  test('has the dumpfile that planish writes', () => {
    const { stdout, stderr } = runTool('cfsctl', ['--repo', OURS, 'oci', 'dump', 'demo']);
    expect(stderr).toBe('');
    expect(stdout.toString()).toBe(wanted);
  });

  for (const { by, fuse, able } of WAYS)
    test.skipIf(!able)(`is the same tree when it is mounted by ${by}`, () => {
      expect(wanted).toContain('\n/usr/bin/ping ');
      const refused = mounted(OURS, fuse, (point) => expect(dumpOf(`rootfs:${point}`)).toBe(wanted));
      expect(refused).toBeUndefined();
    });
});
