/** What lies in a composefs repository, for comparing two of them. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Objects that are no splitstreams, by name. */
export function contentObjects(repository: string): string[] {
  const objects = join(repository, 'objects');
  return readdirSync(objects)
    .filter((name) => /^[0-9a-f]{2}$/.test(name))
    .flatMap((folder) =>
      readdirSync(join(objects, folder))
        .filter((name) => !isSplitstream(join(objects, folder, name)))
        .map((name) => folder + name),
    )
    .sort();
}

function isSplitstream(file: string): boolean {
  return readFileSync(file).toString('latin1', 0, 11) === 'SplitStream';
}

/** Names of a directory, sorted; none where it is not there. */
export function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}

/** Every link below a directory and where it leads, sorted by path. */
export function linksBelow(directory: string): Record<string, string> {
  const found = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isSymbolicLink())
    .map((entry) => join(entry.parentPath, entry.name));
  return Object.fromEntries(
    found.sort().map((path) => [path.slice(directory.length + 1), readlinkSync(path)]),
  );
}
