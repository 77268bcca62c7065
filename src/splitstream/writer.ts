/** Writing a splitstream: chunks as they come, sections when all is known. */
import type { HashAlgorithm, VerityDigest } from '../bytes/digest.ts';
import { ZSTD_PIECE_BYTES, type ZstdCompressor } from '../compress/zstd-backend.ts';
import { CHUNK_HEADER_BYTES, encodeHeader, HEADER_BYTES, INFO_BYTES, type Range } from './format.ts';

/**
 * Level of the frames: libzstd's own default, as composefs-rs has it. Names of splitstreams are digests of their bytes,
 * but no reader compares those with what it would write itself.
 */
export const SPLITSTREAM_ZSTD_LEVEL = 3;

/** What libzstd writes for nothing at all: a context of megabytes need not be made for that. */
const EMPTY_FRAME: Uint8Array = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x00, 0x01, 0x00, 0x00);

/** What a splitstream is made for and with. */
export interface SplitstreamOptions {
  readonly algorithm: HashAlgorithm;
  /** At most eight ASCII characters. */
  readonly contentType: string;
  /** Opens a zstd compressor of level {@link SPLITSTREAM_ZSTD_LEVEL}. */
  readonly openCompressor: () => ZstdCompressor;
}

/**
 * See the module. Neighbouring inline bytes become one chunk, as readers want it: a tar header may not straddle two. So
 * they are held until an object follows; the bytes of the whole file are, when it is finished.
 */
export class SplitstreamWriter {
  readonly #options: SplitstreamOptions;
  readonly #chunks: FrameWriter;
  readonly #objects = new DigestList();
  readonly #streams = new DigestList();
  readonly #names = new Map<string, number>();
  #inline: Buffer = Buffer.allocUnsafe(64 * 1024);
  #inlineLength = 0;
  #size = 0;

  constructor(options: SplitstreamOptions) {
    this.#options = options;
    this.#chunks = new FrameWriter(options.openCompressor());
  }

  /** Digests of the objects named so far, in order of first appearance. */
  get objects(): readonly VerityDigest[] {
    return this.#objects.digests;
  }

  /** Appends bytes that are kept here. */
  addInline(bytes: Uint8Array, start = 0, end: number = bytes.length): void {
    const length = end - start;
    this.#reserve(this.#inlineLength + length);
    this.#inline.set(bytes.subarray(start, end), this.#inlineLength);
    this.#inlineLength += length;
    this.#size += length;
  }

  /** Appends `size` bytes that are the object of that digest. */
  addExternal(digest: VerityDigest, size: number): void {
    this.#flushInline();
    this.#chunks.write(chunkHeader(this.#objects.indexOf(digest)));
    this.#size += size;
  }

  /** Names a stream, by the digest of its splitstream. */
  addNamedRef(name: string, digest: VerityDigest): void {
    this.#names.set(name, this.#streams.indexOf(digest));
  }

  /** The whole file. Nothing may follow. */
  finish(): Uint8Array {
    this.#flushInline();
    const { algorithm, contentType, openCompressor } = this.#options;
    const sections = [
      this.#streams.bytes(),
      this.#objects.bytes(),
      this.#names.size === 0 ? EMPTY_FRAME : compressWhole(formatNames(this.#names), openCompressor()),
      this.#chunks.finish(),
    ];
    const [streamRefs, objectRefs, namedRefs, stream] = placeSections(sections);
    const info = { streamRefs, objectRefs, stream, namedRefs, contentType, size: this.#size };
    return Buffer.concat([encodeHeader(algorithm, info), ...sections]);
  }

  #flushInline(): void {
    if (this.#inlineLength === 0) return;
    this.#chunks.write(chunkHeader(-this.#inlineLength));
    this.#chunks.write(this.#inline.subarray(0, this.#inlineLength));
    this.#inlineLength = 0;
  }

  #reserve(length: number): void {
    if (length <= this.#inline.length) return;
    const larger = Buffer.allocUnsafe(Math.max(length, 2 * this.#inline.length));
    this.#inline.copy(larger, 0, 0, this.#inlineLength);
    this.#inline = larger;
  }
}

function compressWhole(bytes: Uint8Array, compressor: ZstdCompressor): Uint8Array {
  const frame = new FrameWriter(compressor);
  frame.write(bytes);
  return frame.finish();
}

function placeSections(sections: readonly Uint8Array[]): [Range, Range, Range, Range] {
  let end = HEADER_BYTES + INFO_BYTES;
  const ranges = sections.map(({ length }) => {
    const start = end;
    end += length;
    return { start, end };
  });
  return ranges as [Range, Range, Range, Range];
}

function chunkHeader(value: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(CHUNK_HEADER_BYTES);
  bytes.writeBigInt64LE(BigInt(value));
  return bytes;
}

/** `INDEX:NAME` and a zero byte each, in byte order of names. */
function formatNames(names: ReadonlyMap<string, number>): Uint8Array {
  const records = [...names].map(([name, index]) => ({ name: Buffer.from(name), index }));
  records.sort((a, b) => Buffer.compare(a.name, b.name));
  return Buffer.concat(records.flatMap(({ name, index }) => [Buffer.from(`${index}:`), name, Buffer.of(0)]));
}

/** Digests without repetition, in order of first appearance. */
class DigestList {
  readonly digests: VerityDigest[] = [];
  readonly #indexes = new Map<VerityDigest, number>();

  indexOf(digest: VerityDigest): number {
    const known = this.#indexes.get(digest);
    if (known !== undefined) return known;
    this.#indexes.set(digest, this.digests.length);
    return this.digests.push(digest) - 1;
  }

  bytes(): Uint8Array {
    return Buffer.from(this.digests.join(''), 'hex');
  }
}

/** Memory that frames leave for others. */
const IDLE: Buffer[] = [];
const IDLE_BUFFERS = 4;

/** One zstd frame, its content cut into pieces of one size, so that its bytes do not depend on how it came. */
class FrameWriter {
  readonly #compressor: ZstdCompressor;
  readonly #pieces: Uint8Array[] = [];
  #buffer: Buffer | undefined;
  #used = 0;

  constructor(compressor: ZstdCompressor) {
    this.#compressor = compressor;
  }

  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      this.#buffer ??= IDLE.pop() ?? Buffer.allocUnsafeSlow(ZSTD_PIECE_BYTES);
      const taken = Math.min(ZSTD_PIECE_BYTES - this.#used, bytes.length - at);
      this.#buffer.set(bytes.subarray(at, at + taken), this.#used);
      this.#used += taken;
      at += taken;
      if (this.#used === ZSTD_PIECE_BYTES) this.#flush();
    }
  }

  finish(): Uint8Array {
    if (this.#used > 0) this.#flush();
    this.#keep(this.#compressor.finish());
    this.#compressor.close();
    if (this.#buffer !== undefined && IDLE.length < IDLE_BUFFERS) IDLE.push(this.#buffer);
    this.#buffer = undefined;
    return Buffer.concat(this.#pieces);
  }

  #flush(): void {
    if (this.#buffer === undefined) return;
    this.#keep(this.#compressor.compress(this.#buffer.subarray(0, this.#used)));
    this.#used = 0;
  }

  #keep(compressed: Uint8Array): void {
    if (compressed.length > 0) this.#pieces.push(Uint8Array.from(compressed));
  }
}
