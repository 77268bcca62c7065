/** File lists and diversions of dpkg: which package owns which path. */
import { type ByteString, byteString } from '../../bytes/byte-string.ts';

/** Paths of an `info/PKG.list` file: absolute, one a line, the root as `/.`, directories included. */
export function parseFileList(text: ByteString): ByteString[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('/') && line !== '/.')
    .map((line) => byteString(line));
}

// md5sum(1): 32 digits, a space, a space or asterisk, the name; dpkg's names have no leading slash.
const MD5_LINE = /^[0-9a-f]{32} [ *](?:\.?\/)?([^/].*)$/;

/** Paths of a `.md5sums` file, made absolute. */
export function parseMd5sums(text: ByteString): ByteString[] {
  const paths: ByteString[] = [];
  for (const line of text.split('\n')) {
    const name = MD5_LINE.exec(line)?.[1];
    if (name !== undefined) paths.push(byteString(`/${name}`));
  }
  return paths;
}

/** Paths of a `.conffiles` file; flags such as `remove-on-upgrade` stand before the path. */
export function parseConffiles(text: ByteString): ByteString[] {
  const paths: ByteString[] = [];
  for (const line of text.split('\n')) {
    const slash = line.indexOf('/');
    if (slash >= 0) paths.push(byteString(line.slice(slash)));
  }
  return paths;
}

/** One diversion: `from` of every package but `by` is installed as `to`. `by` is `:` for a local diversion. */
export interface Diversion {
  readonly from: ByteString;
  readonly to: ByteString;
  readonly by: ByteString;
}

/** The diversions file: records of three lines. `undefined` when it ends inside a record or names no paths. */
export function parseDiversions(text: ByteString): Diversion[] | undefined {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  if (lines.length % 3 !== 0) return undefined;
  const diversions: Diversion[] = [];
  for (let index = 0; index < lines.length; index += 3) {
    const [from = '', to = '', by = ''] = lines.slice(index, index + 3);
    if (!from.startsWith('/') || !to.startsWith('/') || by === '') return undefined;
    diversions.push({ from: byteString(from), to: byteString(to), by: byteString(by) });
  }
  return diversions;
}
