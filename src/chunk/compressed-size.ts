/**
 * Bytes that files will take in a compressed layer, guessed from names, modes and sizes: when layers are planned nothing
 * is compressed yet, and contents may not even be at hand.
 *
 * The ratios are those of zstd at its default level, of whole components, rounded: fitted to a server and held against
 * other packages (test/bench/RESULTS.md). They are the same whatever layers are compressed with, so that the compression
 * does not decide what is in which layer. Plans need sizes in proportion only.
 */
import { baseName } from '../tree/path.ts';
import { contentSize } from '../tree/tree.ts';
import type { TreeItem } from './tree-index.ts';

/** Headers of an entry, all told. */
const ENTRY_BYTES = 32;
/** How far back zstd finds what it has had: its window at the default level. */
const WINDOW_BYTES = 2 * 1024 * 1024;
/** Contents up to this size are as soon written as referred to. */
const LEAST_COPY = 64;
const BLOCK = 512;

/** Compressed bytes of a hundred: what is compressed already … */
const PACKED = 100;
/** … what is dense by nature: keys and certificates, outlines of fonts, firmware … */
const DENSE = 50;
/** … machine code and byte code … */
const CODE = 35;
/** … and text, tables and all the rest. Kernel modules, with their symbols and padding, are no denser. */
const OTHER = 20;

const PACKED_NAMES =
  '7z apk avif br bz2 crx deb docx ear egg epub flac gem gif gz jar jpeg jpg lz lz4 lzma lzo m4a mkv mp3 mp4 nupkg odp ods odt ' +
  'oga ogg ogv opus png pptx rar rpm snap squashfs tbz tgz txz tzst war webm webp whl woff woff2 xlsx xpi xz zip zst';
const DENSE_NAMES = 'asc cer crt der fw gpg key otf p7b pem pfa pfb rom ttc ttf ucode';
const CODE_NAMES = 'a beam class dll efi elc exe node o pyc pyo wasm';
const SCRIPT_NAMES = 'js php pl py rb sh';

const EXTENSIONS: ReadonlyMap<string, number> = new Map(
  (
    [
      [PACKED_NAMES, PACKED],
      [DENSE_NAMES, DENSE],
      [CODE_NAMES, CODE],
      [SCRIPT_NAMES, OTHER],
      ['ko', OTHER],
    ] as const
  ).flatMap(([names, percent]) => names.split(' ').map((name) => [name, percent] as const)),
);

const BOOT_IMAGE = /^(?:vmlinuz|initrd|initramfs)/;
const SHARED_OBJECT = /\.so(?:\.[0-9.]+)?$/;
const EXECUTABLE = 0o111;

/** Compressed bytes of a hundred of a regular file. */
function percentOf({ path, node }: TreeItem): number {
  const name = baseName(path).toLowerCase();
  if (BOOT_IMAGE.test(name)) return PACKED;
  const dot = name.lastIndexOf('.');
  const known = dot < 0 ? undefined : EXTENSIONS.get(name.slice(dot + 1));
  if (known !== undefined) return known;
  if (path.includes('/firmware/')) return DENSE;
  return (node.metadata.mode & EXECUTABLE) !== 0 || SHARED_OBJECT.test(name) ? CODE : OTHER;
}

/**
 * Adds up the entries of one component, which are given in the order of a walk. A file with the name and size of one
 * shortly before it is taken for a copy, which costs nothing: packages of one source bring the same changelog each.
 * Changing this changes plans, and so layer digests.
 */
export class CompressedSize {
  #entries = 0;
  /** In hundredths of a byte, so that sums are exact in any order. */
  #hundredths = 0;
  #position = 0;
  readonly #ends = new Map<string, number>();

  /** Bytes so far, an integer. */
  get bytes(): number {
    return this.#entries * ENTRY_BYTES + Math.round(this.#hundredths / 100);
  }

  add(item: TreeItem): void {
    const { node, path, firstPath } = item;
    this.#entries++;
    this.#position += BLOCK;
    const size = node.type === 'regular' && firstPath === undefined ? contentSize(node.content) : 0;
    if (size === 0) return;
    this.#position += Math.ceil(size / BLOCK) * BLOCK;
    if (!this.#isCopy(`${size} ${baseName(path)}`, size)) this.#hundredths += size * percentOf(item);
  }

  #isCopy(name: string, size: number): boolean {
    const end = this.#ends.get(name);
    this.#ends.set(name, this.#position);
    return size > LEAST_COPY && end !== undefined && this.#position - end <= WINDOW_BYTES;
  }
}

/** The same for entries that are all at hand. */
export function estimateCompressedBytes(items: Iterable<TreeItem>): number {
  const size = new CompressedSize();
  for (const item of items) size.add(item);
  return size.bytes;
}
