/** Where contents lie: nearly all in one piece, of which there are as many as files. */
import type { Extent } from '../bytes/stat.ts';
import type { ContentLocation } from './tree.ts';

/** One object where there would be four. It loses its extents when it is copied by its properties, or sent to a thread. */
class WholeLocation implements ContentLocation {
  readonly source: number;
  readonly offset: number;
  readonly length: number;

  constructor(source: number, offset: number, length: number) {
    this.source = source;
    this.offset = offset;
    this.length = length;
  }

  get extents(): readonly Extent[] {
    return [{ at: 0, offset: this.offset, length: this.length }];
  }
}

/** The location of a content that lies in one piece. */
export function wholeLocation(source: number, offset: number, length: number): ContentLocation {
  return new WholeLocation(source, offset, length);
}
