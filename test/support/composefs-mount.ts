/** Composefs images as the kernel shows them: EROFS below overlayfs, contents from an object directory. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runTool } from './composefs-tools.ts';
import { run } from './run.ts';

const OBJECT_STORE = fileURLToPath(new URL('object-store.py', import.meta.url));

/** Links the files of a tree into `directory`/objects, named by `fsverity digest`. The tree must not be changed. */
export async function makeObjects(tree: string, algorithm: string, directory: string): Promise<string> {
  const objects = join(directory, 'objects');
  await run('python3', [OBJECT_STORE, tree, algorithm, objects]);
  return objects;
}

/** Mounts a composefs image over its objects, below `directory`, for as long as `use` takes. */
export async function withMount<T>(
  image: string,
  objects: string,
  directory: string,
  use: (point: string) => Promise<T>,
): Promise<T> {
  const mounts = new Mounts();
  try {
    const metadata = mkdtempSync(join(directory, 'metadata-'));
    mounts.erofs(image, metadata);
    const point = mkdtempSync(join(directory, 'mount-'));
    mounts.overlay(`metacopy=on,redirect_dir=on,lowerdir=${metadata}::${objects}`, point);
    return await use(point);
  } finally {
    mounts.close();
  }
}

/**
 * Whether this machine mounts an EROFS image that mkfs.erofs made, and an overlay with a data-only layer; says on
 * standard error what is skipped when not. `directory` is scratch space.
 */
export function canMount(skipped: string, directory: string): boolean {
  const why = process.getuid?.() === 0 ? tryMounts(mkdtempSync(join(directory, 'probe-'))) : 'not root';
  if (why !== undefined) process.stderr.write(`SKIPPED: ${skipped}: ${why}\n`);
  return why === undefined;
}

function tryMounts(scratch: string): string | undefined {
  const at = (name: string): string => join(scratch, name);
  for (const name of ['empty', 'data', 'metadata', 'point']) mkdirSync(at(name));
  const made = runTool('mkfs.erofs', [at('image'), at('empty')]);
  if (made.status !== 0) return `mkfs.erofs makes no image: ${made.stderr}`;
  const mounts = new Mounts();
  try {
    mounts.erofs(at('image'), at('metadata'));
    mounts.overlay(`lowerdir=${at('metadata')}::${at('data')}`, at('point'));
    return undefined;
  } catch (error) {
    return String(error);
  } finally {
    mounts.close();
  }
}

/** Read-only mounts, undone in reverse. */
class Mounts {
  readonly #points: string[] = [];

  /** From the file, which Linux can since 6.12, or through a loop device. */
  erofs(image: string, point: string): void {
    try {
      this.#mount('erofs', image, 'ro', point);
    } catch {
      this.#mount('erofs', image, 'ro,loop', point);
    }
  }

  overlay(options: string, point: string): void {
    this.#mount('overlay', 'composefs', `ro,${options}`, point);
  }

  #mount(type: string, what: string, options: string, point: string): void {
    const { status, stderr } = runTool('mount', ['-t', type, '-o', options, what, point]);
    if (status !== 0) throw new Error(`mounting ${type}: ${stderr}`);
    this.#points.push(point);
  }

  close(): void {
    for (const point of this.#points.splice(0).reverse()) spawnSync('umount', [point]);
  }
}
