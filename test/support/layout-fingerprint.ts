/** The bytes of a layout, for comparing whole builds. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** SHA-256 of every file of a layout, by name; nothing else may lie there. */
export function fingerprint(layout: string): Record<string, string> {
  const names = readdirSync(layout, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map(({ parentPath, name }) => join(parentPath, name).slice(layout.length + 1));
  return Object.fromEntries(
    names.sort().map((name) => [
      name,
      createHash('sha256')
        .update(readFileSync(join(layout, name)))
        .digest('hex'),
    ]),
  );
}
