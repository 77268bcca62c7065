/** Images that are made one where the other was are those that are made in memory of their own. */
import { expect, test } from 'vitest';
import { ImageRoom } from '../../../src/erofs/image-room.ts';
import { type EncodeOptions, encodeImage } from '../../../src/erofs/writer.ts';
import type { Directory } from '../../../src/tree/tree.ts';
import { dir, file } from '../../support/tree-builder.ts';

/** A tree whose image is full of other bytes than zeros. */
function filesOf(count: number): Directory {
  const names = Array.from({ length: count }, (_, index) => `file-${index}`);
  const bytes = new Uint8Array(5000).fill(0xff);
  return dir(Object.fromEntries(names.map((name) => [name, file({ kind: 'inline', bytes })])));
}

test('an image holds nothing of the one before', () => {
  const room = new ImageRoom();
  const options: EncodeOptions = { version: 1, algorithm: 'sha256' };
  const held = [9, 3, 12, 0].map((count) => {
    const alone = encodeImage(filesOf(count), options);
    const shared = encodeImage(filesOf(count), { ...options, room });
    expect(Buffer.compare(shared, alone)).toBe(0);
    return [alone.length, room.held];
  });
  expect(held).toEqual([
    [61_440, 61_440],
    [28_672, 61_440],
    [77_824, 77_824],
    [16_384, 77_824],
  ]);
});

test('room is taken once for images that fit in it', () => {
  const room = new ImageRoom();
  const first = room.take(4096);
  first.fill(1);
  const second = room.take(100);
  expect(second.buffer).toBe(first.buffer);
  expect([...second.subarray(0, 100)]).toEqual(new Array(100).fill(0));
  expect(room.take(4097).buffer).not.toBe(first.buffer);
});
