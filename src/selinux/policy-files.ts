/**
 * Finds the policy inside an image: `/etc/selinux/config` names it, `/etc/selinux/NAME/contexts/files` holds the rules
 * for labels. Links are not followed and compiled files (`*.bin`) are not read, as on composefs hosts.
 */
import { type ByteString, byteString, fromBytes, fromUtf8 } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import { quotePath } from '../tree/path.ts';
import { contentSize, type Directory } from '../tree/tree.ts';
import { joinPath } from '../tree/walk.ts';
import { decodeLine, linesOf, type PolicyText } from './file-contexts.ts';

/** Reads whole files of the image whose tree it came with. */
export interface FileReader {
  /** The content of the regular file at an absolute path, `undefined` when it cannot be had. */
  read(path: ByteString): Uint8Array | undefined;
}

/** The files that decide on labels, in the words of selabel_file(5). */
export interface PolicyFiles {
  /** Name of the policy, such as `targeted`. */
  readonly name: ByteString;
  readonly contexts: PolicyText;
  readonly local: PolicyText | undefined;
  readonly homedirs: PolicyText | undefined;
  readonly subs: PolicyText | undefined;
  readonly subsDist: PolicyText | undefined;
}

const SELINUX = byteString('/etc/selinux');

/**
 * The policy of a tree; `undefined` when there is no `/etc/selinux`, no `config` in it, or no policy named there.
 * Whether the config says that SELinux is off is not asked. Throws `SELINUX_BAD_POLICY` when what is named is missing,
 * or is no directory or no regular file; `LIMIT_EXCEEDED`.
 */
export function findPolicy(root: Directory, reader: FileReader): PolicyFiles | undefined {
  const selinux = directory(root, byteString('/'), ['etc', 'selinux']);
  if (selinux === undefined) return undefined;
  const config = readText(selinux, SELINUX, 'config', reader);
  const name = config === undefined ? undefined : policyName(config);
  if (name === undefined) return undefined;
  const names = [...nameParts(name), 'contexts', 'files'];
  const files = directory(selinux, SELINUX, names);
  const path = names.reduce<ByteString>((parent, part) => joinPath(parent, byteString(part)), SELINUX);
  if (files === undefined)
    throw bad(`the policy "${quotePath(name)}" that the config names is not there`, path);
  const read = (suffix: string): PolicyText | undefined =>
    readText(files, path, `file_contexts${suffix}`, reader);
  const contexts = read('');
  if (contexts === undefined) throw bad('the policy has no file_contexts', path);
  return {
    name,
    contexts,
    local: read('.local'),
    homedirs: read('.homedirs'),
    subs: read('.subs'),
    subsDist: read('.subs_dist'),
  };
}

/** The value of the first line `SELINUXTYPE=…`, the key in any case; comments have keys that begin with `#`. */
export function policyName(config: PolicyText): ByteString | undefined {
  for (const line of linesOf(config)) {
    const text = decodeLine(line);
    const equals = text.indexOf('=');
    if (equals < 0 || trim(text.slice(0, equals)).toUpperCase() !== 'SELINUXTYPE') continue;
    return fromUtf8(trim(text.slice(equals + 1)));
  }
  return undefined;
}

/** Without White_Space of Unicode at either end, which is not quite what `String.trim` takes away. */
function trim(text: string): string {
  return text.replace(/^[\p{White_Space}]+/u, '').replace(/[\p{White_Space}]+$/u, '');
}

/** The directories that a policy's name leads through. Throws `SELINUX_BAD_POLICY` for what leads elsewhere. */
function nameParts(name: ByteString): string[] {
  const parts = name.split('/');
  if (parts[0] === '.' || parts.includes('..')) {
    throw bad(
      `the config names the policy "${quotePath(name)}", which leads elsewhere`,
      joinPath(SELINUX, byteString('config')),
    );
  }
  return parts.filter((part) => part !== '' && part !== '.');
}

function directory(from: Directory, at: ByteString, names: readonly string[]): Directory | undefined {
  let path = at;
  let found = from;
  for (const name of names) {
    path = joinPath(path, byteString(name));
    const child = found.children.get(byteString(name));
    if (child === undefined) return undefined;
    if (child.type !== 'directory') throw bad(`is of type ${child.type}, not a directory`, path);
    found = child;
  }
  return found;
}

function readText(
  parent: Directory,
  at: ByteString,
  name: string,
  reader: FileReader,
): PolicyText | undefined {
  const path = joinPath(at, byteString(name));
  const node = parent.children.get(byteString(name));
  if (node === undefined) return undefined;
  if (node.type !== 'regular') throw bad(`is of type ${node.type}, not a regular file`, path);
  if (contentSize(node.content) > LIMITS.selinuxFileBytes) {
    throw new PlanishError(
      'LIMIT_EXCEEDED',
      `${quotePath(path)} has more than ${LIMITS.selinuxFileBytes} bytes`,
      { path: quotePath(path), limit: 'selinuxFileBytes' },
    );
  }
  const bytes = reader.read(path);
  if (bytes === undefined) throw bad('cannot be read from this source', path);
  return { path, text: fromBytes(bytes) };
}

function bad(message: string, path: ByteString): PlanishError {
  const shown = quotePath(path);
  return new PlanishError('SELINUX_BAD_POLICY', `${shown}: ${message}`, { path: shown });
}
