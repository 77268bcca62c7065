import { describe, expect, it, test } from 'vitest';
import { explainMissing, kernelHas, parseKernelVersion } from '../../../src/host/kernel-features.ts';
import { formatMountCommands, quote } from '../../../src/host/mount-commands.ts';
import { type MountRequest, planMount } from '../../../src/host/mount-plan.ts';
import { composefsMountAt, mapsOwners, parseMountinfo } from '../../../src/host/mountinfo.ts';

const DIGEST = 'ab'.repeat(64);
const REQUEST: MountRequest = {
  image: `/repo/images/${DIGEST}`,
  acl: false,
  objects: ['/repo/objects'],
  target: '/mnt',
  digest: DIGEST,
  verity: true,
  upper: undefined,
  work: undefined,
  idmap: undefined,
};

describe('a kernel version', () => {
  it.each([
    ['6.12.117+deb12-cloud-amd64', [6, 12]],
    ['5.14.0-503.el9.x86_64', [5, 14]],
    ['6.8', [6, 8]],
    ['10.0-rc1', [10, 0]],
  ])('is read from %s', (release, version) => {
    expect(parseKernelVersion(release)).toEqual(version);
  });

  it.each(['', '6', 'v6.12', '6.12345', 'six.one', '6.'])('is not read from "%s"', (release) => {
    const wrong = { code: 'BAD_OPTION', detail: { actual: release } };
    expect(() => parseKernelVersion(release)).toThrow(expect.objectContaining(wrong));
  });

  it('tells what there is', () => {
    expect(kernelHas([6, 12], 'erofsFromFile')).toBe(true);
    expect(kernelHas([6, 11], 'erofsFromFile')).toBe(false);
    expect(kernelHas([7, 0], 'erofsFromFile')).toBe(true);
    expect(kernelHas([5, 99], 'overlayVerity')).toBe(false);
    expect(explainMissing([6, 6], ['overlayVerity', 'erofsChunks'])).toBeUndefined();
    expect(explainMissing([5, 10], ['overlayVerity', 'erofsChunks'])).toBe(
      'this is Linux 5.10, and the overlayfs option verity= came with Linux 6.6, EROFS images of this kind came with Linux 5.15',
    );
  });
});

describe('a plan', () => {
  it('asks for what hosts ask for', () => {
    const plan = planMount(REQUEST, [6, 12]);
    expect(plan).toMatchObject({
      erofs: [['ro'], ['noacl']],
      overlay: [
        ['metacopy', 'on'],
        ['redirect_dir', 'on'],
        ['verity', 'require'],
      ],
      source: `composefs:${DIGEST}`,
      readOnly: true,
      layersOneByOne: true,
      dataOnly: true,
    });
  });

  it('leaves ACLs on where the image has some, and the name out where there is no digest', () => {
    const plan = planMount({ ...REQUEST, acl: true, digest: undefined, verity: false }, [6, 4]);
    expect(plan).toMatchObject({
      erofs: [['ro']],
      overlay: [
        ['metacopy', 'on'],
        ['redirect_dir', 'on'],
      ],
      source: 'composefs',
      layersOneByOne: false,
      dataOnly: false,
      features: ['erofsChunks'],
    });
  });

  it.each([
    [{ upper: '/u' }, 'an upper and a work directory go together'],
    [{ work: '/w' }, 'an upper and a work directory go together'],
    [{ objects: [] }, 'no object directory is given'],
    [{ digest: undefined }, 'an image is mounted by its digest, and none is given'],
  ])('refuses %o', (change, message) => {
    const wrong = { code: 'BAD_OPTION', message };
    expect(() => planMount({ ...REQUEST, ...change }, [6, 12])).toThrow(expect.objectContaining(wrong));
  });
});

describe('commands', () => {
  it('measure, mount and tidy up', () => {
    expect(formatMountCommands(planMount(REQUEST, [6, 12]))).toEqual([
      'set -e',
      `[ "$(fsverity measure /repo/images/${DIGEST})" = 'sha512:${DIGEST} /repo/images/${DIGEST}' ]`,
      'metadata=$(mktemp -d)',
      `trap 'umount -l "$metadata" || true; rmdir "$metadata"' EXIT`,
      `mount -t erofs -o ro,noacl /repo/images/${DIGEST} "$metadata"`,
      `mount -t overlay -o ro,metacopy=on,redirect_dir=on,verity=require,lowerdir="$metadata"::/repo/objects composefs:${DIGEST} /mnt`,
    ]);
  });

  it('escape for the shell, for mount(8) and for overlayfs', () => {
    const request = {
      ...REQUEST,
      image: "/it's",
      objects: ['/a,b', '/c:d\\e'],
      upper: '/u,p',
      work: '/w k',
      idmap: '/proc/7/ns/user',
      verity: false,
    };
    const [, , , erofs, overlay] = formatMountCommands(planMount(request, [6, 1]));
    expect(erofs).toBe(`mount -t erofs -o ro,noacl,X-mount.idmap=/proc/7/ns/user '/it'\\''s' "$metadata"`);
    expect(overlay).toBe(
      `mount -t overlay -o 'rw,metacopy=on,redirect_dir=on,upperdir=/u\\,p,workdir=/w k,lowerdir='"$metadata"':/a\\,b:/c\\:d\\\\e' composefs:${DIGEST} /mnt`,
    );
  });

  test('quoting', () => {
    expect(['', 'a b', '$x', 'plain/x=1'].map(quote)).toEqual(["''", "'a b'", "'$x'", 'plain/x=1']);
  });
});

describe('mountinfo', () => {
  const text = [
    '22 1 0:20 / / rw,relatime shared:1 - ext4 /dev/vda rw',
    '31 22 0:28 / /a\\040b ro,relatime - overlay composefs:ab ro,lowerdir+=/x',
    '32 22 0:29 / /mnt ro,relatime shared:5 master:1 - overlay composefs ro',
    '33 32 0:30 / /mnt rw - tmpfs tmpfs rw',
    '34 22 0:31 / /other rw - overlay overlay rw',
    'broken line',
    '',
  ].join('\n');

  it('finds the uppermost composefs mount', () => {
    const mounts = parseMountinfo(text);
    expect(mounts).toHaveLength(5);
    expect(composefsMountAt(mounts, '/a b')).toEqual({
      target: '/a b',
      type: 'overlay',
      source: 'composefs:ab',
      options: 'ro,relatime',
    });
    expect(composefsMountAt(mounts, '/mnt')).toBeUndefined();
    expect(composefsMountAt(mounts.slice(0, 3), '/mnt')?.source).toBe('composefs');
    expect(composefsMountAt(mounts, '/other')).toBeUndefined();
    expect(composefsMountAt(mounts, '/')).toBeUndefined();
  });

  it('tells whether the uppermost mount maps owners', () => {
    const line = (options: string): string => `40 22 0:40 / /m ${options} - erofs /image ro`;
    expect(mapsOwners(parseMountinfo(line('ro,relatime,idmapped')), '/m')).toBe(true);
    expect(mapsOwners(parseMountinfo(line('ro,relatime')), '/m')).toBe(false);
    expect(mapsOwners(parseMountinfo([line('ro,idmapped'), line('ro')].join('\n')), '/m')).toBe(false);
    expect(mapsOwners([], '/m')).toBe(false);
  });
});
