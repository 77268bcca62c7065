/** Texts of pacman: records of its local database (`desc`, `files`) and the one option that matters here. */
import { type ByteString, byteString } from '../../bytes/byte-string.ts';

const NAME = /^[A-Za-z0-9@._+-]+$/;
const MAX_TIME = 2 ** 40;

/** What `desc` says of a package. */
export interface AlpmPackage {
  readonly name: ByteString;
  readonly version: ByteString;
  /** Name of the package source that it was built from; its own where the record has none. */
  readonly base: ByteString;
  /** Seconds since 1970. */
  readonly buildTime: number | undefined;
}

/** Sections of a record: a line `%NAME%`, lines of values, a blank line. */
function parseSections(text: ByteString): Map<string, ByteString[]> {
  const sections = new Map<string, ByteString[]>();
  let values: ByteString[] | undefined;
  for (const line of text.split('\n')) {
    const title = values === undefined ? /^%([A-Z0-9]+)%$/.exec(line)?.[1] : undefined;
    if (title !== undefined) {
      values = [];
      sections.set(title, values);
    } else if (line === '') values = undefined;
    else values?.push(byteString(line));
  }
  return sections;
}

/** Reads `desc`; `undefined` when it names no package. */
export function parseDesc(text: ByteString): AlpmPackage | undefined {
  const sections = parseSections(text);
  const value = (title: string): ByteString => sections.get(title)?.[0] ?? byteString('');
  const name = value('NAME');
  const base = value('BASE') === '' ? name : value('BASE');
  if (!NAME.test(name) || !NAME.test(base)) return undefined;
  const time = Number(value('BUILDDATE'));
  const buildTime = time > 0 && time < MAX_TIME ? time : undefined;
  return { name, version: value('VERSION'), base, buildTime };
}

/** Absolute paths of `files`: directories lose the slash at their end. */
export function parseFiles(text: ByteString): ByteString[] {
  const listed = parseSections(text).get('FILES') ?? [];
  return listed.map((path) => byteString(`/${path.replace(/\/$/, '')}`));
}

/** `DBPath` of the section `[options]` of a pacman.conf, the last one; `undefined` without any. */
export function parseDatabasePath(text: ByteString): ByteString | undefined {
  let section = '';
  let found: ByteString | undefined;
  for (const line of text.split('\n')) {
    const title = /^\s*\[(.*)\]\s*$/.exec(line)?.[1];
    if (title !== undefined) section = title;
    const value = /^\s*DBPath\s*=\s*(\/.*?)\s*$/.exec(line)?.[1];
    if (section === 'options' && value !== undefined) found = byteString(value);
  }
  return found;
}
