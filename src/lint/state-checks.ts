/**
 * Checks of `/var` and of users. Content of `/var` reaches a machine at its installation and never again, and users are
 * merged into a machine's own `/etc/passwd` by nobody; what is to exist everywhere must be made at boot, by
 * systemd-tmpfiles and systemd-sysusers. `bootc container lint`: var-log, var-tmpfiles, sysusers.
 */
import { type ByteString, byteString, display } from '../bytes/byte-string.ts';
import { contentSize, type Directory } from '../tree/tree.ts';
import { lookup, sortedChildren, walk } from '../tree/walk.ts';
import type { Finding, LintContext } from './rule.ts';
import { readText } from './rule.ts';
import { finding, type RuleId } from './rules.ts';

/** Findings about state. */
export function checkStateFiles(context: LintContext, root: Directory): Finding[] {
  return [...checkVar(context, root), ...checkUsers(context, root)];
}

function checkVar(context: LintContext, root: Directory): Finding[] {
  const made = tmpfilesPaths(context, root);
  const logs: ByteString[] = [];
  const rest: ByteString[] = [];
  const start = lookup(root, byteString('/var'));
  if (start?.type !== 'directory') return [];
  for (const { path: below, node } of walk(start)) {
    const path = byteString(below === '/' ? '/var' : `/var${below}`);
    const isLog = path.startsWith('/var/log/') && node.type === 'regular';
    if (isLog) {
      if (contentSize(node.content) > 0) logs.push(path);
    } else if (path !== '/var' && path !== '/var/run' && !isMade(path, made)) {
      rest.push(path);
    }
  }
  return [
    ...listed('log-files', logs, 'is a log file with content'),
    ...listed('var-content', rest, 'is not made by tmpfiles.d'),
  ];
}

function listed(rule: RuleId, paths: readonly ByteString[], what: string): Finding[] {
  const [first] = paths;
  if (first === undefined) return [];
  const more = paths.length === 1 ? '' : ` (and ${paths.length - 1} more)`;
  const path = display(first);
  return [finding(rule, `${path} ${what}${more}`, { path, count: paths.length })];
}

/** Paths that systemd-tmpfiles makes, and those that it copies whole trees to. */
interface MadePaths {
  readonly paths: ReadonlySet<string>;
  readonly trees: readonly string[];
}

function isMade(path: string, { paths, trees }: MadePaths): boolean {
  return paths.has(path) || trees.some((tree) => path === tree || path.startsWith(`${tree}/`));
}

/** `tmpfiles.d(5)`: type and path are the first two fields. Directories on the way to a path are made as well. */
function tmpfilesPaths(context: LintContext, root: Directory): MadePaths {
  const paths = new Set<string>();
  const trees: string[] = [];
  for (const line of configLines(context, root, '/usr/lib/tmpfiles.d')) {
    const match = /^([dDvqQLCfFwpcb])\S*\s+(?:"([^"]*)"|(\S+))/.exec(line);
    const path = (match?.[2] ?? match?.[3] ?? '').replace(/\/+$/, '');
    if (!path.startsWith('/var')) continue;
    if (match?.[1] === 'C') trees.push(path);
    for (let prefix = path; prefix !== ''; prefix = prefix.slice(0, prefix.lastIndexOf('/')))
      paths.add(prefix);
  }
  return { paths, trees };
}

/** Lines of all `*.conf` in a directory that are no comments. */
function configLines(context: LintContext, root: Directory, path: string): string[] {
  const directory = lookup(root, byteString(path));
  if (directory?.type !== 'directory') return [];
  return sortedChildren(directory).flatMap(([name, node]) => {
    if (node.type !== 'regular' || !name.endsWith('.conf')) return [];
    const lines = (readText(context, node) ?? '').split('\n');
    return lines.map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  });
}

function checkUsers(context: LintContext, root: Directory): Finding[] {
  const { users, groups } = sysusers(context, root);
  return [
    ...undescribed(context, root, '/etc/passwd', users),
    ...undescribed(context, root, '/etc/group', groups),
  ];
}

/** `sysusers.d(5)`: `u NAME` makes a user and the group of that name, `g NAME` a group. */
function sysusers(context: LintContext, root: Directory): { users: Set<string>; groups: Set<string> } {
  const users = new Set<string>();
  const groups = new Set<string>();
  for (const line of configLines(context, root, '/usr/lib/sysusers.d')) {
    const match = /^([ugm])!?\s+"?([^\s":]+)(?:"?\s+"?([^\s":]+))?/.exec(line);
    const [, type, name, second] = match ?? [];
    if (name === undefined) continue;
    if (type === 'u') users.add(name);
    groups.add(type === 'm' ? (second ?? name) : name);
  }
  return { users, groups };
}

/** Names in a file like passwd(5) or group(5) that nothing describes; the number 0 is every system's. */
function undescribed(context: LintContext, root: Directory, path: string, known: Set<string>): Finding[] {
  const file = lookup(root, byteString(path));
  if (file?.type !== 'regular') return [];
  const rows = (readText(context, file) ?? '').split('\n').map((line) => line.split(':'));
  const names = rows.flatMap(([name = '', , id]) => {
    return name === '' || id === undefined || id === '0' || known.has(name) ? [] : [byteString(name)];
  });
  if (names.length === 0) return [];
  const shown = names.slice(0, 3).map(display).join(', ');
  const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
  return [finding('sysusers', `${path}: ${shown}${more} not in sysusers.d`, { path, count: names.length })];
}
