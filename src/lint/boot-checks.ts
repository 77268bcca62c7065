/** Checks of what boots: kernels, UKIs, and the digest on their command line. */
import {
  type BootEntries,
  type EfiFile,
  findBootEntries,
  MODULES_DIRECTORY,
  UKI_DIRECTORY,
} from '../boot/boot-entries.ts';
import { type ComposefsArgument, composefsArguments } from '../boot/cmdline.ts';
import { decodePe } from '../boot/pe.ts';
import { readUki, type Uki } from '../boot/uki.ts';
import { byteString, display, fromUtf8 } from '../bytes/byte-string.ts';
import { DIGEST_BYTES, type VerityDigest } from '../bytes/digest.ts';
import { PlanishError } from '../errors.ts';
import { parentPath } from '../tree/path.ts';
import type { Directory } from '../tree/tree.ts';
import { joinPath, lookup, sortedChildren } from '../tree/walk.ts';
import { type Finding, type LintContext, lintedTree } from './rule.ts';
import { finding } from './rules.ts';
import { checkSignatures, someSigned } from './signature-checks.ts';

/** Findings about booting; none for images that are not meant to. */
export function checkBoot(context: LintContext): Finding[] {
  const root = lintedTree(context);
  if (root === undefined || !context.bootable) return [];
  const entries = findBootEntries(root);
  return [
    ...checkKernels(entries),
    ...entries.ukis.flatMap((entry) => checkUki(context, root, entry)),
    ...entries.addons.flatMap((entry) => checkAddon(context, entry)),
    ...(entries.ukis.length === 0 ? [] : checkLoader(context, root, entries)),
  ];
}

function checkKernels(entries: BootEntries): Finding[] {
  const { type1, ukis, kernels, irregular } = entries;
  const found: Finding[] = [];
  if (ukis.length + kernels.length + type1.length + irregular.length === 0) {
    found.push(finding('kernel-missing', 'there is neither a UKI nor a kernel beside its modules'));
  }
  found.push(...checkCount(entries));
  for (const { path, version, initramfs } of kernels) {
    const place = { path: display(path) };
    if (ukis.length > 0) {
      found.push(finding('loose-kernel', `${display(path)} lies beside a UKI`, place));
    } else {
      if (!initramfs)
        found.push(finding('initramfs-missing', `${display(path)} has no initramfs.img`, place));
      found.push(...checkVersion(display(version), display(path)));
    }
  }
  for (const path of type1) {
    const message = `${display(path)} is a boot loader entry: bootc refuses the image`;
    found.push(finding('type1-entry', message, { path: display(path) }));
  }
  for (const { path, what } of irregular) {
    found.push(finding('uki-irregular', `${display(path)} is ${what}`, { path: display(path) }));
  }
  return found;
}

function checkCount({ ukis, kernels }: BootEntries): Finding[] {
  const paths = (ukis.length > 0 ? ukis : kernels).map(({ path }) => display(path));
  const [first] = paths;
  if (paths.length < 2) return [];
  const message = `there are ${paths.length} kernels: ${paths.slice(0, 3).join(', ')}`;
  return [finding('several-kernels', message, { path: first, count: paths.length })];
}

/**
 * overlayfs compares digests from Linux 6.6 on; enterprise kernels (el9, el10) have that in older versions. With 7.0
 * hosts did not boot (bootc issue 2174).
 */
function checkVersion(version: string, path: string): Finding[] {
  const match = /^(\d+)\.(\d+)/.exec(version);
  if (match === null) return [];
  const [major, minor] = [Number(match[1]), Number(match[2])];
  const isOld = (major < 6 || (major === 6 && minor < 6)) && !/\.el\d/.test(version);
  const isBroken = major === 7 && minor === 0;
  if (!isOld && !isBroken) return [];
  const why = isOld ? 'overlayfs cannot compare digests before 6.6' : 'hosts with 7.0 do not find digests';
  return [finding('kernel-unsuited', `${path} is Linux ${version}: ${why}`, { path })];
}

function checkUki(context: LintContext, root: Directory, entry: EfiFile): Finding[] {
  const path = display(entry.path);
  const found: Finding[] = [];
  if (parentPath(entry.path) !== UKI_DIRECTORY) {
    const message = `${path} is not directly in ${UKI_DIRECTORY}`;
    found.push(finding('uki-place', message, { path }));
  }
  const source = context.open(entry.file);
  const uki = attempt(() => readUki(source));
  if (uki instanceof PlanishError) return [...found, malformed(path, uki)];
  found.push(...checkSignatures(source, path));
  found.push(
    ...uki.missing.map((name) => finding('uki-section-missing', `${path} has no section ${name}`, { path })),
  );
  found.push(...checkModules(root, uki, path));
  if (uki.cmdline === undefined) return found;
  return [...found, ...checkArguments(context, composefsArguments(uki.cmdline), path)];
}

function attempt<T>(work: () => T): T | PlanishError {
  try {
    return work();
  } catch (error) {
    if (error instanceof PlanishError && error.kind === 'input') return error;
    throw error;
  }
}

function malformed(path: string, { message, detail }: PlanishError): Finding {
  return finding('uki-malformed', `${path}: ${message}`, { path, offset: detail.offset });
}

function checkModules(root: Directory, { uname }: Uki, path: string): Finding[] {
  const version = uname?.replace(/[\0\s]+$/, '') ?? '';
  if (version === '') return [];
  const found = checkVersion(version, path);
  const modules = lookup(root, byteString(`${MODULES_DIRECTORY}/${fromUtf8(version)}`));
  if (modules?.type === 'directory') return found;
  const message = `${path} holds Linux ${display(fromUtf8(version))}, whose modules are not in ${MODULES_DIRECTORY}`;
  return [...found, finding('uki-modules', message, { path })];
}

function checkAddon(context: LintContext, { path, file }: EfiFile): Finding[] {
  const place = { path: display(path) };
  const source = context.open(file);
  const image = attempt(() => decodePe(source));
  if (image instanceof PlanishError) return [malformed(display(path), image)];
  const message = `${display(path)} is installed only where it is asked for`;
  return [finding('uki-addon', message, place), ...checkSignatures(source, display(path))];
}

const BOOTUPD = '/usr/lib/bootupd/updates';
const SYSTEMD_BOOT = '/usr/lib/systemd/boot/efi';

function checkLoader(context: LintContext, root: Directory, { ukis }: BootEntries): Finding[] {
  const found: Finding[] = [];
  if (lookup(root, byteString(BOOTUPD)) !== undefined) {
    found.push(finding('bootupd-present', `${BOOTUPD} makes bootc choose bootupd`, { path: BOOTUPD }));
  }
  const loaders = systemdBoot(root);
  if (loaders.length === 0) {
    const message = `there is no systemd-boot in ${SYSTEMD_BOOT}`;
    found.push(finding('systemd-boot-missing', message, { path: SYSTEMD_BOOT }));
  } else if (someSigned(context, ukis) && !someSigned(context, loaders)) {
    const message = 'the UKI is signed, and the systemd-boot that loads it is not';
    found.push(finding('systemd-boot-unsigned', message, { path: display((loaders[0] as EfiFile).path) }));
  }
  return found;
}

/** Regular files of systemd-boot; Debian's signed ones end in `.efi.signed`. */
function systemdBoot(root: Directory): EfiFile[] {
  const path = byteString(SYSTEMD_BOOT);
  const directory = lookup(root, path);
  const children = directory?.type === 'directory' ? sortedChildren(directory) : [];
  return children.flatMap(([name, node]) =>
    name.startsWith('systemd-boot') && node.type === 'regular'
      ? [{ path: joinPath(path, name), file: node }]
      : [],
  );
}

function checkArguments(context: LintContext, found: readonly ComposefsArgument[], path: string): Finding[] {
  const { describedDigests } = context.profile;
  const described = found.filter(({ key }) => key === 'composefs.digest');
  if (!describedDigests && described.length > 0) {
    const message = `${path} has ${described[0]?.key}=, which hosts of profile ${context.profile.name} do not read`;
    return [finding('composefs-key', message, { path, count: described.length })];
  }
  const [first, second] = describedDigests && described.length > 0 ? described : found;
  if (first === undefined) {
    return [finding('composefs-missing', `the command line of ${path} has no composefs=`, { path })];
  }
  if (second !== undefined) {
    const message = `the command line of ${path} has ${found.length} composefs digests`;
    return [finding('composefs-repeated', message, { path, count: found.length })];
  }
  return checkArgument(context, first, path);
}

function checkArgument(context: LintContext, argument: ComposefsArgument, path: string): Finding[] {
  const found: Finding[] = [];
  if (argument.optional) {
    found.push(finding('composefs-optional', `the command line of ${path} says composefs=?`, { path }));
  }
  const fault = digestFault(context, argument);
  if (fault === undefined)
    return [...found, ...compareDigest(context, argument.digest as VerityDigest, path)];
  return [...found, finding('composefs-malformed', `the composefs digest of ${path} ${fault}`, { path })];
}

function digestFault(
  { profile }: LintContext,
  { digest, key, described }: ComposefsArgument,
): string | undefined {
  if (key === 'composefs.digest' && described === undefined)
    return 'does not say its format as hosts know it';
  if (!/^[0-9a-f]*$/.test(digest)) return 'is not written in lower-case hexadecimal digits';
  const expected = 2 * DIGEST_BYTES[profile.algorithm];
  return digest.length === expected ? undefined : `has ${digest.length} digits, not ${expected}`;
}

/** Where the host refuses the tree there is nothing to compare, and other rules say why. */
function compareDigest(context: LintContext, actual: VerityDigest, path: string): Finding[] {
  const { profile, bootDigest, bootProfiles } = context;
  const expected = bootDigest(profile.name).digest;
  if (expected === undefined || expected === actual) return [];
  const other = bootProfiles.find((name) => bootDigest(name).digest === actual);
  const place = { path, expected, actual };
  if (other === undefined) {
    const message = `${path} is sealed for another tree: hosts of profile ${profile.name} compute another digest`;
    return [finding('composefs-mismatch', message, place)];
  }
  const message = `${path} is sealed for hosts of profile ${other}; those of ${profile.name} refuse it`;
  return [finding('composefs-other-profile', message, place)];
}
