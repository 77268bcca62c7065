/** What is wrong around the images: options, destinations, disks, permissions. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEMO, MAIN, planish } from '../support/cli.ts';
import { makeLayout } from '../support/layout-maker.ts';
import { Arena, type AsyncRunOptions, errorLines, runPlanish } from '../support/refusal.ts';
import { snapshot } from '../support/snapshot.ts';
import { archive, directory, file, pseudoRandom, smallTar } from '../support/tar-maker.ts';

const NOBODY = 65_534;
const source = `oci-archive:${DEMO}`;
let arena: Arena;
beforeAll(async () => {
  arena = await Arena.create();
});
afterAll(() => arena.close());

/** The run is refused, prints nothing else, and changes nothing; what it said comes back. */
async function refused(
  args: readonly string[],
  options: AsyncRunOptions = {},
): Promise<{ status: number | null; stderr: string[] }> {
  const before = arena.snapshot();
  const { status, stdout, stderr } = await runPlanish(args, options);
  expect(stdout.toString()).toBe('');
  expect(arena.snapshot()).toEqual(before);
  return { status, stderr: errorLines(arena.plain(stderr).replaceAll(DEMO, '<demo>')) };
}

const HINT = 'planish: hint: planish VERB --help shows what there is';
const EXISTS_HINT = 'planish: hint: name an empty directory, a layout, or nothing that exists';

describe('a command line that is wrong', () => {
  const build = (...more: string[]): string[] => ['build', source, '-o', 'oci:DEST', ...more];
  const cases: [string[], ...string[]][] = [
    [['bogus'], "BAD_OPTION: unknown command 'bogus'", HINT],
    [['build'], "BAD_OPTION: required option '-o, --output <dest>' not specified", HINT],
    [['build', '-o', 'oci:DEST'], "BAD_OPTION: missing required argument 'source'", HINT],
    [build('more'), "BAD_OPTION: too many arguments for 'build': Expected 1 argument but got 2", HINT],
    [
      build('--compresion', 'gzip'),
      "BAD_OPTION: unknown option '--compresion' (Did you mean --compression?)",
      HINT,
    ],
    [
      build('--compression', 'xz'),
      "BAD_OPTION: option '--compression <kind>' argument 'xz' is invalid: Allowed choices are zstd, gzip, none",
      HINT,
    ],
    [
      build('--level', 'x'),
      "BAD_OPTION: option '--level <n>' argument 'x' is invalid: expected a whole number from 1",
      HINT,
    ],
    [build('--level', '20'), 'BAD_OPTION: zstd has no compression level 20 (expected 1 to 19, found 20)'],
    [
      build('--compression', 'gzip', '--level', '10'),
      'BAD_OPTION: gzip has no compression level 10 (expected 1 to 9, found 10)',
    ],
    [
      build('--max-layers', '0'),
      "BAD_OPTION: option '--max-layers <n>' argument '0' is invalid: expected a whole number from 1",
      HINT,
    ],
    [build('--max-layers', '501'), 'BAD_OPTION: max-layers must be a whole number from 1 to 500 (found 501)'],
    [
      build('--format', 'v3'),
      "BAD_OPTION: option '--format <version>' argument 'v3' is invalid: Allowed choices are v1, v0, v2",
      HINT,
    ],
    [
      build('--algorithm', 'md5'),
      "BAD_OPTION: option '--algorithm <name>' argument 'md5' is invalid: Allowed choices are sha512, sha256",
      HINT,
    ],
    [build('--label', 'x'), 'BAD_OPTION: expected KEY=VALUE to set or KEY- to remove (found x)'],
    [build('--platform', 'linux'), 'BAD_OPTION: platform "linux" is not os/arch or os/arch/variant'],
    [
      build('--platform', 'linux/s390x'),
      'NO_SUCH_IMAGE: oci-archive:<demo> holds no image for linux/s390x (expected linux/s390x, found linux/amd64)',
      'planish: hint: name one with --platform',
    ],
    [['--jobs', '257', ...build()], 'BAD_OPTION: jobs must be a whole number from 1 to 256 (found 257)'],
    [
      ['--jobs', '-1', ...build()],
      "BAD_OPTION: option '-j, --jobs <n>' argument '-1' is invalid: expected a whole number from 1",
      HINT,
    ],
    [
      ['build', `${source}:other`, '-o', 'oci:DEST'],
      'NO_SUCH_IMAGE: oci-archive:<demo>:other holds no image of that name (<demo>, expected other, found demo)',
    ],
    [
      ['build', source, '-o', 'oci:DEST:'],
      'BAD_REFERENCE: reference "oci:<dest>:" ends in a colon without a name',
    ],
    [
      ['build', source, '-o', 'docker://r.test/App'],
      'BAD_REFERENCE: reference "docker://r.test/App" holds a malformed image name',
      'planish: hint: a name is [HOST/]PATH[:TAG] in lower case',
    ],
    [
      ['build', source, '-o', 'tar:DEST'],
      'BAD_REFERENCE: reference "tar:<dest>" cannot be written to as tar:',
      'planish: hint: write to oci:DIR[:TAG], oci-archive:FILE[:TAG] or docker://HOST/REPOSITORY[:TAG]',
    ],
    [['cat', source, '/no/such/file'], 'PATH_NOT_FOUND: the image holds no such path (/no/such/file)'],
    [['cat', source, '/usr'], 'PATH_NOT_FOUND: the path is a directory, not a file (/usr)'],
    [
      ['ls', source, '/no/such/directory'],
      'PATH_NOT_FOUND: the image holds no such path (/no/such/directory)',
    ],
  ];

  test.each(cases)('%j', async (args, first, ...rest) => {
    const at = args.map((arg) => arg.replace('DEST', arena.used));
    expect(await refused(at)).toEqual({ status: 2, stderr: [`planish: ${first}`, ...rest] });
  });

  test('in the environment', async () => {
    const env = { SOURCE_DATE_EPOCH: 'yesterday' };
    expect(
      await refused(
        build().map((arg) => arg.replace('DEST', arena.used)),
        { env },
      ),
    ).toEqual({
      status: 2,
      stderr: ['planish: BAD_OPTION: SOURCE_DATE_EPOCH is not a number of seconds (found yesterday)'],
    });
  });
});

describe('a destination that cannot be', () => {
  const at = (name: string): string => join(arena.root, 'used', name);
  const build = (reference: string): Promise<{ status: number | null; stderr: string[] }> =>
    refused(['build', source, '-o', reference]);

  test('a file', async () => {
    writeFileSync(at('file'), 'content');
    expect(await build(`oci:${at('file')}`)).toEqual({
      status: 2,
      stderr: [
        'planish: DESTINATION_EXISTS: the destination exists and is no image layout (<root>/used/file)',
        EXISTS_HINT,
      ],
    });
  });

  test('a directory of other things', async () => {
    mkdirSync(at('directory'));
    writeFileSync(at('directory/file'), 'content');
    expect(await build(`oci:${at('directory')}:tag`)).toEqual({
      status: 2,
      stderr: [
        'planish: DESTINATION_EXISTS: the destination exists and is no image layout (<root>/used/directory)',
        EXISTS_HINT,
      ],
    });
  });

  test('a link to nothing', async () => {
    symlinkSync('nothing', at('link'));
    expect(await build(`oci:${at('link')}`)).toEqual({
      status: 2,
      stderr: [
        'planish: DESTINATION_EXISTS: the destination exists and is no image layout (<root>/used/link)',
        EXISTS_HINT,
      ],
    });
  });

  test('below nothing', async () => {
    expect(await build(`oci:${at('no/such/place')}`)).toEqual({
      status: 5,
      stderr: [
        'planish: SYSCALL_FAILED: making a temporary directory: ENOENT (<root>/used/no/such/.planish-x)',
      ],
    });
  });

  test('a layout that is broken', async () => {
    await makeLayout(at('broken'), [{ tar: smallTar() }]);
    writeFileSync(at('broken/index.json'), '{');
    expect(await build(`oci:${at('broken')}:tag`)).toEqual({
      status: 3,
      stderr: ['planish: JSON_BAD_DOCUMENT: index.json is no JSON in UTF-8 (<root>/used/broken)'],
    });
  });

  test('a layout of another version', async () => {
    await makeLayout(at('version'), [{ tar: smallTar() }]);
    writeFileSync(at('version/oci-layout'), '{"imageLayoutVersion":"3"}');
    expect(await build(`oci:${at('version')}:tag`)).toEqual({
      status: 3,
      stderr: [
        'planish: JSON_BAD_DOCUMENT: oci-layout: imageLayoutVersion is not "1.0.0" (<root>/used/version, found "3")',
      ],
    });
  });

  test('a layout whose blobs lead out of it', async () => {
    await makeLayout(at('escape'), [{ tar: smallTar() }]);
    mkdirSync(at('outside'));
    rmSync(at('escape/blobs/sha256'), { recursive: true });
    symlinkSync('../../outside', at('escape/blobs/sha256'));
    expect(await build(`oci:${at('escape')}:tag`)).toEqual({
      status: 3,
      stderr: [
        'planish: PATH_ESCAPES_ROOT: a link leads out of the layout (<root>/used/escape/blobs/sha256, found <root>/used/outside)',
      ],
    });
  });

  test('an archive over something else', async () => {
    writeFileSync(at('other.tar'), archive(file('x', 'x')));
    expect(await build(`oci-archive:${at('other.tar')}`)).toEqual({
      status: 2,
      stderr: [
        'planish: DESTINATION_EXISTS: the destination exists and is no image archive (<root>/used/other.tar)',
        'planish: hint: name an archive of this kind, or nothing that exists',
      ],
    });
  });
});

/** Options that run as an ordinary user; `undefined`, said loudly, where root cannot become one that can run it. */
function ordinaryUser(): AsyncRunOptions | undefined {
  if (process.getuid?.() !== 0) return {};
  const { status } = spawnSync(process.execPath, [MAIN, '--version'], { uid: NOBODY, gid: NOBODY });
  if (status === 0) return { uid: NOBODY };
  process.stderr.write('SKIPPED: permissions, for root may do anything and nobody cannot run dist/ here\n');
  return undefined;
}

const user = ordinaryUser();

describe.skipIf(user === undefined)('what may not be written', () => {
  let place: string;
  let copy: string;
  beforeAll(() => {
    chmodSync(arena.root, 0o755);
    place = join(arena.root, 'locked');
    mkdirSync(place, { mode: 0o555 });
    copy = join(arena.root, 'demo.tar');
    copyFileSync(DEMO, copy);
  });
  const run = async (...args: string[]): Promise<{ status: number | null; stderr: string[] }> =>
    await refused(['build', `oci-archive:${copy}`, ...args], user);

  test('the parent of the destination', async () => {
    expect(await run('-o', `oci:${place}/layout`)).toEqual({
      status: 5,
      stderr: ['planish: SYSCALL_FAILED: making a temporary directory: EACCES (<root>/locked/.planish-x)'],
    });
  });

  test('the directory of an archive', async () => {
    expect(await run('-o', `oci-archive:${place}/a.tar`)).toEqual({
      status: 5,
      stderr: ['planish: SYSCALL_FAILED: making a temporary directory: EACCES (<root>/locked/.planish-x)'],
    });
  });

  test('the directory for temporary files', async () => {
    const open = join(arena.root, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    expect(await run('-o', `oci:${open}/layout`, '--memory', '0', '--tmpdir', place)).toEqual({
      status: 5,
      stderr: ['planish: SYSCALL_FAILED: creating a temporary file: EACCES (<root>/locked)'],
    });
  });

  test('a source that may not be read', async () => {
    const secret = join(arena.root, 'sources/secret.tar');
    writeFileSync(secret, smallTar(), { mode: 0 });
    expect(await refused(['digest', `tar:${secret}`], user)).toEqual({
      status: 5,
      stderr: ['planish: SYSCALL_FAILED: opening a file: EACCES (<root>/sources/secret.tar)'],
    });
  });
});

test('a directory for temporary files that is not there', async () => {
  const nowhere = ['--memory', '0', '--tmpdir', join(arena.root, 'nothing')];
  const args = ['build', source, '-o', `oci:${arena.absent}`, ...nowhere];
  expect(await refused(args)).toEqual({
    status: 5,
    stderr: ['planish: SYSCALL_FAILED: creating a temporary file: ENOENT (<root>/nothing)'],
  });
});

describe('standard input', () => {
  test.each([
    [
      'nothing',
      Buffer.alloc(0),
      /^planish: DUMP_BAD_LINE: the dumpfile is empty \(standard input, offset 0, line 1\)$/,
    ],
    [
      'garbage',
      Buffer.from('/ 4096 40755 2 0 0 0 0.0 - - -\ngarbage\n'),
      /^planish: DUMP_BAD_LINE: the MODE field is not an octal number \(garbage, standard input, offset 38, line 2\)$/,
    ],
    [
      'one endless line',
      Buffer.alloc(3_000_000, 'x'),
      // How much of it has come by then is up to the pipe.
      /^planish: LIMIT_EXCEEDED: a line of the dumpfile passes the limit dumpLineBytes \(standard input, offset 0, line 1, expected 1048576, found \d+, limit dumpLineBytes\)$/,
    ],
  ])('that holds %s', async (_, input, line) => {
    for (const args of [
      ['dump', 'dump:-'],
      ['build', 'dump:-', '-o', `oci:${arena.used}:x`],
    ]) {
      const { status, stderr } = await refused(args, { input });
      expect(status).toBe(3);
      expect(stderr).toEqual([expect.stringMatching(line)]);
    }
  });
});

/** Two layers of 3 MB that nothing compresses: one is read in place, the other spooled. */
async function threeMegabytes(compression: 'none' | 'gzip'): Promise<string> {
  const tar = archive(directory('usr/'), file('usr/data', pseudoRandom(3_000_000)));
  return (await makeLayout(arena.source(), [{ tar, compression }])).reference;
}

describe('a disk that is full', () => {
  const TMPDIR_HINT = 'planish: hint: --tmpdir says where uncompressed layers are kept meanwhile';
  const tmpfs = process.getuid?.() === 0 ? mountSmall() : undefined;
  if (tmpfs === undefined)
    process.stderr.write('SKIPPED: a full tmpfs, which takes root to mount; a limit of sizes stands in\n');
  afterAll(() => {
    if (tmpfs === undefined) return;
    execFileSync('umount', [tmpfs]);
    rmSync(tmpfs, { recursive: true });
  });

  test.skipIf(tmpfs === undefined)('under a new destination', async () => {
    const run = await refused(['build', await threeMegabytes('none'), '-o', `oci:${tmpfs}/layout`]);
    expect({ ...run, stderr: run.stderr.map((line) => line.replace(tmpfs ?? '', '<tmpfs>')) }).toEqual({
      status: 5,
      stderr: ['planish: DISK_FULL: writing a file: ENOSPC (<tmpfs>/.planish-x/blobs-in-progress/layer-N)'],
    });
    expect(readdirSync(tmpfs ?? '')).toEqual([]);
  });

  test.skipIf(tmpfs === undefined)('under a destination that holds something', async () => {
    const layout = join(tmpfs ?? '', 'used');
    await makeLayout(layout, [{ tar: smallTar() }], { tag: 'old' });
    const before = snapshot(layout);
    const run = await refused(['build', await threeMegabytes('none'), '-o', `oci:${layout}:new`]);
    expect({ ...run, stderr: run.stderr.map((line) => line.replace(tmpfs ?? '', '<tmpfs>')) }).toEqual({
      status: 5,
      stderr: [
        'planish: DISK_FULL: writing a file: ENOSPC (<tmpfs>/used/.planish-x/blobs-in-progress/layer-N)',
      ],
    });
    expect(snapshot(layout)).toEqual(before);
    expect(planish(['verify', `oci:${layout}:old`]).status).toBe(0);
    rmSync(layout, { recursive: true });
  });

  test.skipIf(tmpfs === undefined)('under an archive', async () => {
    const run = await refused(['build', await threeMegabytes('none'), '-o', `oci-archive:${tmpfs}/a.tar`]);
    expect({ ...run, stderr: run.stderr.map((line) => line.replace(tmpfs ?? '', '<tmpfs>')) }).toEqual({
      status: 5,
      stderr: ['planish: DISK_FULL: writing a file: ENOSPC (<tmpfs>/.planish-x/blobs-in-progress/layer-N)'],
    });
    expect(readdirSync(tmpfs ?? '')).toEqual([]);
  });

  test.skipIf(tmpfs === undefined)('under the temporary files', async () => {
    const args = [
      'build',
      await threeMegabytes('gzip'),
      '-o',
      `oci:${arena.absent}`,
      '--memory',
      '0',
      '--tmpdir',
      tmpfs ?? '',
    ];
    const layer = '<digest>';
    expect(await refused(args)).toEqual({
      status: 5,
      stderr: [`planish: DISK_FULL: writing a file: ENOSPC (temporary file, layer ${layer})`, TMPDIR_HINT],
    });
    expect(readdirSync(tmpfs ?? '')).toEqual([]);
  });

  // What an ordinary user can have: no file may grow above 1 MB. The signal for it is ignored, so writes fail.
  const limited: AsyncRunOptions = { through: ['sh', '-c', 'trap "" 25; ulimit -f 1000; exec "$@"', 'sh'] };

  test('a limit of sizes under the destination', async () => {
    for (const layout of [arena.used, arena.absent]) {
      const args = ['build', await threeMegabytes('none'), '-o', `oci:${layout}:new`];
      const run = await refused(args, limited);
      expect({
        ...run,
        stderr: run.stderr.map((line) => line.replace('<dest>/', '').replace('<root>/absent/', '')),
      }).toEqual({
        status: 5,
        stderr: ['planish: SYSCALL_FAILED: writing a file: EFBIG (.planish-x/blobs-in-progress/layer-N)'],
      });
    }
  });

  test('a limit of sizes under the temporary files', async () => {
    const args = ['build', await threeMegabytes('gzip'), '-o', `oci:${arena.absent}`, '--memory', '0'];
    expect(await refused(args, limited)).toEqual({
      status: 5,
      stderr: [
        'planish: SYSCALL_FAILED: writing a file: EFBIG (temporary file, layer <digest>)',
        TMPDIR_HINT,
      ],
    });
  });
});

/** A file system of 1 MiB; `undefined` where even root may not mount. */
function mountSmall(): string | undefined {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'planish-test-full-')));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'planish-test', path]);
  if (status === 0) return path;
  rmSync(path, { recursive: true });
  return undefined;
}
