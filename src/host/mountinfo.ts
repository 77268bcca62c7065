/** `/proc/PID/mountinfo` (proc(5)), as far as finding a composefs mount needs it. */

/** One mount. */
export interface MountInfo {
  readonly target: string;
  readonly type: string;
  readonly source: string;
  /** Options of the mount itself, between commas; `idmapped` where owners are mapped. */
  readonly options: string;
}

/** Parses the whole file; later lines lie over earlier ones of the same target. Lines of another form are left out. */
export function parseMountinfo(text: string): MountInfo[] {
  return text.split('\n').flatMap((line) => {
    const words = line.split(' ');
    const separator = words.indexOf('-');
    const [target, options, type, source] = [words[4], words[5], words[separator + 1], words[separator + 2]];
    if (separator < 6 || target === undefined || options === undefined) return [];
    if (type === undefined || source === undefined) return [];
    return [{ target: unescapeOctal(target), type, source: unescapeOctal(source), options }];
  });
}

/** Space, tab, line feed and backslash are a backslash and three octal digits. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** The uppermost mount at a path when that is a composefs image: an overlay that says so. */
export function composefsMountAt(mounts: readonly MountInfo[], target: string): MountInfo | undefined {
  const top = mounts.findLast((mount) => mount.target === target);
  return top?.type === 'overlay' && /^composefs(?::|$)/.test(top.source) ? top : undefined;
}

/** Whether the uppermost mount at a path maps owners. */
export function mapsOwners(mounts: readonly MountInfo[], target: string): boolean {
  const top = mounts.findLast((mount) => mount.target === target);
  return top?.options.split(',').includes('idmapped') === true;
}
