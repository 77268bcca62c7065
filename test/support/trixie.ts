/** Programs and EFI files of Debian 13, where `install-trixie.sh` has put them: `PLANISH_TRIXIE` names the folder. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * A file of that folder (`bin/ukify`, `bin/cosign`, `bin/skopeo`, `usr/lib/systemd/boot/efi/linuxx64.efi.stub`), or
 * `undefined`, having said on standard error what is skipped for want of it.
 */
export function trixieFile(path: string, skipped: string): string | undefined {
  const folder = process.env['PLANISH_TRIXIE'];
  if (folder !== undefined && existsSync(join(folder, path))) return join(folder, path);
  const why = folder === undefined ? 'PLANISH_TRIXIE is not set' : `${path} is not in PLANISH_TRIXIE`;
  process.stderr.write(`SKIPPED: ${skipped}: ${why} (test/support/install-trixie.sh)\n`);
  return undefined;
}
