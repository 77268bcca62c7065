/** Checks of the SELinux policy inside the image, by which hosts label the tree of a bootable image. */
import { type ByteString, byteString, display } from '../bytes/byte-string.ts';
import type { Directory, Node } from '../tree/tree.ts';
import { lookup, walk } from '../tree/walk.ts';
import { type Finding, type LintContext, lintedTree, readText } from './rule.ts';
import { finding } from './rules.ts';

const SELINUX = '/etc/selinux';
const CONFIG = `${SELINUX}/config`;

/** Findings about labels; none for images that are not meant to boot: nothing is labelled there. */
export function checkSelinux(context: LintContext): Finding[] {
  const root = lintedTree(context);
  if (root === undefined || !context.bootable) return [];
  return [...checkPolicy(context, root), ...checkLabels(root)];
}

const at = (root: Directory, path: string): Node | undefined => lookup(root, byteString(path));

function checkPolicy(context: LintContext, root: Directory): Finding[] {
  const config = at(root, CONFIG);
  if (config === undefined) return [];
  if (config.type !== 'regular') return [irregular(CONFIG, config)];
  const text = readText(context, config) ?? byteString('');
  const name = configValue(text, 'SELINUXTYPE');
  if (name === undefined) return [];
  const files = `${SELINUX}/${name}/contexts/files`;
  return [...checkDisabled(text), ...checkFiles(root, byteString(files))];
}

/** The first value of a key; hosts compare keys without regard to case. */
function configValue(text: ByteString, key: string): string | undefined {
  for (const line of text.split('\n')) {
    const match = /^\s*([^#=\s]+)\s*=\s*(.*?)\s*$/.exec(line);
    if (match?.[1]?.toUpperCase() === key) return match[2];
  }
  return undefined;
}

function checkDisabled(text: ByteString): Finding[] {
  if (configValue(text, 'SELINUX')?.toLowerCase() !== 'disabled') return [];
  const message = `${CONFIG} says disabled and still names a policy, by which hosts label`;
  return [finding('selinux-disabled', message, { path: CONFIG })];
}

const OPTIONAL = [
  'file_contexts.local',
  'file_contexts.homedirs',
  'file_contexts.subs',
  'file_contexts.subs_dist',
];

function checkFiles(root: Directory, directory: ByteString): Finding[] {
  const required = `${directory}/file_contexts`;
  if (at(root, required) === undefined) {
    const message = `${CONFIG} names a policy without ${display(byteString(required))}`;
    return [finding('selinux-policy-missing', message, { path: display(byteString(required)) })];
  }
  return ['file_contexts', ...OPTIONAL].flatMap((name) => {
    const path = `${directory}/${name}`;
    const node = at(root, path);
    return node === undefined || node.type === 'regular' ? [] : [irregular(path, node)];
  });
}

function irregular(path: string, node: Node): Finding {
  const shown = display(byteString(path));
  return finding('selinux-file-irregular', `${shown} is of type ${node.type}, not a regular file`, {
    path: shown,
  });
}

function checkLabels(root: Directory): Finding[] {
  let first: ByteString | undefined;
  let count = 0;
  for (const { path, node, firstPath } of walk(root)) {
    if (firstPath !== undefined || !node.metadata.xattrs.has(byteString('security.selinux'))) continue;
    first ??= path;
    count += 1;
  }
  if (first === undefined) return [];
  const path = display(first);
  const message = `${count} files have labels of their own, ${path} first; hosts replace or drop them`;
  return [finding('selinux-label-in-layer', message, { path, count })];
}
