/** Modules of programs as we read them against `go version -m`, and what cargo-auditable left or objcopy put there. */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { plan } from '../../src/ops/build/plan.ts';
import { temporaryDirectory } from '../support/cli.ts';

const runs = (tool: string, ...args: string[]): boolean => spawnSync(tool, args).status === 0;
const hasGo = runs('go', 'version');
if (!hasGo) process.stderr.write('SKIPPED interop/programs, Go: no go on PATH\n');
const cosign = spawnSync('which', ['cosign3'], { encoding: 'utf8' }).stdout.trim();
if (cosign === '') process.stderr.write('SKIPPED interop/programs, a large program: no cosign3 on PATH\n');
const hasObjcopy = runs('objcopy', '--version');
if (!hasObjcopy) process.stderr.write('SKIPPED interop/programs, Rust: no objcopy on PATH\n');

/** Component of a lone program in a root, and who claimed it. */
async function claimOf(program: string): Promise<unknown> {
  const root = temporaryDirectory();
  mkdirSync(join(root, 'usr/bin'), { recursive: true });
  copyFileSync(program, join(root, 'usr/bin/x'));
  const { explanation } = await plan(`rootfs:${root}`, { explain: '/usr/bin/x' });
  return [explanation?.source, explanation?.component];
}

const goModule = (program: string): string =>
  /^\tmod\t(\S+)/m.exec(execFileSync('go', ['version', '-m', program], { encoding: 'utf8' }))?.[1] ?? '';

test.skipIf(!hasGo).each([[[]], [['-ldflags=-s -w']]])(
  'a program that go builds here: %j',
  async (flags) => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'go.mod'), 'module example.org/tools/hello\n\ngo 1.20\n');
    writeFileSync(join(directory, 'main.go'), 'package main\n\nfunc main() { println("hello") }\n');
    const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-buildvcs=false' };
    execFileSync('go', ['build', ...flags, '-o', 'hello', '.'], { cwd: directory, env });
    const program = join(directory, 'hello');
    expect(goModule(program)).toBe('example.org/tools/hello');
    expect(await claimOf(program)).toEqual(['go-binaries', 'go/example.org/tools/hello']);
  },
  120_000,
);

test.skipIf(!hasGo || cosign === '')(
  'a program of hundreds of modules',
  async () => {
    expect(goModule(cosign)).toBe('github.com/sigstore/cosign/v3');
    expect(await claimOf(cosign)).toEqual(['go-binaries', 'go/github.com/sigstore/cosign']);
  },
  120_000,
);

test.skipIf(!hasObjcopy)(
  'a real program with the section of cargo-auditable',
  async () => {
    const directory = temporaryDirectory();
    const [section, program] = [join(directory, 'section'), join(directory, 'program')];
    const packages = [
      { name: 'libc', version: '0.2.0', source: 'crates.io' },
      { name: 'fd-find', version: '10.1.0', source: 'local', dependencies: [0], root: true },
    ];
    writeFileSync(section, deflateSync(JSON.stringify({ packages })));
    execFileSync('objcopy', ['--add-section', `.dep-v0=${section}`, '/bin/bash', program]);
    expect(await claimOf(program)).toEqual(['rust-binaries', 'cargo/fd-find']);
  },
  60_000,
);
