/**
 * Attributes by getfattr(1), links not followed. Paths go through `xargs -0`, since arguments that Node passes on
 * are text and a path may be any bytes. Output is "# file: PATH", then lines of `NAME=0xHEX`, then an empty line;
 * a backslash, line feed or `=` in either is a backslash and three octal digits. Inodes without attributes are absent.
 */
import { spawnSync } from 'node:child_process';
import { type ByteString, byteString, display, fromBytes } from '../bytes/byte-string.ts';
import { NO_XATTRS, type Xattrs } from '../bytes/stat.ts';
import { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { sortedXattrs } from '../native/records.ts';
import type { XattrRequest, XattrSource } from './xattr.ts';

const COMMAND = ['-0', 'getfattr', '-h', '-d', '-m', '-', '-e', 'hex', '--absolute-names', '--'] as const;
const ENVIRONMENT = { ...process.env, LC_ALL: 'C' };

/** Inodes of one call: bounds what is held as text. */
const BATCH = 2048;

/** getfattr as a source, or `undefined` where it or xargs is not on the path. */
export function findGetfattr(): XattrSource | undefined {
  const found = ['getfattr', 'xargs'].every((tool) => spawnSync(tool, ['--version']).error === undefined);
  return found ? { name: 'getfattr', read: readAll } : undefined;
}

function readAll(requests: readonly XattrRequest[]): Xattrs[] {
  const results: Xattrs[] = [];
  for (let at = 0; at < requests.length; at += BATCH) {
    const batch = requests.slice(at, at + BATCH);
    const found = parseGetfattr(run(batch));
    for (const { path } of batch) results.push(found.get(path) ?? NO_XATTRS);
  }
  return results;
}

function run(batch: readonly XattrRequest[]): ByteString {
  const input = Buffer.from(batch.map(({ path }) => `${path}\0`).join(''), 'latin1');
  const result = spawnSync('xargs', COMMAND, { input, env: ENVIRONMENT, maxBuffer: LIMITS.scanBytes });
  const complaint = fromBytes(result.stderr ?? new Uint8Array(0)).split('\n', 1)[0] as string;
  // A value that may not be read is only complained of: the exit status is 0 all the same.
  if (result.error !== undefined || result.status !== 0 || complaint !== '') {
    throw failed(complaint, result.error);
  }
  return fromBytes(result.stdout);
}

function failed(complaint: string, error: Error | undefined): PlanishError {
  const gone = complaint.endsWith(': No such file or directory');
  return new PlanishError(
    gone ? 'CONTENT_CHANGED' : 'SYSCALL_FAILED',
    gone ? 'a file vanished while the directory was read' : 'getfattr failed',
    { actual: display(byteString(complaint)) },
    error,
  );
}

/**
 * Parses the output of `getfattr -d -e hex`, a byte a character. Throws `SYSCALL_FAILED` where it is anything else.
 */
export function parseGetfattr(output: ByteString): Map<ByteString, Xattrs> {
  if (output !== '' && !output.endsWith('\n\n')) throw unexpected('end of output');
  const files = new Map<ByteString, Xattrs>();
  let path: ByteString | undefined;
  let pairs: [ByteString, Uint8Array][] = [];
  for (const line of output.split('\n')) {
    if (path === undefined && line.startsWith('# file: ')) {
      path = unquote(line.slice('# file: '.length));
    } else if (path !== undefined && line === '') {
      files.set(path, sortedXattrs(pairs));
      path = undefined;
      pairs = [];
    } else if (path !== undefined) {
      pairs.push(parseAttribute(line));
    } else if (line !== '') throw unexpected(line);
  }
  return files;
}

function parseAttribute(line: string): [ByteString, Uint8Array] {
  const parts = /^([^=]+)=0x((?:[0-9a-f]{2})*)$/.exec(line);
  if (parts === null) throw unexpected(line);
  return [unquote(parts[1] as string), Buffer.from(parts[2] as string, 'hex')];
}

function unquote(text: string): ByteString {
  return byteString(
    text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
  );
}

function unexpected(line: string): PlanishError {
  return new PlanishError('SYSCALL_FAILED', 'getfattr printed something unexpected', {
    actual: display(byteString(line)).slice(0, 160),
  });
}
