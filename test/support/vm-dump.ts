/** What planish's dumpfile says of a path: the expectation that a booted machine is held against. */
import { planish } from './cli.ts';

/** One line of a dumpfile. */
export interface DumpedFile {
  /** Permission bits in octal, owners and seconds, as `stat` in the machine prints them. */
  readonly stat: string;
  /** Below `objects/`, where the content is an object. */
  readonly object: string;
  /** Values in hexadecimal. */
  readonly xattrs: ReadonlyMap<string, string>;
}

/** The bootable tree of an image, by path. Names without escapes only. */
export function dumpBootable(reference: string): Map<string, DumpedFile> {
  const { status, stdout, stderr } = planish(['dump', '--profile', 'bootc', '--bootable', reference]);
  if (status !== 0) throw new Error(stderr);
  return new Map(stdout.toString().trim().split('\n').map(parseLine));
}

function parseLine(line: string): [string, DumpedFile] {
  const [path, , mode, , uid, gid, , mtime, payload, , , ...xattrs] = line.split(' ') as string[];
  const bits = (Number.parseInt(mode as string, 8) & 0o7777).toString(8);
  const stat = `${bits} ${uid}:${gid} ${(mtime as string).split('.')[0]}`;
  const values = xattrs.map((text): [string, string] => {
    const equals = text.indexOf('=');
    return [text.slice(0, equals), hexOf(text.slice(equals + 1))];
  });
  return [path as string, { stat, object: payload as string, xattrs: new Map(values) }];
}

/** `\xHH` and `\n`-like escapes of the format. */
function hexOf(text: string): string {
  const named: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
  const bytes = text.replace(/\\(?:x([0-9a-f]{2})|(.))/g, (_, hex?: string, char?: string) =>
    hex === undefined
      ? (named[char as string] ?? (char as string))
      : String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1').toString('hex');
}
