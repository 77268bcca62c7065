/** What planish, and programs that know composefs, do inside the test machine: command lines in their order. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { planish, planishJson } from './cli.ts';
import { makeLayout } from './layout-maker.ts';
import { archive, directory, file, pax, paxHeader } from './tar-maker.ts';
import { CAPABILITY } from './vm-image.ts';
import { copyProgram } from './vm-tools.ts';

/** A small image, for an emulated processor hashes it: its files are read, lose their fs-verity, become another. */
export const PROBES = { good: 'usr/good', bare: 'usr/bare', exchanged: 'usr/exchanged' } as const;

/** Name of a file of {@link PROBES}. */
export type ProbeName = keyof typeof PROBES;

const contentOf = (name: ProbeName): string => `the content of ${PROBES[name]}\n`.repeat(400);

/** SHA-256 of a file of the small image. */
export function probeHash(name: ProbeName): string {
  return createHash('sha256').update(contentOf(name)).digest('hex');
}

/** Makes the layout of the small image. */
async function makeProbeImage(layout: string): Promise<void> {
  const value = CAPABILITY.toString('latin1');
  const tar = archive(
    directory('usr/'),
    paxHeader(pax(['SCHILY.xattr.security.capability', value])),
    file(PROBES.good, contentOf('good')),
    file(PROBES.bare, contentOf('bare')),
    file(PROBES.exchanged, contentOf('exchanged')),
  );
  await makeLayout(layout, [{ tar }], { tag: 'probe' });
}

/** What the steps speak of. */
export interface StepFacts {
  /** Digest of the small image's plain image. */
  readonly probe: string;
  /** Paths below `objects` of {@link PROBES}. */
  readonly objects: Readonly<Record<ProbeName, string>>;
  /** Digest of the image of the directory as mkcomposefs makes it. */
  readonly store: string;
}

/** A directory to be emitted as mkcomposefs does: a content that lies in the image, and one that is an object. */
const TREE: Readonly<Record<string, string>> = { small: 'small', 'sub/large': 'content '.repeat(2000) };

/** What sha256sum says of them. */
export const TREE_SUMS: readonly string[] = Object.entries(TREE).map(
  ([name, content]) => `${createHash('sha256').update(content).digest('hex')}  ${name}`,
);

function writeTree(to: string): void {
  mkdirSync(join(to, 'sub'), { recursive: true });
  for (const [name, content] of Object.entries(TREE)) writeFileSync(join(to, name), content);
  // Whole seconds: that is all that mke2fs copies.
  for (const name of [...Object.keys(TREE), 'sub', '.'])
    utimesSync(join(to, name), 1_700_000_000, 1_700_000_000);
}

/** Learns on this machine what is to come out there. */
export function learnFacts(scratch: string, tools: string): StepFacts {
  const image = `oci:${join(tools, 'probe')}:probe`;
  const probe = planishJson(['digest', image, '--profile', 'bootc']).container;
  const dumped = planish(['dump', '--container', image]).stdout.toString().split('\n');
  const objectOf = (name: ProbeName): string =>
    dumped.find((line) => line.startsWith(`/${PROBES[name]} `))?.split(' ')[8] as string;
  const objects = { good: objectOf('good'), bare: objectOf('bare'), exchanged: objectOf('exchanged') };
  const args = ['emit', `rootfs:${join(tools, 'tree')}`, '--repo', scratch, '--layout', 'mkcomposefs'];
  return { probe, objects, store: planishJson(args).digest };
}

/** The step that puts the sealed image into the repository from which the machine boots afterwards. */
export const EMIT_SEALED =
  'planish --json emit oci:/sealed:os --repo /disk/composefs --require-verity --bootable';

/** All steps. The layout of the sealed image, the small image and the tree lie in the disk of tools. */
export function machineSteps({ probe, objects, store }: StepFacts, peers: Peers): string[] {
  const shown = (path: string): string => `sha256sum /mnt/${path} 2>&1`;
  const objectsOf = '/disk/small/objects';
  return [
    EMIT_SEALED,
    'tool enable-tree sha512 /disk/composefs/objects',
    'tool enable sha512 /disk/composefs/meta.json',
    'planish --json emit oci:/probe:probe --repo /disk/small --require-verity',
    'planish --json repo fsck /disk/small',
    `planish --json mount --repo /disk/small ${probe} /mnt`,
    "grep ' /mnt ' /proc/mounts",
    shown(PROBES.good),
    `tool xattr security.capability /mnt/${PROBES.good}`,
    `mv ${objectsOf}/${objects.bare} /disk/aside && cp /disk/aside ${objectsOf}/${objects.bare}`,
    `mv ${objectsOf}/${objects.exchanged} /disk/aside2 && ln ${objectsOf}/${objects.good} ${objectsOf}/${objects.exchanged}`,
    shown(PROBES.bare),
    shown(PROBES.exchanged),
    'planish --json umount /mnt',
    'planish --json repo fsck /disk/small # changed',
    `mv /disk/aside ${objectsOf}/${objects.bare}; mv /disk/aside2 ${objectsOf}/${objects.exchanged}`,
    'mkdir /disk/up /disk/work',
    `planish --json mount --repo /disk/small --upper /disk/up --work /disk/work ${probe} /mnt`,
    'echo new >/mnt/usr/new && cat /disk/up/usr/new',
    `${shown(PROBES.bare)} # restored`,
    'planish umount /mnt # writable',
    `planish --json mount --repo /disk/small --idmap /tmp/users ${probe} /mnt`,
    `stat -c %u:%g /mnt/${PROBES.good}`,
    'planish umount /mnt # mapped',
    `planish mount --objects ${objectsOf} --digest ${'0'.repeat(128)} /disk/small/images/${probe} /mnt`,
    `cp /disk/small/images/${probe} /disk/copy`,
    `planish mount --objects ${objectsOf} --digest ${probe} /disk/copy /mnt`,
    'planish umount /mnt # nothing',
    'planish --json emit rootfs:/tree --repo /disk/store --layout mkcomposefs',
    'tool enable sha256 /disk/store/image.cfs',
    'tool measure /disk/store/image.cfs',
    'tool mount /disk/store/image.cfs /disk/store/objects /mnt require',
    'cd /mnt && sha256sum small sub/large # kernel',
    'umount /mnt; umount /mnt # kernel',
    ...(peers.mountComposefs ? mountComposefsSteps(store) : []),
    ...(peers.cfsctl ? cfsctlSteps() : []),
  ];
}

/** Programs of others that go into the disk of tools. */
export interface Peers {
  readonly mountComposefs: boolean;
  readonly cfsctl: boolean;
}

function mountComposefsSteps(digest: string): string[] {
  return [
    `mount.composefs -o basedir=/disk/store/objects,verity,digest=${digest} /disk/store/image.cfs /mnt`,
    'cd /mnt && sha256sum small sub/large # mount.composefs',
    'umount /mnt # mount.composefs',
  ];
}

function cfsctlSteps(): string[] {
  return [
    'cfsctl --repo /disk/small --require-verity fsck',
    'cfsctl --repo /disk/small --require-verity oci fsck',
    'cfsctl --repo /disk/small oci mount probe /mnt --fuse no',
    "grep ' /mnt ' /proc/mounts # cfsctl",
    `sha256sum /mnt/${PROBES.good} # cfsctl`,
    'umount /mnt # probe',
    'cfsctl --repo /disk/composefs oci mount --bootable os /mnt --fuse no',
    'sha256sum /mnt/usr/bin/dpkg # cfsctl',
    'umount /mnt # sealed',
  ];
}

/** Which of them are there; says on standard error what is skipped. */
export function findPeers(): Peers {
  const isThere = (program: string): boolean => {
    if (spawnSync('which', [program]).status === 0) return true;
    process.stderr.write(`SKIPPED: ${program} inside a machine: it is not on PATH\n`);
    return false;
  };
  return { cfsctl: isThere('cfsctl'), mountComposefs: isThere('mount.composefs') };
}

/** Copies what the steps need into the directory of tools. */
export async function prepareTools(to: string, peers: Peers): Promise<void> {
  mkdirSync(to, { recursive: true });
  await makeProbeImage(join(to, 'probe'));
  writeTree(join(to, 'tree'));
  if (peers.cfsctl) copyProgram(to, 'cfsctl', 'bin/cfsctl');
  if (peers.mountComposefs) copyMountComposefs(to);
}

/** As `install-composefs.sh` has it: with its own loader and libraries. */
function copyMountComposefs(to: string): void {
  const wrapper = spawnSync('which', ['mount.composefs'], { encoding: 'utf8' }).stdout.trim();
  const from = join(dirname(wrapper), 'composefs.d');
  if (!existsSync(from)) {
    copyProgram(to, 'mount.composefs', 'bin/mount.composefs');
    return;
  }
  cpSync(from, join(to, 'composefs.d'), { recursive: true });
  const here = '/composefs.d';
  const script = `#!/bin/sh\nexec ${here}/ld.so --library-path ${here} ${here}/mount.composefs "$@"\n`;
  writeFileSync(join(to, 'bin/mount.composefs'), script, { mode: 0o755 });
}
