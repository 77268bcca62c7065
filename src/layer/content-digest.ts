/**
 * Digests that tell whether a part of a tree has changed: SHA-256, cut to 192 bits, of all that a layer's tar says of
 * the paths. They are written into images, so that a later build can compare without reading layers. Contents count
 * by their fs-verity digest; digests made with different algorithms of it cannot be compared.
 */
import { createHash } from 'node:crypto';
import { type ByteString, byteString } from '../bytes/byte-string.ts';
import type { Metadata, Node } from '../tree/tree.ts';
import type { LayerMember } from './members.ts';

/** Bytes of a digest: a multiple of three, so that its base64 needs no padding. */
const DIGEST_BYTES = 24;

/** Characters that are hashed at once: a call for each member would take longer than hashing it. */
const PIECE_LENGTH = 65_536;

/** Digest of members of a layer, in their order, as 32 digits of base64url. Changing it makes later builds rewrite all layers once. */
export function digestMembers(members: Iterable<LayerMember>): string {
  const hash = createHash('sha256');
  let text = '';
  for (const member of members) {
    text += describeMember(member);
    if (text.length < PIECE_LENGTH) continue;
    hash.update(text, 'latin1');
    text = '';
  }
  hash.update(text, 'latin1');
  return hash.digest().subarray(0, DIGEST_BYTES).toString('base64url');
}

function describeMember({ path, node, linkTo }: LayerMember): string {
  return joinFields([path, linkTo ?? '']) + describeInode(node);
}

/** All that a tar says of an inode but its names: equal texts, equal inodes. */
export function describeInode(node: Node): string {
  return joinFields([node.type, ...describeMetadata(node.metadata), ...describeNode(node)]);
}

/** Everything with its length before it, so that no two lists come to the same text. */
function joinFields(fields: readonly string[]): string {
  let joined = '';
  for (const field of fields) joined += `${field.length}:${field}`;
  return joined;
}

function describeMetadata({ mode, uid, gid, mtime, xattrs }: Metadata): string[] {
  const numbers = `${mode} ${uid} ${gid} ${mtime.sec} ${mtime.nsec} ${xattrs.size}`;
  if (xattrs.size === 0) return [numbers];
  const names = [...xattrs.keys()].sort();
  const attributes = names.flatMap((name) => [name, latin1(xattrs.get(name) ?? new Uint8Array(0))]);
  return [numbers, ...attributes];
}

function describeNode(node: Node): string[] {
  switch (node.type) {
    case 'symlink':
      return [node.target];
    case 'character':
    case 'block':
      return [`${node.major} ${node.minor}`];
    case 'regular': {
      const { content } = node;
      if (content.kind === 'inline') return ['inline', latin1(content.bytes)];
      return ['external', String(content.size), content.verity ?? ''];
    }
    default:
      return [];
  }
}

function latin1(bytes: Uint8Array): ByteString {
  return byteString(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1'));
}
