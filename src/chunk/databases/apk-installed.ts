/**
 * The `installed` file of apk (apk-package(5), version 2 of the database): stanzas of lines `LETTER:VALUE`, a blank
 * line between packages. Files stand below their directory.
 */
import { type ByteString, byteString } from '../../bytes/byte-string.ts';

/** One installed package. */
export interface ApkPackage {
  readonly name: ByteString;
  readonly version: ByteString;
  /** Name of the package source that it was built from; its own where the database has none. */
  readonly origin: ByteString;
  /** Seconds since 1970. */
  readonly buildTime: number | undefined;
  /** Absolute paths of directories and files. */
  readonly paths: readonly ByteString[];
}

const NAME = /^[A-Za-z0-9._+@-]+$/;
/** Names of virtual packages begin with a dot; they own no files. */
const MAX_TIME = 2 ** 40;

interface Stanza {
  readonly fields: Map<string, string>;
  readonly paths: ByteString[];
  directory: string;
}

function newStanza(): Stanza {
  return { fields: new Map(), paths: [], directory: '/' };
}

/** Packages in the order of the file; stanzas without a proper name are reported with their first line. */
export function parseApkInstalled(text: ByteString, onBadStanza: (line: number) => void): ApkPackage[] {
  const packages: ApkPackage[] = [];
  let stanza = newStanza();
  let first = 0;
  for (const [ordinal, line] of text.split('\n').concat('').entries()) {
    if (line !== '') {
      first = first === 0 ? ordinal + 1 : first;
      takeLine(stanza, line);
      continue;
    }
    if (first === 0) continue;
    const pkg = packageOf(stanza);
    if (pkg === undefined) onBadStanza(first);
    else packages.push(pkg);
    stanza = newStanza();
    first = 0;
  }
  return packages;
}

function takeLine(stanza: Stanza, line: string): void {
  const value = line.slice(2);
  if (line[1] !== ':') return;
  switch (line[0]) {
    case 'F':
      stanza.directory = value === '' ? '/' : `/${value}/`;
      if (value !== '') stanza.paths.push(byteString(`/${value}`));
      break;
    case 'R':
      stanza.paths.push(byteString(`${stanza.directory}${value}`));
      break;
    default:
      stanza.fields.set(line.charAt(0), value);
  }
}

function packageOf({ fields, paths }: Stanza): ApkPackage | undefined {
  const name = fields.get('P') ?? '';
  const origin = fields.get('o') ?? name;
  if (!NAME.test(name) || !NAME.test(origin)) return undefined;
  const time = Number(fields.get('t') ?? Number.NaN);
  return {
    name: byteString(name),
    version: byteString(fields.get('V') ?? ''),
    origin: byteString(origin),
    buildTime: time > 0 && time < MAX_TIME ? time : undefined,
    paths,
  };
}
