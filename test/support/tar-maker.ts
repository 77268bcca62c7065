/** Tars for tests: entries as any tool writes them, and blocks that no tool would write. */
import { archive, extension, padded, pax, type RawFields, rawHeader } from '../unit/tar/support.ts';

export { archive, extension, pax, rawHeader };

const BLOCK = 512;

/** A regular file with its content. */
export function file(name: string, content: string | Uint8Array = '', fields: RawFields = {}): Buffer {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  return Buffer.concat([rawHeader({ name, size: bytes.length, ...fields }), padded(bytes)]);
}

/** A directory, 0755; its name should end in a slash. */
export function directory(name: string): Buffer {
  return rawHeader({ name, type: '5', mode: '0000755' });
}

/** A symbolic link. */
export function symlink(name: string, target: string): Buffer {
  return rawHeader({ name, type: '2', mode: '0000777', linkname: target });
}

/** A hard link. */
export function hardlink(name: string, target: string): Buffer {
  return rawHeader({ name, type: '1', linkname: target });
}

/** A PAX header with these very bytes as its records, true or not, for the entry that follows. */
export function paxHeader(records: string): Buffer {
  return extension('x', records, 'PaxHeaders/x');
}

/** A header that says it is of `claim` bytes, with no content behind it. */
export function claiming(name: string, claim: number | string): Buffer {
  return rawHeader({ name, size: claim });
}

/** A copy with one byte changed. */
export function flipped(bytes: Uint8Array, offset: number, mask = 0xff): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(offset) ^ mask, offset);
  return copy;
}

/** A small tree that every verb can process: `usr/`, a file in it, a link. */
export function smallTar(): Buffer {
  return archive(
    directory('./'),
    directory('usr/'),
    directory('usr/bin/'),
    file('usr/bin/hello', '#!/bin/sh\necho hello\n', { mode: '0000755' }),
    symlink('bin', 'usr/bin'),
    file('usr/data', pseudoRandom(20_000)),
  );
}

/** Bytes that no method compresses, the same on every run (xorshift). */
export function pseudoRandom(length: number, seed = 0x2545f491): Buffer {
  const bytes = Buffer.allocUnsafe(Math.ceil(length / 4) * 4);
  let state = seed | 0;
  for (let at = 0; at < bytes.length; at += 4) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bytes.writeInt32LE(state, at);
  }
  return bytes.subarray(0, length);
}

/** Offset of the n-th block. */
export function block(index: number): number {
  return index * BLOCK;
}
