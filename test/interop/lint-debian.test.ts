/** Images of Debian packages: what `build` writes of them is clean, and a clean image that boots has no findings. */
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { ByteString } from '../../src/bytes/byte-string.ts';
import { readPart, wholeFile } from '../../src/io/blob-file.ts';
import { LAYER_RULES } from '../../src/lint/layer-rules.ts';
import { build } from '../../src/ops/build/build.ts';
import { lint } from '../../src/ops/lint/lint.ts';
import { lintAndFix } from '../../src/ops/lint/lint-fix.ts';
import { DEMO, temporaryDirectory } from '../support/cli.ts';
import { blobPath } from '../support/layout-maker.ts';
import { serverImage } from '../support/server-image.ts';
import { ImageFixture } from '../unit/lint/image-fixture.ts';
import { scan } from '../unit/tar/support.ts';

const directory = temporaryDirectory();
const demo = `oci-archive:${DEMO}`;

describe('the demonstration image', () => {
  test('is an application, with attributes that hosts drop', async () => {
    const { bootable, findings } = await lint(demo);
    expect(bootable).toBe(false);
    expect(findings.map(({ rule, message }) => `${rule}: ${message}`)).toEqual([
      'xattr-dropped: user.component on /usr/share/ca-certificates/mozilla/ACCVRAIZ1.crt and on 147 more is dropped by hosts',
      'xattr-dropped: user.update-interval on /usr/share/ca-certificates is dropped by hosts',
    ]);
  });

  test('has the same after build, for its content stays', async () => {
    const destination = `oci:${join(directory, 'built')}:demo`;
    const before = await lint(demo);
    await build(demo, { destination });
    expect((await lint(destination)).findings).toEqual(before.findings);
  });

  test('lacks what it needs when it shall boot', async () => {
    const { findings } = await lint(demo, { bootable: true });
    const errors = findings.filter(({ severity }) => severity === 'error').map(({ rule }) => rule);
    expect(errors).toEqual(['sysroot-missing', 'var-run-directory', 'kernel-missing']);
  });
});

/** The packages of the demonstration image as a base image for bootc has them. */
async function bootableDebian(): Promise<ImageFixture> {
  const layout = join(directory, 'plain');
  const { layers } = await build(demo, { destination: `oci:${layout}:demo`, compression: 'none' });
  const image = new ImageFixture();
  const users = new Set<string>();
  const state: string[] = [];
  for (const { digest, size } of layers) {
    const tar = readPart(wholeFile(blobPath(layout, digest)), 0, size);
    for (const { entry, stored } of scan(tar).found) {
      addEntry(image, entry, stored);
      const path = entry.path.replace(/\/$/, '');
      if (path.startsWith('var/'))
        state.push(entry.type === 'directory' ? `d /${path} 0755` : `C /${path} 0644`);
      if (path === 'etc/passwd' || path === 'etc/group') {
        for (const line of stored.toString().split('\n')) users.add(line.split(':')[0] ?? '');
      }
    }
  }
  image.file('usr/lib/tmpfiles.d/state.conf', `${state.join('\n')}\n`);
  image.file(
    'usr/lib/sysusers.d/debian.conf',
    [...users].map((name) => (name === '' ? '' : `u ${name} -\n`)).join(''),
  );
  return image;
}

/**
 * Without what lint finds fault with: attributes for tools, a name in no encoding, a FIFO, and `/var/run`, which the
 * package leaves as a directory until it is configured.
 */
function addEntry(
  image: ImageFixture,
  entry: {
    path: ByteString;
    type: string;
    linkTarget: ByteString;
    xattrs: ReadonlyMap<ByteString, Uint8Array>;
  },
  stored: Buffer,
): void {
  const path = entry.path.replace(/^\.?\//, '').replace(/\/$/, '');
  if (path === '' || path === 'var/run' || path.startsWith('srv') || path.includes('latin1')) return;
  if (entry.type === 'directory') image.directory(path);
  else if (entry.type === 'symlink') image.symlink(path, entry.linkTarget);
  else if (entry.type === 'regular') image.file(path, stored);
}

describe('an image of Debian packages that boots', () => {
  let image: ImageFixture;
  beforeAll(async () => {
    image = await bootableDebian();
  });

  test('has no findings', async () => {
    const result = await image.lint(join(directory, 'kernel'));
    expect(result.findings).toEqual([]);
    expect(image.entries.size).toBeGreaterThan(380);
  });

  test('has none after build', async () => {
    const source = await image.write(join(directory, 'source'));
    const destination = `oci:${join(directory, 'rebuilt')}:os`;
    await build(source, { destination });
    expect(await lint(destination)).toMatchObject({ bootable: true, findings: [] });
  });

  test('has none when it is sealed, and keeps its seal through build', async () => {
    const sealed = image.seal({ uname: '6.12.1' });
    expect((await sealed.lint(join(directory, 'sealed'))).findings).toEqual([]);
    const source = await sealed.write(join(directory, 'sealed-source'));
    const destination = `oci:${join(directory, 'sealed-built')}:os`;
    await build(source, { destination });
    expect(await lint(destination)).toMatchObject({ bootable: true, findings: [] });
  });

  test('is mended by --fix where its layers are at fault', async () => {
    const spoiled = await bootableDebian();
    spoiled.stored = { compression: 'zstd', members: 4 };
    const source = await spoiled.write(join(directory, 'spoiled'));
    const result = await lintAndFix(source, `oci:${join(directory, 'mended')}:os`);
    expect(result.before.findings.map(({ rule }) => rule)).toEqual(['several-frames']);
    expect(result.findings).toEqual([]);
  });
});

const server = await serverImage('lint of a server image');

describe.skipIf(server === undefined)('a real server', () => {
  test('has nothing wrong with its layers after build', async () => {
    const destination = `oci:${join(directory, 'server')}:server`;
    await build(server ?? '', { destination, compression: 'none' });
    const { findings } = await lint(destination);
    expect(
      findings.filter(({ rule }) => Object.hasOwn(LAYER_RULES, rule) && !rule.startsWith('label-')),
    ).toEqual([]);
    expect(findings.filter(({ severity }) => severity === 'error').map(({ rule }) => rule)).toEqual([
      'sysroot-missing',
      'kernel-missing',
    ]);
  });
});
