/** Checks of the SELinux policy inside the image, by which hosts label the tree of a bootable image. */
import { type ByteString, byteString, display } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';
import { type LabelDifference, labelDifferences } from '../selinux/explain.ts';
import { labelOf, loadPolicy } from '../selinux/policy.ts';
import { type FileReader, policyName } from '../selinux/policy-files.ts';
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
  const name = policyName({ path: byteString(CONFIG), text });
  if (name === undefined) return [];
  const files = checkFiles(root, byteString(`${SELINUX}/${name}/contexts/files`));
  const found = [...checkDisabled(text), ...files];
  return files.length > 0 ? found : [...found, ...checkRules(context, root)];
}

/** Hosts label even then; the setting is that of the machine's kernel. */
function checkDisabled(text: ByteString): Finding[] {
  if (!/^[ \t]*SELINUX[ \t]*=[ \t]*disabled[ \t]*$/im.test(text)) return [];
  const message = `${CONFIG} says disabled and still names a policy, by which hosts label`;
  return [finding('selinux-disabled', message, { path: CONFIG })];
}

function checkRules(context: LintContext, root: Directory): Finding[] {
  const reader: FileReader = {
    read: (path) => {
      const node = lookup(root, path);
      if (node?.type !== 'regular') return undefined;
      const source = context.open(node);
      return source.read(0, source.size);
    },
  };
  try {
    const host = loadPolicy(root, reader, 'host');
    const libselinux = loadPolicy(root, reader, 'libselinux');
    if (host === undefined || libselinux === undefined) return [];
    return checkReadings(labelDifferences(root, host, libselinux));
  } catch (error) {
    if (!(error instanceof PlanishError) || error.kind !== 'input') throw error;
    return [finding('selinux-rules-unreadable', error.message, { path: error.detail.path })];
  }
}

function checkReadings(differences: readonly LabelDifference[]): Finding[] {
  const [first] = differences;
  if (first === undefined) return [];
  const more = differences.length === 1 ? '' : ` (and ${differences.length - 1} more)`;
  const label = (rule: LabelDifference['host']): string => display(labelOf(rule) ?? byteString('no label'));
  const path = display(first.path);
  const [expected, actual] = [label(first.libselinux), label(first.host)];
  const message = `${path} gets ${actual} on hosts and ${expected} by libselinux${more}`;
  return [finding('selinux-readings-differ', message, { path, count: differences.length, expected, actual })];
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
