/** The version of this package. */
import { readFileSync } from 'node:fs';

/** `1.2.3`, from package.json. */
export function readVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
