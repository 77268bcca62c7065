/** `ls` of an EROFS file reads one directory and says what reading the image whole says. */
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { byteString } from '../../../src/bytes/byte-string.ts';
import { parseDumpfile } from '../../../src/dumpfile/parse.ts';
import { encodeImage } from '../../../src/erofs/writer.ts';
import { lookIntoImage } from '../../../src/ops/look/look-into-image.ts';
import { ls } from '../../../src/ops/look/ls.ts';

const DIGEST = 'cd'.repeat(32);
const OBJECT = `cd/${DIGEST.slice(2)}`;
const MANY = Array.from({ length: 600 }, (_, index) => `/many/file-${String(index).padStart(5, '0')}`);
const DUMP = [
  '/ 0 40755 5 0 0 0 1.5 - - - security.selinux=a\\x00',
  `/big 5000 100644 1 1 2 0 7.0 ${OBJECT} - ${DIGEST} user.a=1`,
  '/dev 0 40755 2 0 0 0 1.0 - - -',
  '/dev/null 0 20666 1 0 0 259 1.0 - - -',
  '/dev/pipe 0 10644 1 0 0 0 1.0 - - -',
  '/dev/sock 0 140644 1 0 0 0 1.0 - - -',
  '/links 0 40700 2 70000 3 0 1.0 - - -',
  `/links/a 70 100600 2 0 0 0 1.0 ${OBJECT} - ${DIGEST}`,
  '/links/b 70 @100600 2 0 0 0 1.0 /links/a - -',
  '/links/to 7 120777 1 0 0 0 1.0 ../many - -',
  '/many 0 40755 3 0 0 0 1.0 - - -',
  ...MANY.map((path) => `${path} 3 100644 1 0 0 0 1.0 - ab\\n - user.b=2`),
  '/many/sub 0 40755 3 0 0 0 1.0 - - -',
  '/many/sub/white 0 20000 1 0 0 0 1.0 - - -',
  '/many/sub/below 0 40755 2 0 0 0 1.0 - - -',
];

const PATHS = [
  '/',
  '/dev',
  '/links',
  '/links/to',
  '/many',
  '/many/sub',
  '/many/sub/white',
  '/many/sub/below',
  '/big',
];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'planish-ls-'));
  const { root } = parseDumpfile(Buffer.from(`${DUMP.join('\n')}\n`));
  for (const version of [0, 1, 2] as const) {
    writeFileSync(join(folder, `v${version}`), encodeImage(root, { version, algorithm: 'sha256' }));
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each([0, 1, 2])('version %i', (version) => {
  it.each(PATHS)('%s is told alike', async (path) => {
    const file = join(folder, `v${version}`);
    // An algorithm is compared with all digests of an image, which is therefore read whole.
    const whole = await ls(file, { path, digests: true, algorithm: 'sha256' });
    expect(whole.entries.length).toBeGreaterThan(path === '/many/sub/below' ? -1 : 0);
    expect(await ls(file, { path, digests: true })).toEqual(whole);
  });

  it('tells only what it can of files with other names', () => {
    const file = join(folder, `v${version}`);
    expect(lookIntoImage(file, byteString('/links'))).toBeUndefined();
    expect(lookIntoImage(file, byteString('/links/a'))).toBeUndefined();
    expect(lookIntoImage(file, byteString('/many'))).toHaveLength(MANY.length + 1);
  });

  it('knows what is not there', async () => {
    await expect(ls(join(folder, `v${version}`), { path: '/many/none' })).rejects.toMatchObject({
      code: 'PATH_NOT_FOUND',
    });
  });
});

it('looks at nothing but the directory', async () => {
  const file = join(folder, 'v1');
  const healthy = await ls(file, { path: '/dev' });
  const { root } = parseDumpfile(Buffer.from(`${DUMP.join('\n')}\n`));
  const image = encodeImage(root, { version: 1, algorithm: 'sha256' });
  const damaged = join(folder, 'damaged');
  writeFileSync(damaged, image);
  const fd = openSync(damaged, 'r+');
  // The last block holds names of the directory `many`.
  writeSync(fd, new Uint8Array(4096), 0, 4096, image.length - 4096);
  closeSync(fd);
  expect(await ls(damaged, { path: '/dev' })).toEqual(healthy);
  await expect(ls(damaged, { path: '/many' })).rejects.toMatchObject({ code: 'EROFS_BAD_DIRECTORY' });
});
