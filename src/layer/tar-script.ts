/**
 * A layer's tar as a list of instructions: literal bytes (headers, small contents, padding), ranges to copy from
 * content sources, and zeros. It is made where the tree is and carried out where the bytes are, on another thread;
 * only plain arrays cross over.
 */

import { byteString } from '../bytes/byte-string.ts';
import { PlanishError } from '../errors.ts';
import { END_OF_ARCHIVE, encodeTarHeader, paddingLength, type TarRecord } from '../tar/writer.ts';
import { contentSize, type ExternalContent, type Node } from '../tree/tree.ts';
import type { LayerMember } from './members.ts';

/** Numbers a step takes up in {@link TarScript.steps}: operation, then up to three operands. */
export const STEP_WIDTH = 4;

/** Operations: `LITERAL length`, `COPY source offset length`, `ZEROS length`. */
export const STEP = { literal: 0, copy: 1, zeros: 2 } as const;

/**
 * Bytes of a piece of literals. A layer of 200,000 small files has 100 MB of headers: in one array, which is copied
 * whenever it grows, they took four times the room.
 */
export const LITERAL_PIECE_BYTES: number = 256 * 1024;

/** The instructions; all arrays can be transferred to a thread. */
export interface TarScript {
  /** All literal bytes, in order of use, in pieces of {@link LITERAL_PIECE_BYTES}; only the last may be shorter. */
  readonly literals: readonly Uint8Array<ArrayBuffer>[];
  /** Rows of {@link STEP_WIDTH} numbers, see {@link STEP}. */
  readonly steps: Float64Array<ArrayBuffer>;
  /** Bytes of the whole tar. */
  readonly size: number;
}

/** The canonical tar of a layer, as instructions. Changing anything here changes diffIDs. */
export function buildTarScript(members: readonly LayerMember[]): TarScript {
  const builder = new ScriptBuilder();
  for (const member of members) {
    builder.literal(encodeTarHeader(tarRecord(member)));
    if (member.node.type === 'regular' && member.linkTo === undefined) appendContent(builder, member.node);
  }
  builder.literal(END_OF_ARCHIVE);
  return builder.finish();
}

/** Name of a member in the tar: no leading slash, directories end in one, the root is `./`. */
function tarName(member: LayerMember): TarRecord['path'] {
  const relative = member.path.slice(1);
  if (member.node.type !== 'directory') return byteString(relative);
  return byteString(relative === '' ? './' : `${relative}/`);
}

function tarRecord(member: LayerMember): TarRecord {
  const { node, linkTo } = member;
  const { mode, uid, gid, mtime, xattrs } = node.metadata;
  const common = { path: tarName(member), mode, uid, gid, mtime, xattrs };
  if (linkTo !== undefined) return { ...common, ...typeFields('hardlink', linkTo.slice(1)) };
  if (node.type === 'symlink') return { ...common, ...typeFields('symlink', node.target) };
  if (node.type === 'character' || node.type === 'block') {
    return { ...common, ...typeFields(node.type), major: node.major, minor: node.minor };
  }
  if (node.type === 'socket') throw new PlanishError('INVARIANT', 'a socket reached the tar writer');
  const size = node.type === 'regular' ? contentSize(node.content) : 0;
  return { ...common, ...typeFields(node.type), size };
}

function typeFields(
  type: TarRecord['type'],
  linkTarget = '',
): Pick<TarRecord, 'type' | 'linkTarget' | 'size' | 'major' | 'minor'> {
  return { type, linkTarget: byteString(linkTarget), size: 0, major: 0, minor: 0 };
}

function appendContent(builder: ScriptBuilder, node: Extract<Node, { type: 'regular' }>): void {
  const { content } = node;
  if (content.kind === 'inline') builder.literal(content.bytes);
  else appendExternal(builder, content);
  builder.padding(paddingLength(contentSize(content)));
}

function appendExternal(builder: ScriptBuilder, content: ExternalContent): void {
  if (content.location === undefined) {
    throw new PlanishError('INVARIANT', 'content to be written has no known place');
  }
  let position = 0;
  for (const { at, offset, length } of content.location.extents) {
    builder.zeros(at - position);
    builder.copy(content.location.source, offset, length);
    position = at + length;
  }
  builder.zeros(content.size - position);
}

/** Padding of up to this many bytes joins the literals around it; more is cheaper as a step of its own. */
const LITERAL_PADDING_MAX = 64;

/** Collects instructions, joining neighbours of a kind. */
class ScriptBuilder {
  readonly #steps: number[] = [];
  readonly #literals: Uint8Array<ArrayBuffer>[] = [];
  /** The piece that is being filled, and how far it is. */
  #piece = new Uint8Array(LITERAL_PIECE_BYTES);
  #used = 0;
  #pending = 0;
  #size = 0;

  literal(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      if (this.#used === LITERAL_PIECE_BYTES) this.#endPiece();
      const part = bytes.subarray(done, done + LITERAL_PIECE_BYTES - this.#used);
      this.#piece.set(part, this.#used);
      this.#used += part.length;
      done += part.length;
    }
    this.#pending += bytes.length;
    this.#size += bytes.length;
  }

  padding(length: number): void {
    if (length > LITERAL_PADDING_MAX) this.zeros(length);
    else this.literal(END_OF_ARCHIVE.subarray(0, length));
  }

  copy(source: number, offset: number, length: number): void {
    if (length === 0) return;
    this.#flush();
    this.#steps.push(STEP.copy, source, offset, length);
    this.#size += length;
  }

  zeros(length: number): void {
    if (length === 0) return;
    this.#flush();
    this.#steps.push(STEP.zeros, length, 0, 0);
    this.#size += length;
  }

  finish(): TarScript {
    this.#flush();
    const literals = [...this.#literals, this.#piece.slice(0, this.#used)];
    return { literals, steps: Float64Array.from(this.#steps), size: this.#size };
  }

  #flush(): void {
    if (this.#pending === 0) return;
    this.#steps.push(STEP.literal, this.#pending, 0, 0);
    this.#pending = 0;
  }

  #endPiece(): void {
    this.#literals.push(this.#piece);
    this.#piece = new Uint8Array(LITERAL_PIECE_BYTES);
    this.#used = 0;
  }
}
