/**
 * SELinux labels of every path of a root with a policy (`PLANISH_POLICY_ROOT`), rules compiled and tree labelled, by
 * the library, against matchpathcon(8), which compiles the same rules and prints the labels of the same paths.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { library } from './inputs.mjs';
import { has, run } from './measure.mjs';

const SELF = fileURLToPath(import.meta.url);

export const needs = () => [
  ...(has('matchpathcon') ? [] : ['matchpathcon']),
  ...(process.env.PLANISH_POLICY_ROOT === undefined ? ['PLANISH_POLICY_ROOT'] : []),
];

export function rows(inputs) {
  const root = process.env.PLANISH_POLICY_ROOT;
  const list = inputs.output('labelled-paths');
  writeFileSync(list, run('find', [root, '-mindepth', '1', '-printf', '/%P\\0']));
  const contexts = `${root}/etc/selinux/default/contexts/files/file_contexts`;
  return [
    {
      title: 'SELinux labels of a root, reading the directory included',
      peerName: '`matchpathcon`',
      ours: [process.execPath, SELF, root],
      peer: ['xargs', '-0', '-n', '20000', '-a', list, 'matchpathcon', '-f', contexts],
    },
  ];
}

/** Labels a directory and says how many names have a label. */
async function labelDirectory(root) {
  const { scanRootfs } = await library('io/rootfs.js');
  const { loadPolicy } = await library('selinux/policy.js');
  const { labelTree } = await library('selinux/label.js');
  const { root: tree } = await scanRootfs(root, { xattrs: 'skip' });
  const policy = loadPolicy(tree, { read: (path) => readFileSync(root + path) }, 'libselinux');
  process.stdout.write(`${labelTree(tree, policy).labelled}\n`);
}

if (process.argv[1] === SELF) await labelDirectory(process.argv[2]);
