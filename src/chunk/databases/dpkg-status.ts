/** The status file of dpkg (deb-control(5), dpkg(1) "PACKAGE STATES"): which packages are there, and their sources. */
import { type ByteString, byteString } from '../../bytes/byte-string.ts';
import { PlanishError } from '../../errors.ts';

/** One installed package. */
export interface DpkgPackage {
  readonly name: ByteString;
  readonly architecture: ByteString;
  readonly version: ByteString;
  /** Name of the source package that it was built from. */
  readonly source: ByteString;
}

/** States in which files of the package lie in the tree. `config-files` and `not-installed` are none. */
const INSTALLED_STATES = new Set([
  'installed',
  'unpacked',
  'half-configured',
  'half-installed',
  'triggers-awaited',
  'triggers-pending',
]);

const FIELDS = new Set(['package', 'status', 'architecture', 'version', 'source']);
// Stricter than dpkg in nothing that matters, and safe inside keys.
const NAME = /^[A-Za-z0-9][A-Za-z0-9+._-]*$/;

type Stanza = Map<string, string>;

/** Calls `each` with the fields of every stanza and its first line (one-based). Field names in lower case. */
function forEachStanza(text: ByteString, each: (stanza: Stanza, line: number) => void): void {
  let stanza: Stanza = new Map();
  let first = 1;
  let number = 0;
  let empty = true;
  for (const line of text.split('\n')) {
    number++;
    if (line === '') {
      if (!empty) each(stanza, first);
      stanza = new Map();
      empty = true;
      continue;
    }
    if (empty) first = number;
    empty = false;
    const colon = line.indexOf(':');
    // Continuations belong to long fields, of which none is wanted; a line that is no field names no package.
    if (line.startsWith(' ') || line.startsWith('\t') || colon < 1) continue;
    const field = line.slice(0, colon).toLowerCase();
    if (FIELDS.has(field)) stanza.set(field, line.slice(colon + 1).trim());
  }
  if (!empty) each(stanza, first);
}

/**
 * The installed packages of a status file, in its order. A stanza without `Status` counts as installed: files of
 * `status.d` have none. Stanzas without a proper name are reported to `onBadStanza` with their first line.
 * Throws `DPKG_BAD_DATABASE` when text is there but no stanza names a package.
 */
export function parseStatus(text: ByteString, onBadStanza: (line: number) => void): DpkgPackage[] {
  const packages: DpkgPackage[] = [];
  let known = 0;
  let bad = 0;
  forEachStanza(text, (stanza, line) => {
    const name = stanza.get('package');
    const source = sourceName(stanza.get('source') ?? name ?? '');
    if (name === undefined || !NAME.test(name) || source === undefined) {
      bad = bad === 0 ? line : bad;
      onBadStanza(line);
      return;
    }
    known++;
    if (isInstalled(stanza.get('status'))) packages.push(packageOf(stanza, name, source));
  });
  if (known === 0 && bad > 0) {
    throw new PlanishError('DPKG_BAD_DATABASE', 'no stanza of the status file names a package', {
      line: bad,
    });
  }
  return packages;
}

function packageOf(stanza: Stanza, name: string, source: string): DpkgPackage {
  return {
    name: byteString(name),
    architecture: byteString(stanza.get('architecture') ?? ''),
    version: byteString(stanza.get('version') ?? ''),
    source: byteString(source),
  };
}

/** `Source: linux-signed-amd64 (6.1.176+1)`: the version is there only when it differs from the package's. */
function sourceName(field: string): string | undefined {
  const space = field.indexOf(' ');
  const name = space < 0 ? field : field.slice(0, space);
  return NAME.test(name) ? name : undefined;
}

/** `Status: want flag state`. */
function isInstalled(status: string | undefined): boolean {
  if (status === undefined) return true;
  return INSTALLED_STATES.has(status.slice(status.lastIndexOf(' ') + 1));
}

// The version of a kernel with what may follow it: `-6.1.0-18`, `-5.15`, `-6.1.0-0.deb11.17`.
const ABI = /-\d+\.\d+[^-]*(?:-\d[^-]*)*/;

/**
 * Key of a source package. Kernel packages carry versions in their very names; these are cut out, or every kernel
 * would be a new component.
 */
export function dpkgKey(source: ByteString): ByteString {
  const stable = source.startsWith('linux-') ? source.replace(ABI, '') : source;
  return byteString(`dpkg/${stable}`);
}
