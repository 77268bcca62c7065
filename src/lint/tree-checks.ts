/** Checks of the tree: what composefs hosts demand, and what `bootc container lint` does. */

import { parseKargs } from '../boot/kargs.ts';
import { type ByteString, byteString, decodeUtf8, display } from '../bytes/byte-string.ts';
import { contentSize, type Directory, type Node, type RegularFile } from '../tree/tree.ts';
import { joinPath, lookup, sortedChildren, walk } from '../tree/walk.ts';
import type { Finding, FindingPlace, LintContext } from './rule.ts';
import { lintedTree, readText } from './rule.ts';
import { finding, type RuleId } from './rules.ts';
import { checkStateFiles } from './state-checks.ts';

/** Findings about the tree. */
export function checkTree(context: LintContext): Finding[] {
  const root = lintedTree(context);
  if (root === undefined) return [];
  const always = [...checkUsrAndRun(root), ...checkXattrs(context, root)];
  if (!context.bootable) return always;
  return [
    ...always,
    ...checkDirectories(root),
    ...checkOstree(context, root),
    ...checkKargs(context, root),
    ...checkNames(root),
    ...checkResidue(root),
    ...checkStateFiles(context, root),
  ];
}

const at = (root: Directory, path: string): Node | undefined => lookup(root, byteString(path));
const isDirectory = (node: Node | undefined): node is Directory => node?.type === 'directory';

function checkUsrAndRun(root: Directory): Finding[] {
  const found: Finding[] = [];
  if (!isDirectory(at(root, '/usr'))) {
    found.push(
      finding('usr-missing', 'there is no directory /usr, so hosts compute no digest', { path: '/usr' }),
    );
  }
  const run = at(root, '/run');
  if (run !== undefined && !isDirectory(run)) {
    const message = `/run is of type ${run.type}, so hosts compute no digest`;
    found.push(finding('run-not-directory', message, { path: '/run' }));
  }
  return found;
}

/** How many inodes have each attribute that the host drops. */
function checkXattrs({ profile }: LintContext, root: Directory): Finding[] {
  if (profile.xattrs === 'all') return [];
  const dropped = new Map<ByteString, { path: ByteString; count: number }>();
  for (const { path, node, firstPath } of walk(root)) {
    if (firstPath !== undefined) continue;
    for (const name of node.metadata.xattrs.keys()) {
      if (isKept(name, profile.xattrs)) continue;
      const known = dropped.get(name);
      if (known === undefined) dropped.set(name, { path, count: 1 });
      else known.count += 1;
    }
  }
  return [...dropped]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, { path, count }]) => {
      const more = count === 1 ? '' : ` and on ${count - 1} more`;
      const message = `${display(name)} on ${display(path)}${more} is dropped by hosts`;
      return finding('xattr-dropped', message, { path: display(path), count });
    });
}

/** Labels have a rule of their own. */
function isKept(name: ByteString, mode: 'allowlist-only' | 'keep-user-xattrs'): boolean {
  if (name === 'security.capability' || name === 'security.selinux') return true;
  return mode === 'keep-user-xattrs' && name.startsWith('user.');
}

/** `bootc container lint`: api-base-directories; `/etc` is what hosts copy at installation. */
const BASE_DIRECTORIES = ['dev', 'etc', 'proc', 'run', 'sys', 'tmp', 'var'];

function checkDirectories(root: Directory): Finding[] {
  const missing = (rule: RuleId, path: string, why: string): Finding[] =>
    isDirectory(at(root, path)) ? [] : [finding(rule, `there is no directory ${path}, ${why}`, { path })];
  const found = [
    ...missing('boot-missing', '/boot', 'so hosts make no bootable image'),
    ...missing('sysroot-missing', '/sysroot', 'so hosts make no bootable image'),
    // A /run that is something else has its own rule, for it matters to all images.
    ...BASE_DIRECTORIES.filter((name) => name !== 'run' || at(root, '/run') === undefined).flatMap((name) =>
      missing('base-directory-missing', `/${name}`, 'which every system mounts or fills'),
    ),
  ];
  if (isDirectory(at(root, '/var/run'))) {
    found.push(
      finding('var-run-directory', '/var/run is a directory, not a link to /run', { path: '/var/run' }),
    );
  }
  if (at(root, '/etc') !== undefined && at(root, '/usr/etc') !== undefined) {
    found.push(finding('usr-etc', 'there are both /etc and /usr/etc', { path: '/usr/etc' }));
  }
  if (at(root, '/usr/lib/os-release') === undefined) {
    const place = { path: '/usr/lib/os-release' };
    found.push(finding('os-release-missing', 'there is no /usr/lib/os-release', place));
  }
  return found;
}

const PREPARE_ROOT = '/usr/lib/ostree/prepare-root.conf';

function checkOstree(context: LintContext, root: Directory): Finding[] {
  const found: Finding[] = [];
  const link = at(root, '/ostree');
  if (link?.type !== 'symlink' || link.target !== 'sysroot/ostree') {
    const what = link === undefined ? 'there is no /ostree' : `/ostree is a ${describeLink(link)}`;
    found.push(finding('ostree-link', `${what}, not a link to sysroot/ostree`, { path: '/ostree' }));
  }
  const config = at(root, PREPARE_ROOT);
  const text = config?.type === 'regular' ? readText(context, config) : undefined;
  if (text === undefined || !isComposefsEnabled(text)) {
    const what = text === undefined ? 'is not there' : 'does not enable composefs';
    found.push(finding('ostree-composefs', `${PREPARE_ROOT} ${what}`, { path: PREPARE_ROOT }));
  }
  return found;
}

function describeLink(node: Node): string {
  return node.type === 'symlink' ? `link to ${display(node.target)}` : node.type;
}

/** `[composefs] enabled = …`, or a transient root, which implies it. */
function isComposefsEnabled(text: string): boolean {
  let section = '';
  for (const line of text.split('\n')) {
    const header = /^\s*\[([^\]]*)\]/.exec(line);
    if (header !== null) section = header[1] ?? '';
    const value = /^\s*(enabled|transient)\s*=\s*(.*?)\s*$/.exec(line);
    if (value === null) continue;
    const key = `${section}.${value[1]}`;
    if (key !== 'composefs.enabled' && key !== 'root.transient') continue;
    if (/^(?:yes|true|1|signed|verity|maybe)$/i.test(value[2] ?? '')) return true;
  }
  return false;
}

const KARGS_DIRECTORY = byteString('/usr/lib/bootc/kargs.d');

function checkKargs(context: LintContext, root: Directory): Finding[] {
  const directory = lookup(root, KARGS_DIRECTORY);
  if (directory === undefined) return [];
  if (!isDirectory(directory)) {
    const message = `${KARGS_DIRECTORY} is of type ${directory.type}, not a directory`;
    return [finding('kargs-invalid', message, { path: KARGS_DIRECTORY })];
  }
  const files = sortedChildren(directory).filter(([name]) => name.endsWith('.toml'));
  return files.flatMap(([name, node]) => checkKargsFile(context, joinPath(KARGS_DIRECTORY, name), node));
}

function checkKargsFile(context: LintContext, path: ByteString, node: Node): Finding[] {
  const fault = kargsFault(context, node);
  const shown = display(path);
  return fault === undefined ? [] : [finding('kargs-invalid', `${shown}: ${fault}`, { path: shown })];
}

function kargsFault(context: LintContext, node: Node): string | undefined {
  // A link leads out of what can be checked here; bootc follows it.
  if (node.type !== 'regular') return node.type === 'symlink' ? undefined : `is of type ${node.type}`;
  const bytes = readText(context, node);
  const text = bytes === undefined ? undefined : decodeUtf8(bytes);
  if (text === undefined) return 'is no UTF-8 text of a sensible size';
  const parsed = parseKargs(text);
  return 'fault' in parsed ? `${parsed.fault} (line ${parsed.line})` : undefined;
}

function checkNames(root: Directory): Finding[] {
  let first: ByteString | undefined;
  let count = 0;
  for (const { path, name, node } of walk(root)) {
    const isBad = !isUtf8(name) || (node.type === 'symlink' && !isUtf8(node.target));
    if (!isBad) continue;
    first ??= path;
    count += 1;
  }
  if (first === undefined) return [];
  const more = count === 1 ? '' : ` (and ${count - 1} more)`;
  const path = display(first);
  return [
    finding('name-not-utf8', `${path} has a name or a target that is not UTF-8${more}`, { path, count }),
  ];
}

function isUtf8(text: ByteString): boolean {
  return /^[\x20-\x7e]*$/.test(text) || decodeUtf8(text) !== undefined;
}

function checkResidue(root: Directory): Finding[] {
  const isEmptyFile = (node: Node | undefined): node is RegularFile =>
    node?.type === 'regular' && contentSize(node.content) === 0;
  const residue = ['/etc/hostname', '/etc/resolv.conf']
    .filter((path) => isEmptyFile(at(root, path)))
    .map((path) => finding('build-residue', `${path} is an empty file`, { path }));
  const runtime = ['/run', '/tmp'].flatMap((path) =>
    contentFinding('runtime-content', root, path, () => true),
  );
  // Entries and addons have rules of their own; a dumpfile may lie beside its UKI.
  const boot = contentFinding('boot-content', root, '/boot', (name) => {
    return name !== 'EFI' && name !== 'loader' && !name.endsWith('.dump');
  });
  return [...residue, ...boot, ...runtime];
}

function contentFinding(
  rule: RuleId,
  root: Directory,
  path: string,
  counts: (name: ByteString) => boolean,
): Finding[] {
  const directory = at(root, path);
  if (!isDirectory(directory)) return [];
  const names = sortedChildren(directory).flatMap(([name]) => (counts(name) ? [name] : []));
  const [first] = names;
  if (first === undefined) return [];
  const shown = names.slice(0, 3).map(display).join(', ');
  const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
  const place: FindingPlace = { path: display(joinPath(byteString(path), first)), count: names.length };
  return [finding(rule, `${path} holds ${shown}${more}`, place)];
}
