/** `planish lint` as a user runs it: what it prints, what it writes, how it ends. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { planish, planishJson, temporaryDirectory } from '../support/cli.ts';
import { makeLayout } from '../support/layout-maker.ts';
import { archive, directory, file, smallTar } from '../support/tar-maker.ts';

const root = temporaryDirectory();
let clean = '';
let spoiled = '';

beforeAll(async () => {
  mkdirSync(join(root, 'out'));
  clean = (await makeLayout(join(root, 'clean'), [{ tar: smallTar() }])).reference;
  const layers = [{ tar: smallTar(), compression: 'zstd', members: 2 } as const];
  spoiled = (await makeLayout(join(root, 'spoiled'), layers)).reference;
});

const text = (args: readonly string[]): { status: number | null; stdout: string; stderr: string } => {
  const { status, stdout, stderr } = planish(['lint', ...args]);
  return { status, stdout: stdout.toString(), stderr };
};

describe('planish lint', () => {
  test('says little of a clean image', () => {
    expect(text([clean])).toEqual({
      status: 0,
      stdout: `0 errors, 0 warnings, 0 notes: ${clean}, for hosts of profile bootc, as an image that does not boot\n`,
      stderr: '',
    });
  });

  test('groups findings by severity and ends with status 1', () => {
    const { status, stdout } = text([spoiled]);
    expect(status).toBe(1);
    expect(stdout.split('\n')).toEqual([
      'ERRORS',
      'RULE            LAYER  WHAT',
      'several-frames      0  layer 0 is 2 zstd frames, of which hosts read the first',
      'to mend:',
      '  several-frames: compress each layer as one zstd frame (not zstd:chunked) (--fix does)',
      '',
      `1 error, 0 warnings, 0 notes: ${spoiled}, for hosts of profile bootc, as an image that does not boot`,
      '',
    ]);
  });

  test('judges by the profile', () => {
    expect(text([spoiled, '--profile', 'cfsctl']).status).toBe(0);
  });

  test('leaves a rule out', () => {
    expect(text([spoiled, '--skip', 'several-frames']).status).toBe(0);
  });

  test('ends by --fail-on', async () => {
    // A path twice in one layer is a warning: hosts take the later one.
    const tar = archive(directory('./'), directory('usr/'), file('usr/f', 'one'), file('usr/f', 'two'));
    const { reference } = await makeLayout(join(root, 'twice'), [{ tar }]);
    expect(text([reference]).status).toBe(0);
    expect(text([reference, '--fail-on', 'warning']).status).toBe(1);
    expect(text([reference, '--fail-on', 'note']).status).toBe(1);
  });

  test('asks of an image what it must boot when told so', () => {
    const { stdout, status } = text([clean, '--bootable']);
    expect(status).toBe(1);
    expect(stdout).toContain('kernel-missing');
  });

  test('gives findings as data', () => {
    const run = planish(['--json', 'lint', spoiled]);
    expect(run.status).toBe(1);
    expect(JSON.parse(run.stdout.toString())).toEqual({
      reference: spoiled,
      profile: 'bootc',
      bootable: false,
      findings: [
        {
          rule: 'several-frames',
          severity: 'error',
          message: 'layer 0 is 2 zstd frames, of which hosts read the first',
          layer: 0,
          count: 2,
          hint: 'compress each layer as one zstd frame (not zstd:chunked)',
          fixable: true,
        },
      ],
      summary: { error: 1, warning: 0, note: 0 },
      warnings: [],
    });
  });

  test('writes SARIF to a file, and to standard output', () => {
    const file = join(root, 'out/lint.sarif');
    const { status, stdout } = text([spoiled, '--sarif', file, '--sarif-artifact', 'Containerfile']);
    expect(status).toBe(1);
    expect(stdout).toContain('ERRORS');
    const log = JSON.parse(readFileSync(file, 'utf8'));
    expect(log.runs[0].results.map(({ ruleId }: { ruleId: string }) => ruleId)).toEqual(['several-frames']);
    expect(log.runs[0].results[0].locations[0].physicalLocation.artifactLocation.uri).toBe('Containerfile');
    const direct = text([spoiled, '--sarif', '-', '--sarif-artifact', 'Containerfile']);
    expect(direct.stdout).toBe(readFileSync(file, 'utf8'));
  });

  test('lists the rules', () => {
    const { status, stdout } = text(['--list']);
    expect(status).toBe(0);
    const { rules } = planishJson(['lint', '--list']);
    expect(stdout.split('\n')).toHaveLength(rules.length + 2);
    expect(rules[0]).toEqual({
      id: 'layer-unreadable',
      severity: 'error',
      scope: 'any',
      title: 'A layer cannot be read.',
      hint: expect.any(String),
      page: 'docs/lint.md#layer-unreadable',
    });
  });

  test('mends what it can, and lints the result', () => {
    const destination = `oci:${join(root, 'out/mended')}:os`;
    const { status, stdout } = text([spoiled, '--fix', '-o', destination]);
    expect(status).toBe(0);
    expect(stdout).toContain('mended 1 of 1 findings; wrote oci:');
    expect(stdout).toContain(`0 errors, 0 warnings, 0 notes: ${destination}, `);
    expect(text([destination]).status).toBe(0);
  });

  test.each<[string[], string]>([
    [[], 'planish: BAD_OPTION: name an image to lint, or ask for --list'],
    [['IMAGE', '-o', 'oci:x'], 'planish: BAD_OPTION: --output goes with --fix only'],
    [['IMAGE', '--fix'], 'planish: BAD_OPTION: --fix needs --output to write to'],
    [
      ['IMAGE', '--skip', 'nothing'],
      'planish: BAD_OPTION: there is no lint rule of that name (found nothing)',
    ],
    [
      ['IMAGE', '--profile', 'nobody'],
      'planish: BAD_OPTION: there is no host profile of that name (found nobody)',
    ],
  ])('refuses %j', (args, expected) => {
    const { status, stdout, stderr } = text(args.map((arg) => (arg === 'IMAGE' ? clean : arg)));
    expect({ status, stdout, first: stderr.split('\n')[0] }).toEqual({
      status: 2,
      stdout: '',
      first: expected,
    });
    expect(existsSync('x')).toBe(false);
  });

  test('does what the guide shows', () => {
    const guide = readFileSync(new URL('../../docs/guides/lint-in-ci.md', import.meta.url), 'utf8');
    const shown = [...guide.matchAll(/^\s*(?:- run: |run: )?planish (.*)$/gm)].map(
      ([, command = '']) => command,
    );
    // Its transcripts are run with those of other pages.
    expect(shown).toHaveLength(4);
    const cwd = join(root, 'guide');
    mkdirSync(cwd);
    planishJson(['build', clean, '-o', 'oci-archive:os.tar'], { cwd });
    planishJson(['build', clean, '-o', 'oci:os:sealed'], { cwd });
    for (const command of shown) {
      const { status, stderr } = planish(command.replace(/ > .*/, '').split(' '), { cwd });
      expect({ command, status, stderr }).toEqual({ command, status: 0, stderr: '' });
    }
    expect(existsSync(join(cwd, 'lint.sarif'))).toBe(true);
  });

  test('cannot judge what has no content', () => {
    const { status, stderr } = text(['dump:fixtures/composefs/special.dump']);
    expect(status).toBe(3);
    expect(stderr).toMatch(
      /^planish: IMAGE_UNSUPPORTED: only images, tars and directories hold what rules look at/,
    );
  });
});
