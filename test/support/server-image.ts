/**
 * A real server as input: an image of four layers and 950 MB, made of a Debian root. It is made from packages of the
 * machine's own mirror, so it comes from outside of the repository: from `PLANISH_SERVER_LAYOUT` (an OCI layout, tag
 * `server`), or in CI from `make-server-fixtures.sh`.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasTool } from './composefs-tools.ts';
import { run } from './run.ts';

/** Reference to the image; `undefined` where there is none, after saying what is skipped. */
export async function serverImage(skipped: string): Promise<string | undefined> {
  const given = process.env['PLANISH_SERVER_LAYOUT'];
  if (given !== undefined && given !== '') return `oci:${given}:server`;
  const missing = whyNotMade();
  if (missing !== undefined) {
    process.stderr.write(`SKIPPED: ${skipped}: PLANISH_SERVER_LAYOUT is not set, and ${missing}\n`);
    return undefined;
  }
  const directory = join(process.env['PLANISH_TOOLS'] ?? join(tmpdir(), 'planish-fixtures'), 'server-image');
  await run('bash', [fileURLToPath(new URL('make-server-fixtures.sh', import.meta.url)), directory]);
  return `oci:${join(directory, 'server')}:server`;
}

function whyNotMade(): string | undefined {
  if (process.env['CI'] !== 'true') return 'an image is made only where CI is "true"';
  if (process.getuid?.() !== 0) return 'only root can make an image';
  const absent = ['mmdebstrap', 'umoci', 'setfattr', 'setcap', 'flock'].filter(
    (tool) => !hasTool(tool, 'making a server image'),
  );
  return absent.length === 0 ? undefined : `it cannot be made without ${absent.join(', ')}`;
}
