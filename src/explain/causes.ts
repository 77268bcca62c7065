/** What kind of thing each difference between two trees is, so that many differing paths become few causes. */
import type { ByteString } from '../bytes/byte-string.ts';
import type { TreeDifference } from '../tree/diff.ts';
import type { Directory } from '../tree/tree.ts';
import { lookup } from '../tree/walk.ts';

/** Kinds of difference that no settings account for, and what each is. */
export const CAUSES = {
  'only-in-a': 'paths that only A has',
  'only-in-b': 'paths that only B has',
  types: 'types of files',
  content: 'contents or sizes of files',
  targets: 'targets of symbolic links',
  devices: 'device numbers',
  modes: 'permission bits',
  owners: 'owners',
  fractions: 'fractions of seconds',
  'implied-directories': 'times of directories that no layer describes',
  'directory-times': 'times of directories',
  'file-times': 'times of files',
  labels: 'SELinux labels',
  capabilities: 'file capabilities',
  attributes: 'other extended attributes',
  'hard-links': 'which names are hard links of each other',
  format: 'EROFS format',
  bytes: 'bytes of the image, though the trees are equal',
} as const satisfies Readonly<Record<string, string>>;

/** Identifier of a cause. */
export type CauseId = keyof typeof CAUSES;

type Field = TreeDifference['fields'][number];

const PLAIN: Readonly<Record<Exclude<Field['field'], 'mtime' | 'xattr'>, CauseId>> = {
  type: 'types',
  mode: 'modes',
  uid: 'owners',
  gid: 'owners',
  target: 'targets',
  device: 'devices',
  size: 'content',
  content: 'content',
  links: 'hard-links',
};

/** Causes of one difference. `a` is the tree of the first side, `implied` its directories that no layer describes. */
export function causesOf(
  difference: TreeDifference,
  a: Directory,
  implied: ReadonlySet<ByteString>,
): ReadonlySet<CauseId> {
  if (difference.kind === 'removed') return new Set(['only-in-a']);
  if (difference.kind === 'added') return new Set(['only-in-b']);
  // What has another type has another of everything.
  if (difference.fields.some(({ field }) => field === 'type')) return new Set(['types']);
  return new Set(difference.fields.map((field) => fieldCause(field, difference.path, a, implied)));
}

function fieldCause(field: Field, path: ByteString, a: Directory, implied: ReadonlySet<ByteString>): CauseId {
  if (field.field === 'mtime') return timeCause(field, path, a, implied);
  if (field.field !== 'xattr') return PLAIN[field.field];
  if (field.name === 'security.selinux') return 'labels';
  return field.name === 'security.capability' ? 'capabilities' : 'attributes';
}

function timeCause(
  { a: timeA = '', b: timeB = '' }: Field,
  path: ByteString,
  root: Directory,
  implied: ReadonlySet<ByteString>,
): CauseId {
  if (seconds(timeA) === seconds(timeB)) return 'fractions';
  if (implied.has(path)) return 'implied-directories';
  return lookup(root, path)?.type === 'directory' ? 'directory-times' : 'file-times';
}

/** The part of a formatted time before the fraction. */
function seconds(time: string): string {
  return time.split(' ', 1)[0] ?? '';
}
