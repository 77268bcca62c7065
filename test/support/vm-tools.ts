/** A disk for the test machine with Node, planish as it is installed, and other programs, to be entered with chroot. */
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileTool } from './vm-initramfs.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const VERBS = fileURLToPath(new URL('vm/verbs.js', import.meta.url));

/** What planish needs to run, of its packages: neither their sources nor their documentation. */
const PACKAGES = ['commander', '@hpcc-js/wasm-zstd', 'zstddec', '@noble/hashes'];
const ZSTD_NAPI = ['package.json', 'binding.js', 'dist', 'build/Release/binding.node'];

/** Makes the disk out of `directory`, in which there may be something already. */
export function makeToolsDisk(disk: string, directory: string, steps: readonly string[]): void {
  for (const name of ['bin', 'proc', 'dev', 'disk', 'tmp', 'mnt', 'planish/native-helpers/build'])
    mkdirSync(join(directory, name), { recursive: true });
  copyProgram(directory, process.execPath, 'bin/node');
  installPlanish(join(directory, 'planish'));
  writeFileSync(join(directory, 'bin/tool'), compileTool(), { mode: 0o755 });
  copyFileSync(
    execFileSync('which', ['busybox'], { encoding: 'utf8' }).trim(),
    join(directory, 'bin/busybox'),
  );
  copyFileSync(VERBS, join(directory, 'verbs.mjs'));
  writeFileSync(join(directory, 'steps'), `${steps.join('\n')}\n`);
  const used = Number(execFileSync('du', ['-sk', directory], { encoding: 'utf8' }).split('\t')[0]);
  const size = `${Math.ceil(used / 1024) + 64}M`;
  execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '4096', '-d', directory, disk, size]);
}

function installPlanish(to: string): void {
  const copy = (path: string): void => {
    if (existsSync(join(ROOT, path))) cpSync(join(ROOT, path), join(to, path), { recursive: true });
  };
  for (const path of ['dist', 'package.json', 'native-helpers/build/planish-native.node']) copy(path);
  for (const name of PACKAGES) copy(`node_modules/${name}`);
  for (const path of ZSTD_NAPI) copy(`node_modules/zstd-napi/${path}`);
}

/** Copies a program with the shared libraries that it is linked with. Whether it is there. */
export function copyProgram(directory: string, program: string, to: string): boolean {
  const found = spawnSync('which', [program], { encoding: 'utf8' }).stdout.trim();
  if (found === '') return false;
  const file = realpathSync(found);
  const copy = (from: string, path: string): void => {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    copyFileSync(from, join(directory, path));
  };
  copy(file, to);
  const libraries = spawnSync('ldd', [file], { encoding: 'utf8' }).stdout.match(/\/[^ \n]+/g) ?? [];
  for (const library of libraries) copy(library, library);
  return true;
}

/** What a step wrote, line by line, and how it ended. */
export interface StepAnswer {
  readonly lines: readonly string[];
  readonly status: number;
}

/** Answers of the steps by their command lines, from what the machine said. */
export function stepAnswers(said: readonly string[]): Map<string, StepAnswer> {
  const answers = new Map<string, StepAnswer>();
  let step = '';
  let lines: string[] = [];
  for (const line of said) {
    if (line.startsWith('$ ')) {
      step = line.slice(2);
      lines = [];
    } else if (line.startsWith('= '))
      answers.set(step, { lines, status: Number.parseInt(line.slice(2), 10) });
    else lines.push(line);
  }
  return answers;
}
