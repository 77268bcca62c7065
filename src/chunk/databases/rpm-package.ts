/** What an RPM header says of one installed package and its files. */
import { type ByteString, byteString } from '../../bytes/byte-string.ts';
import type { RpmHeader } from './rpm-header.ts';
import { badDatabase } from './sqlite-file.ts';

const TAG = {
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  buildTime: 1006,
  architecture: 1022,
  oldFileNames: 1027,
  fileSizes: 1028,
  fileStates: 1029,
  fileModes: 1030,
  fileTimes: 1034,
  fileDigests: 1035,
  fileLinks: 1036,
  fileFlags: 1037,
  sourceRpm: 1044,
  changelogTimes: 1080,
  directoryIndexes: 1116,
  baseNames: 1117,
  directoryNames: 1118,
  longFileSizes: 5008,
} as const;

/** Bit of {@link RpmFile.flags}: the package has no content for it; something else makes it. */
const GHOST = 1 << 6;

/** States of files that lie in the tree as the package's own: normal, and on a file system shared by network. */
const PRESENT_STATES = new Set([0, 3]);

/** One file or directory of a package, as the header has it. */
export interface RpmFile {
  /** Absolute, as the package was built: `/bin/x` where `/bin` may be a link by now. */
  readonly path: ByteString;
  readonly size: number;
  /** Type and permissions as in `st_mode`. */
  readonly mode: number;
  /** Seconds since 1970. */
  readonly mtime: number;
  /** Hexadecimal digits by the algorithm of the package; empty for all but regular files. */
  readonly digest: ByteString;
  readonly flags: number;
  readonly linkTarget: ByteString;
  /** 0 normal, 1 replaced, 2 not installed, 3 shared by network, 4 wrong colour, 255 missing. */
  readonly state: number;
}

/** One package. */
export interface RpmPackage {
  readonly name: ByteString;
  readonly epoch: number | undefined;
  readonly version: ByteString;
  readonly release: ByteString;
  readonly architecture: ByteString;
  /** File name of the source package; empty for what was built from none (keys). */
  readonly sourceRpm: ByteString;
  /** Seconds since 1970. */
  readonly buildTime: number | undefined;
  /** Seconds since 1970, newest first as a rule. */
  readonly changelogTimes: readonly number[];
  readonly files: readonly RpmFile[];
}

/** Reads a header. Throws `RPM_BAD_DATABASE` where it contradicts itself or names no package. */
export function readRpmPackage(header: RpmHeader): RpmPackage {
  const text = (tag: number): ByteString => header.strings(tag)[0] ?? byteString('');
  const name = text(TAG.name);
  if (name === '') throw badDatabase('a package header has no name');
  return {
    name,
    epoch: header.integers(TAG.epoch)[0],
    version: text(TAG.version),
    release: text(TAG.release),
    architecture: text(TAG.architecture),
    sourceRpm: text(TAG.sourceRpm),
    buildTime: header.integers(TAG.buildTime)[0],
    changelogTimes: header.integers(TAG.changelogTimes),
    files: readFiles(header),
  };
}

function readFiles(header: RpmHeader): RpmFile[] {
  const paths = filePaths(header);
  const column = <T>(values: readonly T[], absent: T): ((ordinal: number) => T) => {
    if (values.length !== 0 && values.length !== paths.length)
      throw badDatabase('a package header describes more or fewer files than it names');
    return (ordinal) => values[ordinal] ?? absent;
  };
  const none = byteString('');
  const long = header.integers(TAG.longFileSizes);
  const size = column(long.length > 0 ? long : header.integers(TAG.fileSizes), 0);
  const mode = column(header.integers(TAG.fileModes), 0);
  const mtime = column(header.integers(TAG.fileTimes), 0);
  const digest = column(header.strings(TAG.fileDigests), none);
  const flags = column(header.integers(TAG.fileFlags), 0);
  const linkTarget = column(header.strings(TAG.fileLinks), none);
  const state = column(header.integers(TAG.fileStates), 0);
  return paths.map((path, ordinal) => ({
    path,
    size: size(ordinal),
    mode: mode(ordinal),
    mtime: mtime(ordinal),
    digest: digest(ordinal),
    flags: flags(ordinal),
    linkTarget: linkTarget(ordinal),
    state: state(ordinal),
  }));
}

/** Directory and base names, or whole names as before RPM 4. */
function filePaths(header: RpmHeader): ByteString[] {
  const names = header.strings(TAG.baseNames);
  if (names.length === 0) return header.strings(TAG.oldFileNames);
  const directories = header.strings(TAG.directoryNames);
  const indexes = header.integers(TAG.directoryIndexes);
  return names.map((name, ordinal) => {
    const directory = directories[indexes[ordinal] ?? -1];
    if (directory === undefined) throw badDatabase('a file of a package header has no directory');
    return byteString(`${directory}${name}`);
  });
}

/** Whether the file lies in the tree as this package's: not where installation left it out or another replaced it. */
export function isPresent(file: RpmFile): boolean {
  return PRESENT_STATES.has(file.state) && file.path.startsWith('/');
}

/** Whether the package has no content for the file. */
export function isGhost(file: RpmFile): boolean {
  return (file.flags & GHOST) !== 0;
}

/**
 * Key of a package: its source package without version and release. Kernels that carry a version in the very name
 * lose it (`kernel6.12`, `kernel-livepatch-6_4_0-21-default`), or every kernel would be a new component.
 */
export function rpmKey({ name, sourceRpm }: Pick<RpmPackage, 'name' | 'sourceRpm'>): ByteString {
  const source = /^(.+)-[^-]+-[^-]+\.(?:no)?src\.rpm$/s.exec(sourceRpm)?.[1] ?? name;
  const stable = source
    .replace(/^kernel\d+(?:\.\d+)*(?=-|$)/, 'kernel')
    .replace(/^(kernel-livepatch)-.*$/s, '$1');
  return byteString(`rpm/${stable}`);
}
