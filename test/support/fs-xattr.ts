/** The optional package fs-xattr, where it could be compiled; says so loudly where not. */
import type { FsXattr } from '../../src/io/xattr.ts';

const PACKAGE: string = 'fs-xattr';

export const fsXattr: FsXattr | undefined = await import(PACKAGE).catch(() => {
  process.stderr.write('SKIPPED: attributes by fs-xattr: the package could not be compiled here\n');
  return undefined;
});
