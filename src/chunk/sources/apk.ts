/** Components from the database of apk: one for each origin. */
import { type ByteString, byteString } from '../../bytes/byte-string.ts';
import type { Directory } from '../../tree/tree.ts';
import { joinPath, lookup } from '../../tree/walk.ts';
import type { ClaimContext, ComponentSource, SourceClaims } from '../component.ts';
import { type ApkPackage, parseApkInstalled } from '../databases/apk-installed.ts';
import { dayOf } from '../rates.ts';
import { resolveDirectory } from '../tree-index.ts';
import { ignoreDatabase, readDatabaseText } from './database-file.ts';
import { claimPackages } from './package-claims.ts';

const PLACES = ['/lib/apk/db', '/usr/lib/apk/db'].map(byteString);
const INSTALLED = byteString('installed');
/** The form that apk 3 can write; no distribution makes it the default. */
const BINARY = byteString('installed.adb');

/** The apk source. The database itself belongs to `@db`. */
export const apkSource: ComponentSource = {
  name: 'apk',
  priority: 10,
  strength: 'strong',
  wantedPaths: (root) => databaseFiles(root, INSTALLED),
  claim,
};

function databaseFiles(root: Directory, name: ByteString): ByteString[] {
  const directories = PLACES.map((place) => resolveDirectory(root, place)?.path);
  return [...new Set(directories)]
    .filter((directory) => directory !== undefined)
    .map((directory) => joinPath(directory, name))
    .filter((path) => lookup(root, path)?.type === 'regular');
}

function claim(context: ClaimContext): SourceClaims {
  const { root } = context.index;
  const packages = databaseFiles(root, INSTALLED).flatMap((path) => readInstalled(context, path));
  for (const path of databaseFiles(root, BINARY))
    ignoreDatabase(context, path, 'the database of apk is in the binary form, which is not read');
  return claimPackages(
    context,
    packages.map(({ origin, buildTime, paths }) => ({
      key: apkKey(origin),
      changeDays: buildTime === undefined ? [] : [dayOf(buildTime)],
      paths,
    })),
  );
}

/** Origins of kernels (`linux-lts`) have no version, and need no care. */
function apkKey(origin: ByteString): ByteString {
  return byteString(`apk/${origin}`);
}

function readInstalled(context: ClaimContext, path: ByteString): ApkPackage[] {
  const text = readDatabaseText(context, path);
  if (text === undefined) return [];
  let bad = 0;
  let first = 0;
  const packages = parseApkInstalled(text, (line) => {
    first = bad++ === 0 ? line : first;
  });
  if (bad > 0) ignoreDatabase(context, path, `${bad} stanzas name no package, the first at line ${first}`);
  return packages;
}
