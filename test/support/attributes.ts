/** Whether this machine can read the attributes of a directory: a bare one has neither compiler nor getfattr. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scanRootfs } from '../../src/io/rootfs.ts';

const probe = mkdtempSync(join(tmpdir(), 'planish-attributes-'));

/** Says loudly when not: tests that build from a directory as it is are then skipped. */
export const canReadAttributes: boolean = await scanRootfs(probe).then(
  () => true,
  () => false,
);
rmSync(probe, { recursive: true });
if (!canReadAttributes) {
  process.stderr.write(
    'SKIPPED: images of directories: attributes cannot be read (no compiler, no getfattr)\n',
  );
}
