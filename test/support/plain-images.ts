/** Images of small trees that are written down as a list of paths, to be built one after another. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { build } from '../../src/ops/build/build.ts';
import type { BuildOptions } from '../../src/ops/build/build-options.ts';
import type { BuildResult } from '../../src/ops/build/build-result.ts';
import { archive, rawHeader } from '../unit/tar/support.ts';
import { file } from './tar-maker.ts';

/** Content of each file; a path that ends in `/` is a directory. */
export type Files = Readonly<Record<string, string>>;

const scratch = mkdtempSync(join(tmpdir(), 'planish-plain-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
let serial = 0;

/** A path for a test's output. */
export const scratchPath = (name: string): string => join(scratch, `${serial++}-${name}`);

/** Time of what has none of its own. */
const TIME = 1_700_000_000;

/** A tar of files and their directories; `times` are of paths as they stand in the tar. */
export function plainTar(files: Files, times: Readonly<Record<string, number>> = {}): Buffer {
  const directories = new Set(['./']);
  for (const path of Object.keys(files)) {
    const parts = path.split('/');
    for (let depth = 1; depth < parts.length; depth++) directories.add(`${parts.slice(0, depth).join('/')}/`);
  }
  const entries = [
    ...[...directories].map((name) => [name, undefined] as const),
    ...Object.entries(files).filter(([name]) => !name.endsWith('/')),
  ];
  entries.sort(([a], [b]) => (a === './' ? -1 : b === './' ? 1 : a < b ? -1 : 1));
  return archive(
    ...entries.map(([name, content]) => {
      const mtime = (times[name] ?? TIME).toString(8).padStart(11, '0');
      if (content === undefined) return rawHeader({ name, type: '5', mode: '0000755', mtime });
      return file(name, content, { mtime });
    }),
  );
}

/** Writes a tar and gives its reference. */
function tarSource(tar: Uint8Array): string {
  const path = scratchPath('source.tar');
  writeFileSync(path, tar);
  return `tar:${path}`;
}

/** Builds a tree into a layout of its own, or the one given. */
export async function buildPlain(
  tar: Uint8Array,
  options: Partial<BuildOptions> = {},
): Promise<BuildResult & { reference: string }> {
  const destination = options.destination ?? `oci:${scratchPath('image')}:t`;
  const result = await build(tarSource(tar), { ...options, destination, jobs: 1 });
  return { ...result, reference: destination };
}
