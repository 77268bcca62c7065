/** Trees as other programs unpack them, told path by path by a program that owes nothing to planish. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasTool } from './composefs-tools.ts';
import { run } from './run.ts';

const MANIFEST = fileURLToPath(new URL('tree-manifest.py', import.meta.url));

/** All that `tree-manifest.py` tells of a path. */
export interface ManifestLine {
  readonly path: string;
  readonly type: string;
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number;
  readonly xattrs: Readonly<Record<string, string>>;
  readonly links?: string;
}

/** The manifest of a directory, by path. */
export async function manifestOf(directory: string): Promise<ReadonlyMap<string, ManifestLine>> {
  const lines = (await run('python3', [MANIFEST, directory])).trimEnd().split('\n');
  return new Map(lines.map((text) => JSON.parse(text)).map((line: ManifestLine) => [line.path, line]));
}

/** Lines that two manifests do not share, `-` of the first and `+` of the second: empty for equal trees. */
export function differences(
  first: ReadonlyMap<string, ManifestLine>,
  second: ReadonlyMap<string, ManifestLine>,
): string[] {
  const paths = [...new Set([...first.keys(), ...second.keys()])].sort();
  return paths.flatMap((path) => {
    const [before, after] = [JSON.stringify(first.get(path)), JSON.stringify(second.get(path))];
    if (before === after) return [];
    return [...(before === undefined ? [] : [`-${before}`]), ...(after === undefined ? [] : [`+${after}`])];
  });
}

/** Whether trees can be unpacked and told here; says on standard error what is skipped when not. */
export function canUnpack(skipped: string): boolean {
  if (process.getuid?.() !== 0) {
    process.stderr.write(`SKIPPED: ${skipped}: only root can unpack owners, devices and capabilities\n`);
    return false;
  }
  return ['skopeo', 'umoci', 'python3'].map((tool) => hasTool(tool, skipped)).every(Boolean);
}

/**
 * Unpacks an image by skopeo, which inflates it (umoci 0.4 knows no zstd) and compares every layer with its digest and
 * diffID, and by umoci. Returns the root directory, below `directory`.
 */
export async function unpack(reference: string, directory: string): Promise<string> {
  mkdirSync(directory, { recursive: true });
  const [plain, layout] = [join(directory, 'plain'), join(directory, 'layout')];
  const copy = (...args: string[]): Promise<string> =>
    run('skopeo', ['copy', '--quiet', '--insecure-policy', ...args]);
  // Only into a directory does it inflate, and only out of one does it leave alone what is plain.
  await copy('--dest-decompress', reference, `dir:${plain}`);
  await copy('--dest-oci-accept-uncompressed-layers', `dir:${plain}`, `oci:${layout}:t`);
  rmSync(plain, { recursive: true });
  await run('umoci', ['unpack', '--image', `${layout}:t`, join(directory, 'bundle')]);
  rmSync(layout, { recursive: true });
  return join(directory, 'bundle/rootfs');
}
